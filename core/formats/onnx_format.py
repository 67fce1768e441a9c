"""The ONNX loader: read the bytes once, check them, then build and normalise the graph."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from core.context import Context
from core.errors import OpenError, SecateurError
from core.formats import FORMATS
from core.formats.content import may_be_a_model
from core.formats.other_makers import other_maker, refusal
from core.formats.proto_checks import Facts, check_model
from core.formats.safety import HEAD_BYTES, check_file, shown, unreadable
from core.formats.sparse import make_dense
from core.formats.wire import MalformedError, Split, split
from core.graph.apart import leaves
from core.graph.build import build
from core.graph.held import hold
from core.graph.labels import clean
from core.graph.nodes import all_graphs
from core.graph.opened import OpenedModel
from core.values import Described, text

SIZE_LIMIT_BYTES = 2**31 - 1
"""Protobuf, and so a single ONNX file, ends here."""

_SIMPLE: dict[int, np.dtype[Any]] = {
    int(onnx.TensorProto.FLOAT): np.dtype("<f4"),
    int(onnx.TensorProto.INT64): np.dtype("<i8"),
    int(onnx.TensorProto.INT32): np.dtype("<i4"),
}
"""What nearly all tensors are, however small: numpy's kinds of them."""

# tag of ModelProto's fields as first byte of a file: number << 3 | wire type
_FIRST_BYTES = frozenset({0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72, 0xA2, 0xCA})


class OnnxFormat:
    """ONNX, with or without external data."""

    def recognises(self, path: Path, head: bytes) -> bool:
        return head[0] in _FIRST_BYTES and may_be_a_model(path, head)

    def open(self, path: Path, context: Context) -> OpenedModel:
        size_bytes = check_file(path).st_size
        if size_bytes > SIZE_LIMIT_BYTES:
            raise OpenError(
                text("'{name}' is larger than 2 GiB ({size} bytes).", name=shown(path), size=size_bytes),
                text("A single ONNX file cannot hold more, so it cannot be complete."),
                text("Export the model again with its weights as external data, in a file beside it."),
            )
        try:
            data = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
        context.check()
        parts, proto = _parse(path, data)
        context.check()
        try:
            return self._build(path, data, parts, proto, context)
        except (SecateurError, MemoryError):
            raise
        except Exception as error:  # whatever the libraries trip over is a fault of the file
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise OpenError(
                text("The graph in '{name}' is invalid.", name=shown(path)),
                text("It cannot be read: {reason}", reason=clean(reason, 200)),
                text("Export the model again."),
            ) from error

    def _build(
        self, path: Path, data: bytes, parts: Split, proto: onnx.ModelProto, context: Context
    ) -> OpenedModel:
        facts = check_model(proto, parts, path)
        digest = hashlib.sha256(data)
        for external in facts.external_files:
            with open(external, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        make_dense(proto.graph)
        model = _to_ir(proto, parts, data, path, facts)
        size_bytes = len(data) + facts.external_bytes
        del data, parts, proto
        context.report(text("Reading the graph"))
        return build(model, path, digest.hexdigest(), size_bytes, facts, context)


def _parse(path: Path, data: bytes) -> tuple[Split, onnx.ModelProto]:
    try:
        parts = split(data)
        proto = onnx.ModelProto.FromString(parts.rest)
    except (DecodeError, MalformedError) as error:
        other = other_maker(path, data[:HEAD_BYTES])
        if other is not None:
            raise refusal(other, path) from error
        raise OpenError(
            text("'{name}' is not a valid ONNX file.", name=shown(path)),
            text("It breaks off or is damaged; most likely a download was incomplete."),
            text("Download or export it again and compare its size with the original."),
        ) from error
    return parts, proto


def _to_ir(proto: onnx.ModelProto, parts: Split, data: bytes, path: Path, facts: Facts) -> ir.Model:
    """The graph with every weight as a numpy array of its own (read-only)."""
    model = ir.serde.deserialize_model(proto)
    if facts.external_files:
        ir.external_data.set_base_dir(model.graph, path.parent)
    for graph in all_graphs(model.graph):
        for value in graph.initializers.values():
            if value.const_value is not None:
                value.const_value = _own(value.const_value, parts, data, facts, path)
        for node in graph:
            for key, attribute in node.attributes.data.items():
                if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                    tensor = _own(attribute.as_tensor(), parts, data, facts)
                    node.attributes[key] = ir.AttrTensor(key, tensor)
    return model


def _own(
    tensor: ir.TensorProtocol, parts: Split, data: bytes, facts: Facts, path: Path | None = None
) -> ir.TensorProtocol:
    """`path`: of the file whose bytes `data` are, where others may take the array for what lies there."""
    if isinstance(tensor, ir.TensorProtoTensor):
        raw = tensor.raw
        inside = raw.raw_data if raw.HasField("raw_data") else b""
        place = parts.place(inside)
        kind = _SIMPLE.get(raw.data_type)
        if place is not None or (kind is not None and inside):
            dtype = kind or tensor.dtype.numpy().newbyteorder("<")
            if place is None:
                array = np.frombuffer(inside, dtype)
            else:
                array = np.frombuffer(data, dtype, count=place[1] // dtype.itemsize, offset=place[0])
            # a copy is aligned, and lets go of the file's bytes
            array = array.reshape(tuple(raw.dims)).copy()
            array.setflags(write=False)
            if path is not None and place is not None:
                hold(path, place[0], array)
            return ir.Tensor(array, dtype=tensor.dtype, name=tensor.name)
        if tensor.dtype == ir.DataType.STRING:
            return tensor
        return ir.Tensor(tensor.numpy(), dtype=tensor.dtype, shape=ir.Shape(tensor.shape), name=tensor.name)
    if isinstance(tensor, ir.ExternalTensor):
        if facts.external_bytes > SIZE_LIMIT_BYTES and leaves(tensor):
            # read where it lies, as often as it is asked for
            return tensor
        array = np.array(tensor.numpy())
        array.setflags(write=False)
        return ir.Tensor(array, dtype=tensor.dtype, shape=ir.Shape(tensor.shape), name=tensor.name)
    return tensor


FORMATS.add(
    Described(
        name="onnx",
        label=text("ONNX"),
        help=text("An ONNX model (.onnx), with its weights inside or in files beside it."),
    ),
    OnnxFormat(),
)
