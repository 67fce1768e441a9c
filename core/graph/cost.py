"""What each layer costs: multiply-accumulates for one sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from core.graph.nodes import all_nodes
from core.graph.roles import stored, weight_inputs
from core.graph.shapes import Shape, infer_shapes, sample_inputs
from core.graph.tensors import dims
from core.values import Text, text


@dataclass(frozen=True)
class Costs:
    macs: dict[str, int | None]
    """Node name -> multiply-accumulates for one sample, None where a shape is unknown."""
    remarks: tuple[Text, ...] = ()


def costs(model: ir.Model) -> Costs:
    """Work out the cost of every node that may be a layer, bodies included.

    A body of an If or Loop counts as if it ran once.
    """
    inputs, guessed = sample_inputs(model)
    shapes = infer_shapes(model, inputs)
    macs: dict[str, int | None] = {}
    for node in all_nodes(model.graph):
        indices = weight_inputs(node)
        if not indices or node.name is None or max(indices) >= len(node.inputs):
            continue
        weight = stored(node.inputs[indices[0]])
        if weight is not None and weight.const_value is not None:
            size = dims(weight.const_value)
            macs[node.name] = node_macs(
                node, size, _shape(node.inputs[_data(node)], shapes), _outputs(node, shapes)
            )
    remarks: tuple[Text, ...] = ()
    if guessed and any(count is not None for count in macs.values()):
        sizes = ", ".join("×".join(map(str, shape)) for shape in inputs.values() if shape)
        remarks = (
            text(
                "The model leaves its input size open; multiply-accumulates are worked out for {sizes}.",
                sizes=sizes,
            ),
        )
    return Costs(macs, remarks)


def node_macs(node: ir.Node, weight: Shape, entry: Shape | None, result: Shape | None) -> int | None:
    """Multiply-accumulates of one node, shapes given as (weight, input, output).

    Conv: outputs · (in/groups · k). Dense: outputs · in. LSTM: steps · batch · (W + R), R square in the
    hidden size. A table that is looked up costs none. The bias is not counted.
    """
    op = node.op_type
    if op == "Gather":
        return 0
    if op in ("Conv", "ConvInteger", "QLinearConv"):
        return prod(result) * prod(weight[1:]) if result is not None else None
    if op == "ConvTranspose":
        return prod(entry) * prod(weight[1:]) if entry is not None else None
    if op in ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"):
        if entry is None or len(weight) != 3 or len(entry) != 3:
            return None
        hidden = node.attributes.get("hidden_size")
        gates = {"LSTM": 4, "GRU": 3, "RNN": 1}.get(op, 4)
        units = hidden.as_int() if hidden is not None else weight[1] // gates
        return entry[0] * entry[1] * weight[0] * gates * units * (entry[2] + units)
    if result is None:
        return None
    if op in ("Gemm", "QGemm"):
        attribute = node.attributes.get("transB")
        return prod(result) * weight[1 if attribute is not None and attribute.as_int() else 0]
    if op == "MatMulNBits":
        depth = node.attributes.get("K")
        return prod(result) * depth.as_int() if depth is not None else None
    first = weight_inputs(node) == (0,)
    return prod(result) * weight[-1 if first else -2] if len(weight) > 1 else None


def _data(node: ir.Node) -> int:
    """Index of the input that is not the weight."""
    return 1 if weight_inputs(node) == (0,) and len(node.inputs) > 1 else 0


def _outputs(node: ir.Node, shapes: dict[str, Shape]) -> Shape | None:
    return _shape(node.outputs[0], shapes) if node.outputs else None


def _shape(value: ir.Value | None, shapes: dict[str, Shape]) -> Shape | None:
    return shapes.get(value.name or "") if value is not None else None
