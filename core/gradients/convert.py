"""ONNX -> torch: a graph of onnx_ir as an `nn.Module` with the same answers and with gradients.

The module runs the nodes in their order over numbered places, the bodies of If, Loop and Scan included.
Weights keep their ONNX names, so that what training finds can be written back by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from core.errors import UnsupportedModelError
from core.gradients.operators import OPERATORS
from core.graph.roles import BIAS_INPUT, FLOAT_LAYERS, STANDARD
from core.values import Text, text

if TYPE_CHECKING:
    from core.gradients.torch_graph import TorchGraph

_NORMALISATIONS = {
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
}
"""Operator -> inputs that were trained, besides those of the layers."""


def missing_operators(model: ir.Model) -> tuple[str, ...]:
    """Return the operators that have no torch function here, in order of appearance; () if none.

    Custom domains stand before the operator: 'com.microsoft.FusedConv'. Needs no torch.
    """
    missing: dict[str, None] = {}
    for node in model.graph.all_nodes():
        if node.domain not in STANDARD:
            missing[f"{node.domain}.{node.op_type}"] = None
        elif node.op_type not in OPERATORS:
            missing[node.op_type] = None
    return tuple(missing)


def why_no_gradients(model: ir.Model) -> Text | None:
    """Return why nothing that needs gradients is available for this model, None if it is."""
    missing = missing_operators(model)
    if not missing:
        return None
    return text(
        "Gradients are not available: there is no derivative here for {operators}.",
        operators=", ".join(missing),
    )


def trained(model: ir.Model) -> list[str]:
    """Return the names of the float initializers that training may change, in the network's order.

    Weights and biases of the layers, scales and offsets of normalisations, and what is added to the
    result of a matrix product.
    """
    names: dict[str, None] = {}
    for node in model.graph.all_nodes():
        for value in _trained_inputs(node):
            tensor = value.const_value if value is not None else None
            if value is None or tensor is None or value.is_graph_input() or not value.is_initializer():
                continue
            if tensor.dtype in (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE) and tensor.size:
                names[value.name or ""] = None
    return list(names)


def to_torch(model: ir.Model, copied: bool = True) -> TorchGraph:
    """Return the model as a torch module; `model` is not changed.

    Not `copied`: its weights are the model's own arrays, which nobody may train.

    Raises UnsupportedModelError naming node and operator where there is no torch function for it.
    """
    from core.gradients.torch_graph import TorchGraph

    for node in model.graph.all_nodes():
        if node.domain not in STANDARD or node.op_type not in OPERATORS:
            raise UnsupportedModelError(
                text("The node '{node}' has no derivative here.", node=node.name or ""),
                text(
                    "Its operator {operator} is not among those that can be computed with gradients.",
                    operator=node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}",
                ),
                text("Everything that needs no gradients still works: pruning by magnitude, fewer bits."),
            )
    return TorchGraph(model, trained(model), copied)


def _trained_inputs(node: ir.Node) -> list[ir.Value | None]:
    if node.domain not in STANDARD:
        return []
    indices = list(FLOAT_LAYERS.get(node.op_type, ())) + list(_NORMALISATIONS.get(node.op_type, ()))
    if node.op_type == "MatMul":
        indices = [0, 1]
    if node.op_type in BIAS_INPUT:
        indices.append(BIAS_INPUT[node.op_type])
    if node.op_type == "Gather" and not _is_table(node.inputs[0]):
        indices = []
    if node.op_type == "Add" and any(_from_product(value) for value in node.inputs):
        indices = [0, 1]
    return [node.inputs[index] for index in indices if index < len(node.inputs)]


def _is_table(value: ir.Value | None) -> bool:
    """An embedding has a row for each entry; what is gathered from a list is a size or an index."""
    return value is not None and value.shape is not None and len(value.shape) >= 2


def _from_product(value: ir.Value | None) -> bool:
    producer = value.producer() if value is not None else None
    return producer is not None and producer.op_type in ("MatMul", "Einsum", "Conv", "ConvTranspose")
