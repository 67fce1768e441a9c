"""Something in front of a timed kernel that wakes the threads, as the layers before it do in a real run.

Whatever comes first in a run finds the other threads asleep: the conversion at a kernel's entry seemed up to
three times as slow as the same conversion in the middle of a network.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

AWAKE = "awake"
"""How the names of the nodes begin that do so; their times count for nothing."""
_ROWS, _DEPTH = 32, 256
"""A product just large enough that onnxruntime gives it to all threads (64 Ki multiply-accumulates each)."""


def wake(model: ir.Model) -> None:
    """Let a small product go first, of whose result a number is added to every input of `model` (float)."""
    graph = model.graph
    weight = ir.Tensor(np.full((_DEPTH, _ROWS), 1e-3, np.float32), name=f"{AWAKE}_weight")
    stored = ir.Value(
        name=weight.name,
        shape=ir.Shape(weight.shape),
        type=ir.TensorType(ir.DataType.FLOAT),
        const_value=weight,
    )
    graph.register_initializer(stored)
    given = ir.Value(
        name=f"{AWAKE}_given", shape=ir.Shape([_ROWS, _DEPTH]), type=ir.TensorType(ir.DataType.FLOAT)
    )
    product = ir.node("MatMul", [given, stored], name=f"{AWAKE}_product")
    number = ir.node("ReduceMax", [product.outputs[0]], attributes={"keepdims": 0}, name=f"{AWAKE}_number")
    nodes = [product, number]
    for index, value in enumerate(graph.inputs):
        uses = list(value.uses())
        added = ir.node("Add", [value, number.outputs[0]], name=f"{AWAKE}_{index}")
        added.outputs[0].type = value.type
        added.outputs[0].shape = value.shape
        for use in uses:
            use.node.replace_input_with(use.idx, added.outputs[0])
        nodes.append(added)
    graph.inputs.append(given)
    graph.insert_before(graph[0], nodes)
