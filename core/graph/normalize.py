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
from core.graph.nodes import all_graphs, all_nodes


def normalize(model: ir.Model, fold: bool = True) -> None:
    """Normalise in place. `fold` False leaves arithmetic alone: for models that cannot be run here."""
    if model.functions:
        common.InlinePass()(model)
    graphs = all_graphs(model.graph)
    # each walk through a large graph takes a tenth of a second: none is made for what is not there
    if any(value.is_initializer() for graph in graphs for value in graph.inputs):
        # old files list every weight as an input too, which would only allow to replace it at each run
        common.RemoveInitializersFromInputsPass()(model)
    if any(node.op_type == "Constant" for node in all_nodes(model.graph)):
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    unique_names(model)
    if len(graphs) > 1:
        common.LiftSubgraphInitializersToMainGraphPass()(model)
    if len(graphs) > 1 or not _in_order(model.graph):
        for graph in graphs:
            graph.sort()
    _remove_idle(model)
    changed = bool(fold and fold_constants(model) + fold_batch_norms(model))
    if len(graphs) > 1 or _has_unused(model.graph):
        common.RemoveUnusedNodesPass()(model)
        changed = True
    if changed:
        unique_names(model)


def _in_order(graph: ir.Graph) -> bool:
    """Whether what a node reads is made before it; of a graph without bodies."""
    made: set[int] = set()
    for node in graph:
        for value in node.inputs:
            if value is not None and (producer := value.producer()) is not None and id(producer) not in made:
                return False
        made.add(id(node))
    return True


def _has_unused(graph: ir.Graph) -> bool:
    """Whether RemoveUnusedNodesPass may find something: of a graph without bodies."""
    for node in graph:
        if node.op_type == "BatchNormalization" or (node.inputs and node.inputs[-1] is None):
            return True
        if not all(output.is_graph_output() or output.uses() for output in node.outputs):
            return True
    return not all(
        value.uses() or value.is_graph_output() or value.is_graph_input()
        for value in graph.initializers.values()
    )


def _remove_idle(model: ir.Model) -> None:
    """Remove Identity, and Dropout as it is at inference."""
    for node in list(all_nodes(model.graph)):
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
