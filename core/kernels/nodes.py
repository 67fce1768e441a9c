"""The nodes of a network as the window adds them up: by names, each with the activation that it takes in."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.opened import OpenedModel
from core.graph.stored_precision import stored_precision
from core.methods._ends import float_ends
from core.methods._spatial_mean import pool_spatial_means
from core.methods.quantize_activations import can_be_integer, wires
from core.values import TimedNode, Wiring

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def wiring(opened: OpenedModel) -> Wiring:
    """Return how the main graph hangs together, as a run would have it before it places integers."""
    model = opened.model
    if any(node.op_type == "ReduceMean" for node in model.graph):
        model = opened.clone()
        pool_spatial_means(model)
    return Wiring(
        nodes=nodes_of(opened, model),
        outputs=tuple(value.name or "" for value in model.graph.outputs),
        stored=stored_precision(model),
    )


def nodes_of(opened: OpenedModel, model: ir.Model) -> tuple[TimedNode, ...]:
    """One for each node of `model`'s main graph, in its order, without times; `opened` says what is a layer.

    A Relu or Clip behind a node that has an integer kernel is part of that node.
    """
    nodes = list(model.graph)
    layers = {layer.id for layer in opened.info.layers}
    ends = float_ends(opened)
    tails = {node.outputs[0].name: node.name or "" for node in nodes if node.outputs}
    made: list[TimedNode] = []
    taken: set[str] = set()
    for node, wire in zip(nodes, wires(nodes, layers), strict=True):
        if not node.outputs or (node.outputs[0].name or "") in taken:
            continue  # an activation function that the kernel before it takes in
        layer = wire.kind == "layer" and node.op_type in LAYERS
        own = wire.kind != "other"
        tailed = own and wire.tailed
        if tailed:
            taken.add(wire.output)
        made.append(
            TimedNode(
                name=wire.name,
                op=node.op_type,
                kind=wire.kind,
                inputs=wire.inputs if own else tuple(v.name or "" for v in node.inputs if v is not None),
                output=wire.output if own else node.outputs[0].name or "",
                conv=wire.conv,
                tailed=tailed,
                tail=tails[wire.output] if tailed else "",
                others=tuple(value.name or "" for value in node.outputs[1:]),
                integer=layer and can_be_integer(node),
                end=wire.name in ends,
            )
        )
    return tuple(made)
