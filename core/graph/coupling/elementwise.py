"""Operators that work on each element by itself, with broadcasting; and quantised copies of tensors."""

from __future__ import annotations

from collections.abc import Iterable

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, node_text
from core.graph.coupling.edit import entry, integer
from core.graph.coupling.registry import operator


def broadcast(c: Coupling, inputs: Iterable[ir.Value | None], output: ir.Value) -> None:
    """Link inputs with the output, axes counted from the back; an axis of size 1 is repeated."""
    shape = c.shape(output)
    for value in inputs:
        if value is None:
            continue
        own = c.shape(value)
        for behind in range(1, len(own) + 1):
            if own[-behind] == shape[-behind]:
                c.link_axes(value, -behind, output, -behind)


# fmt: off
_EACH_BY_ITSELF = (
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh",
    "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual",
    "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log",
    "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "PRelu", "Reciprocal", "Relu",
    "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub",
    "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
)
# fmt: on


@operator(*_EACH_BY_ITSELF)
def elementwise(c: Coupling, node: ir.Node) -> None:
    for output in node.outputs:
        if output.uses() or output.is_graph_output() or output is node.outputs[0]:
            inputs = node.inputs[:1] if node.op_type == "Dropout" else node.inputs
            broadcast(c, inputs, output)


@operator("Gelu", "QuickGelu", "FastGelu", "BiasGelu", domain="com.microsoft")
def fused_activation(c: Coupling, node: ir.Node) -> None:
    broadcast(c, node.inputs, node.outputs[0])


@operator("QuantizeLinear", "DequantizeLinear")
def quantised(c: Coupling, node: ir.Node) -> None:
    """A scale per channel goes with its channel; scales of blocks keep their axis whole."""
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    c.link_values(given, output)
    axis = integer(node, "axis", 1)
    for index in (1, 2):
        value = entry(node, index)
        if value is None:
            continue
        shape = c.shape(value)
        if len(shape) == 1 and shape[0] > 1:
            c.link_axes(value, 0, given, axis)
        elif len(shape) > 1:
            c.pin_value(given, node_text(node), (axis,))
            c.pin_value(value, node_text(node), (axis,))
            c.link_values(value, given)
