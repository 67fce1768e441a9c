"""From checked ONNX messages to a graph whose every weight is a numpy array of its own (read-only)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from core.formats.plain import plain_model
from core.formats.proto_checks import Facts
from core.formats.taken import take
from core.formats.wire import Encoded, Split
from core.graph.apart import leaves
from core.graph.held import hold
from core.graph.nodes import all_graphs

SIZE_LIMIT_BYTES = 2**31 - 1
"""Protobuf, and so a single ONNX file, ends here."""

_SIMPLE: dict[int, tuple[ir.DataType, np.dtype[Any]]] = {
    int(onnx.TensorProto.FLOAT): (ir.DataType.FLOAT, np.dtype("<f4")),
    int(onnx.TensorProto.INT64): (ir.DataType.INT64, np.dtype("<i8")),
    int(onnx.TensorProto.INT32): (ir.DataType.INT32, np.dtype("<i4")),
}
"""What nearly all tensors are, however small: numpy's kinds of them."""


def to_ir(proto: onnx.ModelProto, parts: Split, data: Encoded, path: Path, facts: Facts) -> ir.Model:
    """Return the model; weights come from `data`, the bytes of the file at `path`, or lie beside it."""
    owner = _Owner(parts, data, path, facts)
    model = plain_model(proto, owner.weight, owner.constant)
    if model is not None:
        return model
    model = ir.serde.deserialize_model(proto)
    if facts.external_files:
        ir.external_data.set_base_dir(model.graph, path.parent)
    for graph in all_graphs(model.graph):
        for value in graph.initializers.values():
            if value.const_value is not None:
                value.const_value = owner.own(value.const_value, weight=True)
        for node in graph:
            for key, attribute in node.attributes.data.items():
                if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                    node.attributes[key] = ir.AttrTensor(key, owner.own(attribute.as_tensor()))
    return model


class _Owner:
    """Makes tensors that hold their numbers themselves, so that the file's bytes can go."""

    def __init__(self, parts: Split, data: Encoded, path: Path, facts: Facts) -> None:
        self._parts = parts
        self._data = data
        self._path = path
        self._facts = facts
        self._shapes: dict[tuple[int, ...], ir.Shape] = {}
        self._taken: dict[int, np.ndarray] = {}
        """By place: what was left to `ir.serde` half-way is read a second time."""

    def weight(self, raw: onnx.TensorProto) -> ir.TensorProtocol:
        """Of the graph: others may take the array for what lies in the file."""
        return self._read(raw, weight=True)

    def constant(self, raw: onnx.TensorProto) -> ir.TensorProtocol:
        """Of an attribute."""
        return self._read(raw, weight=False)

    def own(self, tensor: ir.TensorProtocol, weight: bool = False) -> ir.TensorProtocol:
        if isinstance(tensor, ir.TensorProtoTensor):
            return self._read(tensor.raw, weight)
        if isinstance(tensor, ir.ExternalTensor):
            if self._facts.external_bytes > SIZE_LIMIT_BYTES and leaves(tensor):
                # read where it lies, as often as it is asked for
                return tensor
            array = np.array(tensor.numpy())
            array.setflags(write=False)
            return ir.Tensor(array, dtype=tensor.dtype, shape=ir.Shape(tensor.shape), name=tensor.name)
        return tensor

    def _read(self, raw: onnx.TensorProto, weight: bool) -> ir.TensorProtocol:
        inside = raw.raw_data
        kind = _SIMPLE.get(raw.data_type)
        if inside and raw.data_location != onnx.TensorProto.EXTERNAL:
            place = self._parts.place(inside)
            if place is None and kind is not None:
                # protobuf hands out bytes of our own, which nobody can change: no copy is needed
                array = np.frombuffer(inside, kind[1]).reshape(tuple(raw.dims))
                return self._tensor(array, kind[0], raw.name)
            if place is not None:
                dtype = ir.DataType(raw.data_type)
                numbers = kind[1] if kind is not None else dtype.numpy().newbyteorder("<")
                flat = self._taken.get(place[0])
                if flat is None:
                    # a copy is aligned, and lets go of the file's bytes
                    flat = self._taken[place[0]] = take(self._data, numbers, *place)
                array = flat.reshape(tuple(raw.dims))
                array.setflags(write=False)
                if weight:
                    hold(self._path, place[0], array)
                return self._tensor(array, dtype, raw.name)
        tensor = ir.serde.deserialize_tensor(raw, self._path.parent)
        if not isinstance(tensor, ir.TensorProtoTensor):
            return self.own(tensor)
        return ir.Tensor(tensor.numpy(), dtype=tensor.dtype, shape=ir.Shape(tensor.shape), name=tensor.name)

    def _tensor(self, array: np.ndarray, dtype: ir.DataType, name: str) -> ir.Tensor:
        shape = self._shapes.get(array.shape)
        if shape is None:
            # nobody can change it, so thousands of equal ones are one object
            shape = self._shapes[array.shape] = ir.Shape(array.shape, frozen=True)
        return ir.Tensor(array, dtype=dtype, shape=shape, name=name)
