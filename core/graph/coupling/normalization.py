"""Normalisations: parameters go with their channels; where channels are averaged that is said."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, node_text
from core.graph.coupling.convolution import pixels_stay
from core.graph.coupling.edit import entry, integer
from core.graph.coupling.elementwise import broadcast
from core.graph.coupling.registry import operator
from core.values import Text, text


def averaged(node: ir.Node) -> Text:
    return text(
        "'{node}' ({operator}) averages over these channels: removing some changes the others a little.",
        node=node.name or "",
        operator=node.op_type,
    )


@operator("BatchNormalization", "InstanceNormalization")
def per_channel(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    c.link_values(given, output)
    if node.op_type == "InstanceNormalization":
        pixels_stay(c, node, given)
    for value in node.inputs[1:]:
        if value is not None:
            c.link_axes(value, 0, output, 1)


@operator("GroupNormalization")
def group_norm(c: Coupling, node: ir.Node) -> None:
    """Each group keeps as many channels: position i of one goes with position i of all."""
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    c.link_values(given, output)
    pixels_stay(c, node, given)
    groups = integer(node, "num_groups", 1)
    channels = c.axis(given, 1).reshape(groups, -1)
    c.link(channels[1:], channels[:1])
    c.note(channels.ravel(), averaged(node))
    for value in node.inputs[1:]:
        if value is not None and c.shape(value) == c.shape(given)[1:2]:
            c.link_axes(value, 0, given, 1)
        else:
            c.pin_value(value, node_text(node))


@operator("LayerNormalization", "RMSNormalization")
def layer_norm(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    rank = c.rank(given)
    axis = integer(node, "axis", -1) % rank
    c.link_values(given, output)
    for normalised in range(axis, rank):
        c.note(c.axis(given, normalised), averaged(node))
    broadcast(c, node.inputs[1:], output)
    for other in node.outputs[1:]:
        if other.uses() or other.is_graph_output():
            c.link_values(given, other, tuple(range(axis)))


@operator("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain="com.microsoft")
def skip_layer_norm(c: Coupling, node: ir.Node) -> None:
    output = node.outputs[0]
    broadcast(c, node.inputs, output)
    c.note(c.axis(output, -1), averaged(node))
    for other in node.outputs[1:]:
        if other.uses() or other.is_graph_output():
            broadcast(c, [other], output)


@operator("SimplifiedLayerNormalization")
def simplified(c: Coupling, node: ir.Node) -> None:
    layer_norm(c, node)


@operator("Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "CumSum", "ArgMax", "ArgMin", "TopK")
def along_one_axis(c: Coupling, node: ir.Node) -> None:
    """The axis that is compared or summed up keeps its positions."""
    given = entry(node, 0)
    assert given is not None
    rank = c.rank(given)
    axis = integer(node, "axis", 0 if node.op_type in ("ArgMax", "ArgMin") else -1) % rank
    old = node.op_type in ("Softmax", "LogSoftmax", "Hardmax") and c.opset < 13
    if old:
        axis = integer(node, "axis", 1) % rank
    held = tuple(range(axis, rank)) if old else (axis,)
    if node.op_type == "CumSum":
        held = tuple(range(rank))
    c.pin_value(given, node_text(node), held)
    for output in node.outputs:
        if c.rank(output) == rank:
            c.link_values(given, output, tuple(other for other in range(rank) if other not in held))
            c.pin_value(output, node_text(node), held)
        else:
            for other in range(rank):
                if other not in held:
                    c.link_axes(given, other, output, other - (other > axis))
