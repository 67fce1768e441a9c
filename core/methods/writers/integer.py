"""DequantizeLinear right before the layer, which onnxruntime fuses into the integer kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, make_node
from core.methods.quantize_activations import quantize_bias
from core.methods.round_weights import on_scale
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._blocks import Split
from core.methods.writers._least_scale import fitted_scale
from core.methods.writers._site import Site, flat, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    if not isinstance(weight, IntegerWeight) or site.activation_scale is None:
        return None
    # of blocks a kernel on integers knows only those whose scales are whole multiples
    return 5 if weight.layout is None or weight.factor is not None else None


@writer(_rank)
def integer(site: Site, weight: IntegerWeight) -> None:
    """For layers whose activations are integers; the bias becomes int32 with them."""
    assert site.activation_scale is not None
    model, node = site.model, site.node
    weight = _fit_bias(site, weight)
    scale = weight.scale
    nodes, integers, zero = _integers(site, weight)
    axis = next((axis for axis, size in enumerate(scale.shape) if size > 1), None)
    attributes = {"axis": axis} if axis not in (None, 1) else {}
    inputs = [integers, add_initializer(model, "k", flat(scale))]
    if zero is None and node.op_type == "Gemm":
        # the fusion to QGemm asks for zero points even where they are the default
        zero = np.zeros(scale.shape, np.int8)
    if zero is not None:
        inputs.append(add_initializer(model, "o", flat(zero)))
    shape = site.value.shape
    dequantize = make_node("DequantizeLinear", inputs, "wf", attributes, shape=shape)  # type: ignore[arg-type]
    model.graph.insert_before(node, [*nodes, dequantize])
    node.replace_input_with(1, dequantize.outputs[0])
    quantize_bias(model, node, site.activation_scale, flat(scale))


def _integers(site: Site, weight: IntegerWeight) -> tuple[list[ir.Node], ir.Value, np.ndarray | None]:
    """The nodes that make int8 of what is stored, their result, and the zero point that is left to mind.

    There is no convolution of 4 or 2 bits, of blocks, or of zero points at no cost: but int8 constants may be
    computed from others by Cast, Sub and Mul, which onnxruntime folds on loading.
    """
    model, bits = site.model, site.step.weight_bits
    split = None if weight.layout is None else Split(weight.layout)
    stored = weight.q if split is None else split.weight(weight.q)
    nodes: list[ir.Node] = []

    def node(op_type: str, inputs: list[ir.Value], name: str) -> ir.Value:
        attributes = {"to": int(ir.DataType.INT8)} if op_type == "Cast" else {}
        nodes.append(make_node(op_type, inputs, name, attributes, dtype=ir.DataType.INT8))
        return nodes[-1].outputs[0]

    def parameter(name: str, values: np.ndarray, width: int, signed: bool = True) -> ir.Value:
        placed = split.parameters(values) if split is not None else values
        constant = add_initializer(model, name, placed, width, signed)
        return node("Cast", [constant], f"{name}c") if width < 8 else constant

    result = site.integers(stored, of=weight.q)
    if stored_bits(bits) < 8:
        result = node("Cast", [result], "w8")
    zero = weight.zero
    # differences of 7 bits would need the highest bit, which some processors have no room for
    if zero is not None and site.step.grid_bits < 7:
        result = node("Sub", [result, parameter("o", zero, stored_bits(bits))], "wz")
        zero = None
    if weight.factor is not None:
        result = node("Mul", [result, parameter("m", weight.factor, 4, signed=False)], "wm")
    if split is not None:
        nodes += split.joined(model, result, ir.DataType.INT8, site.value.shape)
        result = nodes[-1].outputs[0]
    return nodes, result, zero


def _fit_bias(site: Site, weight: IntegerWeight) -> IntegerWeight:
    # as integers: what is not 0 would be as large once more
    scale, raised = fitted_scale(site, weight.scale, weight.integers())
    if raised.any():
        return on_scale(weight, scale, site.step.grid_bits, raised)
    return replace(weight, scale=scale)
