"""Constants that a model makes by itself: a few bytes in the file may ask for more memory than there is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from core.errors import UnsupportedModelError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import text

MAKERS = {"ConstantOfShape": 0, "Expand": 1}
"""Operator -> which input says how large the result is."""
_FLOAT_BYTES = 4
_LONGEST_SHAPE = 64
USUAL_BYTES = 64 << 30
"""Where the system does not say how much memory it has."""


def check_memory(graph: onnx.GraphProto, path: Path) -> None:
    """Raises UnsupportedModelError, naming the node, if one constant needs more memory than there is."""
    makers = [node for node in _nodes(graph) if node.op_type in MAKERS]
    if not makers:
        return
    limit = memory_bytes()
    known = _shapes(graph)
    for node in makers:
        place = MAKERS[node.op_type]
        if place >= len(node.input):
            continue
        shape = known.get(node.input[place])
        needed = math.prod(max(size, 0) for size in shape) * _FLOAT_BYTES if shape else 0
        if needed > limit:
            raise UnsupportedModelError(
                text("The model '{name}' needs {size} GB of memory.", name=shown(path), size=needed // 10**9),
                text(
                    "Its node '{node}' makes as many numbers at once; this computer has {limit} GB.",
                    node=clean(node.name or node.output[0]),
                    limit=round(limit / 1e9),
                ),
                text("Open it on a computer with more memory, or get it from a source that you trust."),
            )


def memory_bytes() -> int:
    """Of this computer."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return USUAL_BYTES


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Names of short lists of whole numbers, with what is in them."""
    found = {}
    for name, tensor in _constants(graph):
        if tensor.data_type == onnx.TensorProto.INT64 and math.prod(tensor.dims) <= _LONGEST_SHAPE:
            values = np.atleast_1d(numpy_helper.to_array(tensor))
            found[name] = tuple(int(value) for value in values)
    return found


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    for tensor in graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            yield tensor.name, tensor
    for node in _nodes(graph):
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value" and attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Those of bodies too."""
    stack = [graph]
    while stack:
        for node in stack.pop().node:
            yield node
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    stack.append(attribute.g)
                stack.extend(attribute.graphs)
