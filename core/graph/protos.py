"""Nodes and small tensors as ONNX messages, quickly: a large model has tens of thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import onnx_ir as ir

_SIMPLE: dict[ir.AttributeType, Callable[[str, Any], onnx.AttributeProto]] = {
    ir.AttributeType.INT: lambda name, value: onnx.AttributeProto(
        name=name, type=onnx.AttributeProto.INT, i=value
    ),
    ir.AttributeType.INTS: lambda name, value: onnx.AttributeProto(
        name=name, type=onnx.AttributeProto.INTS, ints=value
    ),
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
    for name, attribute in node.attributes.items():
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
        name=name, data_type=int(tensor.dtype), dims=tensor.shape.numpy(), raw_data=tensor.tobytes()
    )
