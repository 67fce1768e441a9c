"""Nodes and small tensors as ONNX messages, quickly: a large model has tens of thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import onnx
import onnx_ir as ir

from core.graph.tensors import dims
from core.varint import varint


@lru_cache(maxsize=4096)
def _integer(name: str, value: int) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, type=onnx.AttributeProto.INT, i=value)


@lru_cache(maxsize=4096)
def _integers(name: str, value: tuple[int, ...]) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, type=onnx.AttributeProto.INTS, ints=value)


# kept ones are handed out to be copied: thousands of nodes have the same strides
_SIMPLE: dict[ir.AttributeType, Callable[[str, Any], onnx.AttributeProto]] = {
    ir.AttributeType.INT: _integer,
    ir.AttributeType.INTS: lambda name, value: _integers(name, tuple(value)),
    ir.AttributeType.FLOAT: lambda name, value: onnx.AttributeProto(
        name=name, type=onnx.AttributeProto.FLOAT, f=value
    ),
}


def node_proto(node: ir.Node) -> onnx.NodeProto:
    """Return the node as `ir.serde.serialize_node` would, without its metadata."""
    proto = _operator(node)
    proto.input.extend("" if value is None else value.name or "" for value in node.inputs)
    proto.output.extend(value.name or "" for value in node.outputs)
    if node.name:
        proto.name = node.name
    return proto


class GraphBytes:
    """What a graph is made of as encoded fields of a GraphProto; a message for each takes thrice as long.

    Most of a node repeats: its operator with its attributes is encoded once, and so is each name. Source:
    protobuf's encoding, https://protobuf.dev/programming-guides/encoding/, the field numbers of onnx.proto.
    """

    def __init__(self) -> None:
        self._names: dict[str, bytes] = {}
        self._operators: dict[tuple[object, ...], bytes] = {}
        self._types: dict[tuple[int, tuple[int, ...]], bytes] = {}
        self._tensors: dict[tuple[int, tuple[int, ...]], bytes] = {}

    def node(self, node: ir.Node) -> bytes:
        """The node without its name and metadata, as a graph's next one. No node may change meanwhile."""
        attributes = node.attributes.data.values()
        # equal attributes are mostly one object, see core/formats/plain.py
        kind = (node.op_type, node.domain, node.overload, *map(id, attributes))
        operator = self._operators.get(kind)
        if operator is None:
            operator = self._operators[kind] = _operator(node).SerializeToString()
        names, parts = self._names, [operator]
        for value in node.inputs:
            name = "" if value is None else value.name or ""
            parts += (_NODE_INPUT, names.get(name) or self._name(name))
        for value in node.outputs:
            name = value.name or ""
            parts += (_NODE_OUTPUT, names.get(name) or self._name(name))
        return _NODE + _sized(b"".join(parts))

    def input(self, name: str, dtype: ir.DataType, shape: tuple[int, ...]) -> bytes:
        """A tensor that the graph is given."""
        key = (int(dtype), shape)
        kind = self._types.get(key)
        if kind is None:
            message = onnx.helper.make_tensor_type_proto(key[0], shape)
            kind = self._types[key] = _TYPE + _sized(message.SerializeToString())
        return _INPUT + _sized(_VALUE_NAME + self._name(name) + kind)

    def initializer(self, name: str, tensor: ir.TensorProtocol) -> bytes:
        """A tensor with its content."""
        if tensor.dtype == ir.DataType.STRING:
            return _INITIALIZER + _sized(tensor_proto(tensor, name).SerializeToString())
        key = (int(tensor.dtype), dims(tensor))
        kind = self._tensors.get(key)
        if kind is None:
            message = onnx.TensorProto(data_type=key[0], dims=key[1])
            kind = self._tensors[key] = message.SerializeToString()
        content = _sized(tensor.tobytes())
        return _INITIALIZER + _sized(kind + _TENSOR_NAME + self._name(name) + _RAW_DATA + content)

    def _name(self, name: str) -> bytes:
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = _sized(name.encode())
        return found


def _tag(number: int) -> bytes:
    return varint(number << 3 | 2)


_NODE, _INITIALIZER, _INPUT = _tag(1), _tag(5), _tag(11)
_NODE_INPUT, _NODE_OUTPUT = _tag(1), _tag(2)
_VALUE_NAME, _TYPE = _tag(1), _tag(2)
_TENSOR_NAME, _RAW_DATA = _tag(8), _tag(9)
_SIZES = tuple(map(varint, range(1024)))


def _sized(content: bytes) -> bytes:
    size = len(content)
    return (_SIZES[size] if size < len(_SIZES) else varint(size)) + content


def _operator(node: ir.Node) -> onnx.NodeProto:
    proto = onnx.NodeProto(op_type=node.op_type)
    if node.domain:
        proto.domain = node.domain
    if node.overload:
        proto.overload = node.overload
    for name, attribute in node.attributes.data.items():
        simple = None if attribute.is_ref() else _SIMPLE.get(attribute.type)
        made = simple(name, attribute.value) if simple else ir.serde.serialize_attribute(attribute)
        proto.attribute.append(made)
    return proto


def tensor_proto(tensor: ir.TensorProtocol, name: str) -> onnx.TensorProto:
    """Return a tensor with its content under a name of choice."""
    if tensor.dtype == ir.DataType.STRING:
        proto = ir.serde.serialize_tensor(tensor)
        proto.name = name
        return proto
    return onnx.TensorProto(
        name=name, data_type=int(tensor.dtype), dims=dims(tensor), raw_data=tensor.tobytes()
    )
