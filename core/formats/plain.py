"""Plain ONNX graphs as onnx_ir's, quickly: its own way takes three times as long for 20,000 nodes.

`ir.serde` goes through several layers of Python for every node, value and attribute. Most networks have
neither bodies nor functions, and their thousands of nodes repeat a few attributes; what is rare is left
to `ir.serde`.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx
import onnx_ir as ir

Reader = Callable[[onnx.TensorProto], ir.TensorProtocol]

_BODIES = frozenset((onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS))
_NUMBERS = frozenset((onnx.AttributeProto.INT, onnx.AttributeProto.INTS, onnx.AttributeProto.FLOAT))


class _NotPlainError(Exception):
    """The graph has something that is left to `ir.serde`."""


def plain_model(proto: onnx.ModelProto, weight: Reader, constant: Reader) -> ir.Model | None:
    """Return the model as `ir.serde.deserialize_model` does, None if it has bodies, functions or the like.

    `weight` and `constant` read the tensors of initializers and of attributes. The graph is one that
    `core.formats.structure` has checked: each value is made once, and what is read is made.
    """
    if proto.functions or proto.configuration or proto.graph.quantization_annotation:
        return None
    try:
        graph = _graph(proto.graph, weight, constant)
    except _NotPlainError:
        return None
    graph.opset_imports.update(ir.serde.deserialize_opset_import(proto.opset_import))
    return ir.Model(
        graph,
        ir_version=proto.ir_version,
        producer_name=_given(proto, "producer_name"),
        producer_version=_given(proto, "producer_version"),
        domain=_given(proto, "domain"),
        model_version=proto.model_version if proto.HasField("model_version") else None,
        doc_string=_given(proto, "doc_string"),
        metadata_props=ir.serde.deserialize_metadata_props(proto.metadata_props),
    )


def _graph(proto: onnx.GraphProto, weight: Reader, constant: Reader) -> ir.Graph:
    values: dict[str, ir.Value] = {}
    inputs = [ir.Value(name=info.name) for info in proto.input]
    for info, value in zip(proto.input, inputs, strict=True):
        values[info.name] = ir.serde.deserialize_value_info_proto(info, value)
    infos = {info.name: info for info in proto.value_info}
    initializers = [_initializer(tensor, values, infos, weight) for tensor in proto.initializer]
    nodes: list[tuple[onnx.NodeProto, list[ir.Value]]] = []
    for node in proto.node:
        made = []
        for name in node.output:
            value = ir.Value(name=name)
            made.append(value)
            if name:
                values[name] = value
                if name in infos:
                    ir.serde.deserialize_value_info_proto(infos[name], value)
        nodes.append((node, made))
    attributes = _Attributes(constant)
    graph_nodes = [_node(node, made, values, attributes) for node, made in nodes]
    outputs = [ir.serde.deserialize_value_info_proto(info, values[info.name]) for info in proto.output]
    return ir.Graph(
        inputs,
        outputs,
        nodes=graph_nodes,
        initializers=initializers,
        doc_string=_given(proto, "doc_string"),
        name=_given(proto, "name"),
        metadata_props=ir.serde.deserialize_metadata_props(proto.metadata_props),
    )


def _initializer(
    proto: onnx.TensorProto,
    values: dict[str, ir.Value],
    infos: dict[str, onnx.ValueInfoProto],
    weight: Reader,
) -> ir.Value:
    name = proto.name
    tensor = weight(proto)
    if not name or not isinstance(tensor.shape, ir.Shape):
        raise _NotPlainError
    value = values.get(name)
    if value is not None:  # also an input
        value.const_value = tensor
        return value
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=tensor.shape, const_value=tensor)
    if name in infos:
        ir.serde.deserialize_value_info_proto(infos[name], value)
    values[name] = value
    return value


def _node(
    proto: onnx.NodeProto, outputs: list[ir.Value], values: dict[str, ir.Value], attributes: _Attributes
) -> ir.Node:
    if proto.device_configurations:
        raise _NotPlainError
    node = ir.Node(
        proto.domain,
        proto.op_type,
        [values[name] if name else None for name in proto.input],
        overload=proto.overload,
        outputs=outputs,
        name=proto.name,
        doc_string=_given(proto, "doc_string"),
        metadata_props=ir.serde.deserialize_metadata_props(proto.metadata_props),
    )
    if proto.attribute:
        # each one put in by itself would be checked for its type again
        node.attributes.data = {item.name: item for item in map(attributes.read, proto.attribute)}
    return node


class _Attributes:
    """Equal numbers are one object, as between a graph and its clones: nobody changes an attribute."""

    def __init__(self, constant: Reader) -> None:
        self._constant = constant
        self._known: dict[bytes, ir.Attr] = {}

    def read(self, proto: onnx.AttributeProto) -> ir.Attr:
        kind = proto.type
        if kind in _NUMBERS:
            key = proto.SerializeToString()
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = ir.serde.deserialize_attribute(proto)
            return found
        if kind in _BODIES and not proto.ref_attr_name:
            raise _NotPlainError
        if kind == onnx.AttributeProto.TENSOR and not proto.ref_attr_name:
            return ir.AttrTensor(proto.name, self._constant(proto.t))
        return ir.serde.deserialize_attribute(proto)


def _given(proto: onnx.ModelProto | onnx.GraphProto | onnx.NodeProto, field: str) -> str | None:
    return getattr(proto, field) if proto.HasField(field) else None
