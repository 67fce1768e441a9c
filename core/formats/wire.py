"""Take the weights out of an ONNX file's bytes before protobuf parses the rest.

Protobuf copies every weight several times on its way to numpy. Here the few fields that lead to
``raw_data`` are followed in the encoded bytes, the data is cut out and a mark left in its place; what
remains is small. Source: protobuf's encoding, https://protobuf.dev/programming-guides/encoding/, and
the field numbers of onnx.proto.
"""

from __future__ import annotations

import mmap
import secrets
from dataclasses import dataclass

import onnx

from core.varint import varint

Encoded = bytes | mmap.mmap

THRESHOLD_BYTES = 1024
"""Smaller tensors stay where they are."""

_MAX_DEPTH = 40
_RAW_DATA, _FLOAT_DATA, _DATA_TYPE, _DATA_LOCATION = 9, 4, 2, 14
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
}
_SIMPLE = {
    int(getattr(onnx.TensorProto, name))
    for name in (
        "FLOAT", "DOUBLE", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64"
    )
}  # fmt: skip


class MalformedError(Exception):
    """The bytes are not a protobuf message; protobuf itself will say so."""


@dataclass(frozen=True)
class Split:
    """`rest` parses as the model; a tensor whose raw_data is a mark has its data at `places`."""

    rest: Encoded
    token: bytes
    places: tuple[tuple[int, int], ...]

    def place(self, raw: bytes) -> tuple[int, int] | None:
        """(offset, length) in the file of what this mark stands for, None if it is no mark.

        The token is random for every opening, so no file can bring marks of its own.
        """
        size = len(self.token)
        if len(raw) != size + 8 or raw[:size] != self.token:
            return None
        return self.places[int.from_bytes(raw[size:], "little")]


def split(data: Encoded) -> Split:
    """Cut large weights out of an encoded ModelProto. Raises MalformedError."""
    cutter = _Cutter(data)
    pieces = cutter.message("model", 0, len(data), 0)
    rest = data if pieces is None else b"".join(pieces)
    return Split(rest, cutter.token, tuple(cutter.places))


class _Cutter:
    def __init__(self, data: Encoded) -> None:
        self.data = data
        self.view = memoryview(data)
        self.token = secrets.token_bytes(24)
        self.places: list[tuple[int, int]] = []

    def message(self, kind: str, start: int, end: int, depth: int) -> list[bytes | memoryview] | None:
        """The message's new pieces, None if nothing was cut."""
        if kind == "tensor":
            return self.tensor(start, end)
        children = _CHILDREN[kind]
        pieces: list[bytes | memoryview] = []
        copied = position = start
        while position < end:
            tag_start = position
            number, wire, body, position = self.field(position, end)
            child = children.get(number) if wire == 2 else None
            if child is None or position - body < THRESHOLD_BYTES or depth >= _MAX_DEPTH:
                continue
            inner = self.message(child, body, position, depth + 1)
            if inner is None:
                continue
            pieces += [
                self.view[copied:tag_start],
                varint(number << 3 | 2),
                varint(sum(map(len, inner))),
                *inner,
            ]
            copied = position
        if not pieces:
            return None
        pieces.append(self.view[copied:end])
        return pieces

    def tensor(self, start: int, end: int) -> list[bytes | memoryview] | None:
        data_type = 0
        data: tuple[int, int, int] | None = None
        position = start
        while position < end:
            tag_start = position
            number, wire, body, position = self.field(position, end)
            if number == _DATA_TYPE and wire == 0:
                data_type = self.varint(body, position)[0]
            elif number == _DATA_LOCATION and self.varint(body, position)[0] != 0:
                return None
            elif (number == _RAW_DATA or (number == _FLOAT_DATA and wire == 2)) and position > body:
                if data is not None:
                    return None
                data = (tag_start, body, position)
                is_float_data = number == _FLOAT_DATA
        if data is None or data_type not in _SIMPLE or data[2] - data[1] < THRESHOLD_BYTES:
            return None
        if is_float_data and data_type != onnx.TensorProto.FLOAT:
            return None
        mark = self.token + len(self.places).to_bytes(8, "little")
        self.places.append((data[1], data[2] - data[1]))
        tag = varint(_RAW_DATA << 3 | 2)
        return [self.view[start : data[0]], tag, varint(len(mark)), mark, self.view[data[2] : end]]

    def field(self, position: int, end: int) -> tuple[int, int, int, int]:
        """(field number, wire type, start of its content, end of its content)."""
        tag = self.data[position] if position < end else 128
        if tag < 128:  # nearly all: a call for each byte takes half of the time that a file is read in
            position += 1
        else:
            tag, position = self.varint(position, end)
        number, wire = tag >> 3, tag & 7
        start = position
        if wire == 0:
            position = self.varint(position, end)[1]
        elif wire == 1:
            position += 8
        elif wire == 5:
            position += 4
        elif wire == 2:
            length = self.data[position] if position < end else 128
            if length < 128:
                start = position + 1
            else:
                length, start = self.varint(position, end)
            position = start + length
        else:
            raise MalformedError
        if position > end or number == 0:
            raise MalformedError
        return number, wire, start, position

    def varint(self, position: int, end: int) -> tuple[int, int]:
        result = shift = 0
        while position < end and shift < 70:
            byte = self.data[position]
            position += 1
            result |= (byte & 127) << shift
            if byte < 128:
                return result, position
            shift += 7
        raise MalformedError
