"""A copy of the graph without its weights, for viewers: kilobytes whatever the model weighs.

It has the normalised graph's node names, so a viewer and our own views speak of the same nodes.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir

from core.graph.opened import OpenedModel
from core.graph.protos import node_proto, tensor_proto
from core.graph.tensors import dims, size_bytes

SMALL_BYTES = 1024
"""Constants up to this size keep their content: they are shapes, axes, limits."""


def light_copy(opened: OpenedModel) -> bytes:
    """Serialise the normalised graph with large initializers reduced to their name, dtype and shape."""
    graph = opened.model.graph
    proto = onnx.ModelProto(ir_version=max(opened.model.ir_version, 8))
    proto.producer_name = opened.info.producer
    for domain, version in graph.opset_imports.items():
        proto.opset_import.append(onnx.helper.make_opsetid(domain, version))
    proto.graph.name = opened.info.name
    for node in graph:
        proto.graph.node.append(node_proto(node))
    for value in graph.inputs:
        proto.graph.input.append(ir.serde.serialize_value(value))
    for value in graph.outputs:
        proto.graph.output.append(ir.serde.serialize_value(value))
    for name, value in graph.initializers.items():
        tensor = value.const_value
        if tensor is None:
            continue
        if size_bytes(tensor) <= SMALL_BYTES:
            entry = tensor_proto(tensor, name)
        else:
            entry = onnx.TensorProto(name=name, data_type=int(tensor.dtype), dims=dims(tensor))
        proto.graph.initializer.append(entry)
    return proto.SerializeToString()
