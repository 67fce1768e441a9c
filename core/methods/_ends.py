"""The first and the last layer may compute in float: what is rounded there is lost for good.

The picture itself and the last numbers before the answers cannot be made good by what follows. Where these
layers hold next to none of the work, float arithmetic costs no time: one conversion less on either side.
"""

from __future__ import annotations

import onnx_ir as ir

from core.graph.opened import OpenedModel
from core.graph.roles import weight_inputs

MOST_WORK = 0.015
"""Share of the multiply-accumulates up to which a layer at an end is left in float."""
_STEPS = 8
"""Operators between the last layer and the answers, or the input and the first layer."""


def float_ends(opened: OpenedModel) -> frozenset[str]:
    """Ids of the layers that read the model's input or make its answers, and hold at most `MOST_WORK`."""
    total = sum(layer.macs or 0 for layer in opened.info.layers)
    small = {
        layer.id
        for layer in opened.info.layers
        if layer.macs is not None and total and layer.macs <= MOST_WORK * total
    }
    # asked for every layer and setting of a sweep: no walk over the graph
    nodes = opened.nodes
    return frozenset(
        name for name in small & opened.main_nodes if _first(nodes[name]) or _last(nodes[name].outputs[0])
    )


def _first(node: ir.Node) -> bool:
    value = node.inputs[0] if node.inputs else None
    for _ in range(_STEPS):
        if value is None or value.is_graph_input():
            return value is not None
        producer = value.producer()
        if producer is None or weight_inputs(producer):
            return False
        computed = [each for each in producer.inputs if each is not None and each.const_value is None]
        value = computed[0] if len(computed) == 1 else None
    return False


def _last(value: ir.Value) -> bool:
    for _ in range(_STEPS):
        if value.is_graph_output():
            return True
        readers = list(value.uses())
        if len(readers) != 1 or weight_inputs(readers[0].node) or len(readers[0].node.outputs) != 1:
            return False
        value = readers[0].node.outputs[0]
    return False
