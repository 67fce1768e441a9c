"""Networks cut at a layer: they give its inputs and outputs and compute nothing behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.evaluate.runner import Runner
from core.methods._edit import constant
from core.methods._pieces import Feeds


class Tap:
    """Some values of a network's main graph, for any feeds. The model is taken apart: pass a private one."""

    def __init__(self, model: ir.Model, values: Sequence[ir.Value]) -> None:
        self._fed = {i: value.name or "" for i, value in enumerate(values) if value.is_graph_input()}
        wanted: list[ir.Value] = []
        for index, value in enumerate(values):
            if index in self._fed:
                continue
            twin = ir.Node("", "Identity", [value], outputs=[ir.Value(name=f"tapped_{index}")])
            twin.outputs[0].type = value.type or ir.TensorType(ir.DataType.FLOAT)
            model.graph.append(twin)
            wanted.append(twin.outputs[0])
        model.graph.outputs.clear()
        model.graph.outputs.extend(wanted)
        RemoveUnusedNodesPass()(model)
        self._runner = Runner(model) if wanted else None
        self._names = {item.name for item in self._runner.inputs} if self._runner else set()

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        """The values, in the order asked for, float32."""
        given = {name: array for name, array in feeds.items() if name in self._names}
        found = iter(self._runner.run(given) if self._runner is not None else ())
        count = len(self._fed)
        total = count + (len(self._runner.outputs) if self._runner is not None else 0)
        values = [feeds[self._fed[i]] if i in self._fed else next(found) for i in range(total)]
        return [np.asarray(value, dtype=np.float32) for value in values]


def joined(node: ir.Node) -> tuple[ir.Node, ir.Value] | None:
    """The Add that is the only reader of a layer's output, and its other (computed) input."""
    value = node.outputs[0]
    uses = list(value.uses())
    if len(uses) != 1 or uses[0].node.op_type != "Add" or value.is_graph_output():
        return None
    other = uses[0].node.inputs[1 - uses[0].idx]
    if other is None or other is value or constant(other) is not None:
        return None
    return uses[0].node, other


def node_named(model: ir.Model, name: str) -> ir.Node:
    """The node of the main graph with this name. Raises KeyError."""
    for node in model.graph:
        if node.name == name:
            return node
    raise KeyError(name)
