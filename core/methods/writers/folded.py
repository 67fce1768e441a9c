"""Integers in the file, multiplied out when onnxruntime loads it: small, and as fast as before."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, make_node
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._blocks import Split
from core.methods.writers._site import Site, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 10 if isinstance(weight, IntegerWeight) else None


@writer(_rank)
def folded(site: Site, weight: IntegerWeight) -> None:
    """Cast, Sub and Mul of constants, which are folded on loading.

    DequantizeLinear is not, and would multiply the weights out again at every run (measured: half the
    speed on a ResNet).
    """
    values = site.written.values
    for index, used in enumerate(site.node.inputs):
        if used is not site.value:
            continue
        if (site.name, "folded") not in values:
            nodes = _nodes(site, weight)
            if len(site.model.graph):
                site.model.graph.insert_before(site.model.graph[0], nodes)
            values[site.name, "folded"] = nodes[-1].outputs[0]
        site.node.replace_input_with(index, values[site.name, "folded"])


def _nodes(site: Site, weight: IntegerWeight) -> list[ir.Node]:
    """What makes the float weight; the last node's output is the weight."""
    model, dtype, shape = site.model, site.dtype, site.value.shape
    split = None if weight.layout is None else Split(weight.layout)
    inner = shape if split is None else None
    integers = weight.q if split is None else split.weight(weight.q)
    nodes: list[ir.Node] = []

    def placed(values: np.ndarray) -> np.ndarray:
        blocks = weight.layout is not None and values.shape == (weight.layout.rows, weight.layout.blocks)
        return split.parameters(values) if split is not None and blocks else values

    def to_float(value: ir.Value, name: str, as_shape: ir.Shape | None = None) -> ir.Value:
        nodes.append(make_node("Cast", [value], name, {"to": int(dtype)}, dtype=dtype, shape=as_shape))
        return nodes[-1].outputs[0]

    result = to_float(site.integers(integers, of=weight.q), "wc", inner)
    if weight.zero is not None:
        bits = stored_bits(site.step.weight_bits)
        zero = to_float(add_initializer(model, "o", placed(weight.zero), bits), "oc")
        nodes.append(make_node("Sub", [result, zero], "wz", dtype=dtype, shape=inner))
        result = nodes[-1].outputs[0]
    factor = add_initializer(model, "k", placed(weight.scale).astype(dtype.numpy()))
    nodes.append(make_node("Mul", [result, factor], "wf", dtype=dtype, shape=inner))
    if split is not None:
        nodes += split.joined(model, nodes[-1].outputs[0], dtype, shape)
    return nodes
