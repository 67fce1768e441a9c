"""A model file without its large weights, read where it lies: only the small rest goes through protobuf.

Whoever wants to know what a file is made of, and not its numbers, then needs a few megabytes for any file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from core.formats.wire import MalformedError, Split, split

_SMALL = 1 << 20
"""Bytes; smaller files are read."""


class LightModel:
    """`proto` has marks where large weights were; `array` reads these, as long as the file is open."""

    def __init__(self, path: Path, data: mmap.mmap | bytes) -> None:
        self._folder, self._data = path.parent, data
        try:
            self._parts = split(data)
        except MalformedError:
            # protobuf says what is wrong
            self._parts = Split(data, b"", ())
        rest = self._parts.rest
        self.proto = onnx.ModelProto.FromString(rest if isinstance(rest, bytes) else rest[:])

    def array(self, tensor: onnx.TensorProto) -> np.ndarray:
        """The numbers of one of its tensors, wherever they lie; a copy. Raises OSError."""
        place = self._parts.place(tensor.raw_data) if tensor.HasField("raw_data") else None
        if place is None:
            return np.asarray(numpy_helper.to_array(tensor, str(self._folder)))
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).newbyteorder("<")
        content = self._data[place[0] : place[0] + place[1]]
        return np.frombuffer(content, kind).reshape(tuple(tensor.dims))


@contextmanager
def light_model(path: Path | str) -> Iterator[LightModel]:
    """A file that is open for as long as the context. External data stays where it is.

    Raises OSError, and DecodeError for what is no model.
    """
    path = Path(path)
    with path.open("rb") as file:
        if path.stat().st_size < _SMALL:
            yield LightModel(path, file.read())
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield LightModel(path, data)
