"""A large ONNX file for onnxruntime without a copy of its weights for each who reads it.

onnxruntime parses the file, which takes as much memory again as its weights. Of a model that is open the
weights are there already.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import onnx

from core.formats.wire import MalformedError, Split, split
from core.graph.apart import LEAST_BYTES
from core.graph.held import held

LARGE_FILE = 256 << 20
"""Bytes; smaller files are left to onnxruntime."""


def read_large(path: Path) -> tuple[onnx.ModelProto, dict[str, np.ndarray]] | None:
    """Return the model without its large weights, and these by name; None for a file to be read as usual:
    a smaller one, or one that is not open.

    Raises OSError.
    """
    if path.stat().st_size < LARGE_FILE:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            parts = split(data)
        except MalformedError:
            return None
        return _separated(path, data, parts)


def _separated(
    path: Path, data: mmap.mmap, parts: Split
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]] | None:
    proto = onnx.ModelProto.FromString(parts.rest)
    arrays: dict[str, np.ndarray] = {}
    found = 0
    for tensor in proto.graph.initializer:
        place = parts.place(tensor.raw_data)
        if place is None:
            continue
        found += 1
        offset, length = place
        if length < LEAST_BYTES:
            tensor.raw_data = data[offset : offset + length]
            continue
        array = held(path, offset)
        if array is None or array.nbytes != length:
            # read here it would stay beside what onnxruntime makes of it, which lets go of its own
            return None
        arrays[tensor.name] = array
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "apart"), ("offset", "0"), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
    # a mark elsewhere, in a node's own constant, has nobody to put its numbers back
    return (proto, arrays) if found == len(parts.places) else None
