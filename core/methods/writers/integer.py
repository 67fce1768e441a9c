"""DequantizeLinear right before the layer, which onnxruntime fuses into the integer kernel."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, constant, make_node
from core.methods.quantize_activations import quantize_bias, smallest_weight_scale
from core.methods.quantize_weights import quantize_by_scale
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._site import Site, flat, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 5 if isinstance(weight, IntegerWeight) and site.activation_scale is not None else None


@writer(_rank)
def integer(site: Site, weight: IntegerWeight) -> None:
    """For layers whose activations are integers; the bias becomes int32 with them."""
    assert site.activation_scale is not None
    model, node = site.model, site.node
    q, scale = _fit_bias(site, weight)
    q_value = site.integers(q)
    nodes = []
    if stored_bits(site.step.weight_bits) < 8:
        # there is no convolution of 4 or 2 bits: onnxruntime folds this Cast on loading and runs on int8
        cast = make_node("Cast", [q_value], "w8", {"to": int(ir.DataType.INT8)}, dtype=ir.DataType.INT8)
        nodes.append(cast)
        q_value = cast.outputs[0]
    axis = next((axis for axis, size in enumerate(scale.shape) if size > 1), None)
    attributes = {"axis": axis} if axis not in (None, 1) else {}
    inputs = [q_value, add_initializer(model, "k", flat(scale))]
    if node.op_type == "Gemm":
        # the fusion to QGemm asks for zero points even where they are the default
        inputs.append(add_initializer(model, "o", np.zeros(flat(scale).shape, np.int8)))
    shape = site.value.shape
    dequantize = make_node("DequantizeLinear", inputs, "wf", attributes, shape=shape)  # type: ignore[arg-type]
    nodes.append(dequantize)
    model.graph.insert_before(node, nodes)
    node.replace_input_with(1, dequantize.outputs[0])
    quantize_bias(model, node, site.activation_scale, flat(scale))


def _fit_bias(site: Site, weight: IntegerWeight) -> tuple[np.ndarray, np.ndarray]:
    """Raise scales under which the int32 bias would overflow; give channels of zeros one that fits it."""
    assert site.activation_scale is not None
    q, scale, node = weight.q, weight.scale, site.node
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is None:
        return q, scale
    smallest = smallest_weight_scale(bias, float(site.activation_scale))
    if scale.size == 1:
        smallest = smallest.max(keepdims=True)
    smallest = np.maximum(smallest.reshape(scale.shape), np.finfo(np.float32).tiny)
    axes = tuple(axis for axis in range(q.ndim) if scale.shape[axis] == 1)
    empty = ~q.any(axis=axes, keepdims=True)
    # a channel without weights is its bias alone: 2**20 steps express it
    fitted = np.where(empty & (smallest > np.finfo(np.float32).tiny), smallest * 1024, scale)
    fitted = np.maximum(fitted, smallest).astype(np.float32)
    raised = fitted > scale
    if (raised & ~empty).any():
        q = np.where(raised, quantize_by_scale(q * scale, site.step.grid_bits, fitted), q)
    return q, fitted
