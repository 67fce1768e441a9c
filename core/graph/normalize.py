"""Bring an exported graph into the form that every other part relies on.

Afterwards: constants are initializers of the main graph, names are unique over the whole model, nodes
that do nothing at inference are gone, what can be computed beforehand is, and batch normalisations are
folded where that is exact. The model computes the same; its inputs and outputs keep their names.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import common

from core.graph.batchnorm import fold_batch_norms, take_over
from core.graph.fold import fold_constants
from core.graph.names import unique_names


def normalize(model: ir.Model, fold: bool = True) -> None:
    """Normalise in place. `fold` False leaves arithmetic alone: for models that cannot be run here."""
    if model.functions:
        common.InlinePass()(model)
    # old files list every weight as an input too, which would only allow to replace it at each run
    common.RemoveInitializersFromInputsPass()(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    unique_names(model)
    common.LiftSubgraphInitializersToMainGraphPass()(model)
    for graph in model.graphs():
        graph.sort()
    _remove_idle(model)
    if fold:
        fold_constants(model)
        fold_batch_norms(model)
    common.RemoveUnusedNodesPass()(model)
    unique_names(model)


def _remove_idle(model: ir.Model) -> None:
    """Remove Identity, and Dropout as it is at inference."""
    for node in list(model.graph.all_nodes()):
        if node.domain not in ("", "ai.onnx") or not (node.op_type == "Identity" or _idle_dropout(node)):
            continue
        source, output = node.inputs[0], node.outputs[0]
        if source is None or node.graph is None:
            continue
        if output.is_graph_output():
            # a body must hand out a value of its own, and an output keeps its name
            movable = (
                source.producer() is not None
                and source.graph is node.graph
                and not source.is_graph_output()
                and node.graph is model.graph
            )
            if not movable:
                continue
        take_over(source, node)


def _idle_dropout(node: ir.Node) -> bool:
    if node.op_type != "Dropout" or any(
        output.uses() or output.is_graph_output() for output in node.outputs[1:]
    ):
        return False
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return True
    training = node.inputs[2].const_value
    return training is not None and not bool(training.numpy().item())
