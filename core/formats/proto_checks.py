"""Checks on a parsed ONNX model before a graph is built from it or onnxruntime sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import onnx

from core.errors import OpenError, UnsupportedModelError
from core.formats.external_data import check_tensor
from core.formats.memory import MAKERS, check_memory
from core.formats.reading import ReadGraph, ReadNode, read_function, read_graph
from core.formats.safety import shown
from core.formats.structure import check_functions, check_graph
from core.formats.wire import Split
from core.graph.labels import clean
from core.values import Text, text

NEWEST_OPSET = onnx.defs.onnx_opset_version()
NEWEST_IR = int(onnx.IR_VERSION)
_STANDARD = ("", "ai.onnx")
_ELEMENT_TYPES = frozenset(onnx.TensorProto.DataType.values())
_BITS = {
    onnx.TensorProto.INT4: 4,
    onnx.TensorProto.UINT4: 4,
    getattr(onnx.TensorProto, "FLOAT4E2M1", -1): 4,
    getattr(onnx.TensorProto, "INT2", -1): 2,
    getattr(onnx.TensorProto, "UINT2", -1): 2,
}


@dataclass(frozen=True)
class Facts:
    """What the checks found besides faults."""

    external_files: tuple[Path, ...] = ()
    external_bytes: int = 0
    custom_operators: tuple[str, ...] = ()
    """'domain::Operator' of what onnxruntime does not know."""
    opset: int = 0
    sparse: bool = False
    """Whether any tensor is stored by its places, in the graph or a body."""


def check_model(proto: onnx.ModelProto, parts: Split, path: Path) -> Facts:
    """Raises OpenError, UnsafeFileError or UnsupportedModelError, each naming the culprit."""
    opset = _check_versions(proto, path)
    read = read_graph(proto.graph, path)
    check_functions(proto, path)
    if not proto.graph.output:
        raise _unusable(path, text("It has no output, so there is nothing to measure."))
    weights = {tensor.name for tensor in proto.graph.initializer}
    if not any(value.name not in weights for value in proto.graph.input):
        raise _unusable(path, text("It has no input, so its answer never changes."))
    functions = [read_function(function, path) for function in proto.functions]
    own = list(read.graphs())
    inside = [
        graph for nodes in functions for node in nodes for body in node.bodies for graph in body.graphs()
    ]
    graphs = own + inside
    nodes = [node for found in (*(graph.nodes for graph in graphs), *functions) for node in found]
    external: dict[Path, int] = {}
    for tensor in _tensors(graphs, nodes):
        _check_tensor(tensor, parts, path, external)
    check_graph(read, path)
    if any(node.operator in MAKERS for node in nodes):
        check_memory(proto.graph, path)
    return Facts(
        external_files=tuple(sorted(external)),
        external_bytes=sum(file.stat().st_size for file in external),
        custom_operators=_custom_operators(proto, nodes),
        opset=opset,
        sparse=any(graph.graph.sparse_initializer for graph in own),
    )


def _unusable(path: Path, why: Text) -> UnsupportedModelError:
    return UnsupportedModelError(
        text("The model '{name}' cannot be used.", name=shown(path)),
        why,
        text("Export the complete model, with its inputs and outputs."),
    )


def _check_versions(proto: onnx.ModelProto, path: Path) -> int:
    """The opset of the standard operators."""
    opsets = [entry.version for entry in proto.opset_import if entry.domain in _STANDARD]
    if proto.ir_version <= 0 or not proto.HasField("graph") or (not opsets and not proto.opset_import):
        raise OpenError(
            text("'{name}' is not a valid ONNX file.", name=shown(path)),
            text("It lacks the version or the graph that every ONNX model has."),
            text("Download or export it again."),
        )
    if proto.ir_version > NEWEST_IR:
        raise UnsupportedModelError(
            text(
                "'{name}' is written in ONNX IR version {found}; this program reads up to {known}.",
                name=shown(path),
                found=proto.ir_version,
                known=NEWEST_IR,
            ),
            text("It comes from newer tools than this program has."),
            text("Export it with an older version (IR {known}), or update Secateur.", known=NEWEST_IR),
        )
    opset = max(opsets, default=0)
    if opset > NEWEST_OPSET:
        raise UnsupportedModelError(
            text(
                "'{name}' uses ONNX opset {found}; this program knows up to {known}.",
                name=shown(path),
                found=opset,
                known=NEWEST_OPSET,
            ),
            text("It comes from newer tools than this program has."),
            text(
                "Export it with an older opset (opset_version=17 serves nearly always), or update Secateur."
            ),
        )
    return opset


def _tensors(graphs: list[ReadGraph], nodes: list[ReadNode]) -> Iterator[onnx.TensorProto]:
    """Every tensor: initializers and attributes."""
    for read in graphs:
        yield from read.graph.initializer
        for sparse in read.graph.sparse_initializer:
            yield sparse.values
            yield sparse.indices
    for node in nodes:
        yield from node.tensors


def _check_tensor(tensor: onnx.TensorProto, parts: Split, path: Path, external: dict[Path, int]) -> None:
    name = clean(tensor.name)
    if tensor.data_type not in _ELEMENT_TYPES or tensor.data_type == 0:
        raise _bad_tensor(
            name, text("Its element type, number {dtype}, does not exist.", dtype=tensor.data_type)
        )
    dims = tuple(tensor.dims)
    if any(dim < 0 for dim in dims):
        raise _bad_tensor(name, text("Its shape {shape} has a negative dimension.", shape=_shape(dims)))
    count = prod(dims)
    if count >= 2**48:
        raise _bad_tensor(
            name, text("Its shape {shape} is larger than any computer's memory.", shape=_shape(dims))
        )
    if tensor.data_type == onnx.TensorProto.STRING:
        return
    expected = _expected_bytes(tensor.data_type, count)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        file, length = check_tensor(tensor, path, expected)
        external[file] = external.get(file, 0) + length
        return
    if tensor.HasField("raw_data"):
        place = parts.place(tensor.raw_data)
        found = place[1] if place is not None else len(tensor.raw_data)
        if found != expected:
            raise _bad_tensor(
                name,
                text(
                    "Its shape {shape} needs {expected} bytes, the file holds {found}.",
                    shape=_shape(dims),
                    expected=expected,
                    found=found,
                ),
            )
        return
    _check_typed(tensor, name, dims, count)


def _check_typed(tensor: onnx.TensorProto, name: str, dims: tuple[int, ...], count: int) -> None:
    """Data in float_data, int32_data and so on."""
    field = onnx.helper.tensor_dtype_to_field(tensor.data_type)
    found = len(getattr(tensor, field))
    needed = count
    if tensor.data_type in (onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128):
        needed = 2 * count
    elif tensor.data_type in _BITS:
        needed = -(-count * _BITS[tensor.data_type] // 8)
    if found != needed:
        raise _bad_tensor(
            name,
            text(
                "Its shape {shape} needs {expected} numbers, the file holds {found}.",
                shape=_shape(dims),
                expected=needed,
                found=found,
            ),
        )


def _expected_bytes(data_type: int, count: int) -> int:
    return -(-count * _bits(data_type) // 8)


@cache
def _bits(data_type: int) -> int:
    """Of one element."""
    bits = _BITS.get(data_type)
    return 8 * np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).itemsize if bits is None else bits


def _bad_tensor(name: str, why: Text) -> OpenError:
    return OpenError(
        text("Tensor '{tensor}' in the model is invalid.", tensor=name or "?"),
        why,
        text("The file is damaged or was not written correctly: download or export it again."),
    )


def _shape(dims: tuple[int, ...]) -> str:
    return clean("×".join(str(dim) for dim in dims))


def _custom_operators(proto: onnx.ModelProto, nodes: list[ReadNode]) -> tuple[str, ...]:
    """Operators that onnxruntime has no implementation for, without those that the file defines itself."""
    own = {(function.domain, function.name) for function in proto.functions}
    unknown: dict[str, None] = {}
    for domain, operator in dict.fromkeys((node.domain, node.operator) for node in nodes):
        standard = "" if domain in _STANDARD else domain
        if (standard, operator) not in known_operators() and (domain, operator) not in own:
            unknown[clean(f"{standard}::{operator}" if standard else operator)] = None
    return tuple(unknown)


@cache
def known_operators() -> frozenset[tuple[str, str]]:
    """(domain, operator) of everything that this onnxruntime or this onnx defines, EPContext left out.

    EPContext wraps a program compiled for one accelerator: it has a schema but cannot be looked into.
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    known = {(schema.domain, schema.name) for schema in native.get_all_operator_schema()}
    known |= {
        (schema.domain, schema.name)
        for schema in onnx.defs.get_all_schemas()
        if schema.domain in ("", "ai.onnx.ml")
    }
    return frozenset(known - {("com.microsoft", name) for name in ("EPContext", "Snpe", "QnnContext")})
