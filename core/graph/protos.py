"""Nodes and small tensors as ONNX messages, quickly: a large model has tens of thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import onnx
import onnx_ir as ir

from core.graph.tensors import dims


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
    proto = onnx.NodeProto(
        op_type=node.op_type,
        input=["" if value is None else value.name or "" for value in node.inputs],
        output=[value.name or "" for value in node.outputs],
    )
    if node.name:
        proto.name = node.name
    if node.domain:
        proto.domain = node.domain
    if node.overload:
        proto.overload = node.overload
    for name, attribute in node.attributes.data.items():
        simple = None if attribute.is_ref() else _SIMPLE.get(attribute.type)
        made = simple(name, attribute.value) if simple else ir.serde.serialize_attribute(attribute)
        proto.attribute.append(made)
    return proto


@lru_cache(maxsize=4096)
def tensor_type(dtype: ir.DataType, shape: tuple[int, ...]) -> onnx.TypeProto:
    """Return the type of tensors of this shape. It is shared: copy it, change nothing in it."""
    return onnx.helper.make_tensor_type_proto(int(dtype), shape)


def tensor_proto(tensor: ir.TensorProtocol, name: str) -> onnx.TensorProto:
    """Return a tensor with its content under a name of choice."""
    if tensor.dtype == ir.DataType.STRING:
        proto = ir.serde.serialize_tensor(tensor)
        proto.name = name
        return proto
    return onnx.TensorProto(
        name=name, data_type=int(tensor.dtype), dims=dims(tensor), raw_data=tensor.tobytes()
    )
