"""From the opened network and a resolved plan to the network that the plan asks for.

`assemble` is pure: each call starts from a clone, so the network after three layers and the final one
come from the same code, and the last accuracy of a run is that of the artefact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.methods._bias import set_bias
from core.methods._edit import add_initializer, attribute_int, constant, drop_unused_initializers, make_node
from core.methods._tidy import tidy
from core.methods.planned import pruned
from core.methods.quantize_activations import (
    Placement,
    Range,
    bounded,
    insert,
    place,
    quantize_bias,
    smallest_weight_scale,
)
from core.methods.quantize_weights import quantize_axes, quantize_by_scale, quantize_merged
from core.methods.resolve import Step
from core.values import FLOAT_BITS, stored_bits

Cache = dict[tuple[object, ...], tuple[np.ndarray, np.ndarray]]
"""Rounded weights by name and settings: kept between the networks of one run."""

_Stored = dict[tuple[str, str | int], ir.Value]
"""What was written already for a weight that several layers share, by its name and the form."""


def placement_for(base: ir.Model, steps: Sequence[Step]) -> Placement:
    """Where the activations of these layers become integers."""
    return place(base, {step.layer.id for step in steps if step.activation_bits == 8})


def assemble(
    base: ir.Model,
    steps: Sequence[Step],
    ranges: Mapping[str, Range],
    cache: Cache | None = None,
    biases: Mapping[str, np.ndarray] | None = None,
) -> ir.Model:
    """The network with these steps done; `base` (see `resolve.base_model`) stays as it is.

    `ranges` must hold every value of `placement_for(base, steps).calibrated`. What `cache` holds of a
    weight is taken as it is, so corrected weights come in by it; `biases` are new ones by layer id.
    """
    model = base.clone()
    cache = {} if cache is None else cache
    placement = placement_for(model, steps)
    insert(model, placement, ranges)
    stored: _Stored = {}
    nodes = {node.name: node for node in model.graph.all_nodes()}
    inputs = {node.name: node.inputs[0].name or "" for node in base.graph if node.inputs and node.inputs[0]}
    for step in steps:
        if step.changes:
            if biases and step.layer.id in biases:
                set_bias(model, nodes[step.layer.id], biases[step.layer.id])
            source = placement.source.get(inputs.get(step.layer.id, ""), "")
            measured = bounded(ranges[source], placement.bounds.get(source)) if source in ranges else None
            _apply(model, nodes[step.layer.id], step, measured, cache, stored)
    drop_unused_initializers(model)
    tidy(model)
    return model


def _apply(
    model: ir.Model,
    node: ir.Node,
    step: Step,
    activation: Range | None,
    cache: Cache,
    stored: _Stored,
) -> None:
    for name in step.layer.weights:
        value = model.graph.initializers.get(name)
        if value is None or value.const_value is None:
            continue
        weight = value.const_value.numpy()
        key = (name, step.weight_key)
        if step.weight_bits == FLOAT_BITS:
            if (name, "float") not in stored:
                if key not in cache:
                    cache[key] = (pruned(weight, step), np.empty(0))
                value.const_value = ir.Tensor(cache[key][0], name=name)
                stored[name, "float"] = value
            continue
        if key not in cache:
            rounded = quantize_merged if step.merge else quantize_axes
            cache[key] = rounded(pruned(weight, step), step.weight_bits, step.channel_axes, step.search)
        q, scale = cache[key]
        if step.activation_bits == 8 and activation is not None:
            activation_scale = activation.uint8()[0]
            q, scale = _fit_bias(q, scale, node, activation_scale, step)
            _integer_weight(model, node, value, q, scale, step, stored)
            quantize_bias(model, node, activation_scale, _flat(scale))
        else:
            _folded_weight(model, node, value, q, scale, step, stored)


def _fit_bias(
    q: np.ndarray,
    scale: np.ndarray,
    node: ir.Node,
    activation_scale: np.float32,
    step: Step,
) -> tuple[np.ndarray, np.ndarray]:
    """Raise scales under which the int32 bias would overflow; give channels of zeros one that fits it."""
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is None:
        return q, scale
    smallest = smallest_weight_scale(bias, float(activation_scale))
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
        q = np.where(raised, quantize_by_scale(q * scale, step.weight_bits, fitted), q)
    return q, fitted


def _integer_weight(
    model: ir.Model,
    node: ir.Node,
    value: ir.Value,
    q: np.ndarray,
    scale: np.ndarray,
    step: Step,
    stored: _Stored,
) -> None:
    """DequantizeLinear right before the layer, which onnxruntime fuses into the integer kernel."""
    q_value = _stored_integers(model, value.name or "", q, step, stored)
    nodes = []
    if stored_bits(step.weight_bits) < 8:
        # there is no convolution of 4 or 2 bits: onnxruntime folds this Cast on loading and runs on int8
        cast = make_node("Cast", [q_value], "w8", {"to": int(ir.DataType.INT8)}, dtype=ir.DataType.INT8)
        nodes.append(cast)
        q_value = cast.outputs[0]
    axis = next((axis for axis, size in enumerate(scale.shape) if size > 1), None)
    attributes = {"axis": axis} if axis not in (None, 1) else {}
    inputs = [q_value, add_initializer(model, "k", _flat(scale))]
    if node.op_type == "Gemm":
        # the fusion to QGemm asks for zero points even where they are the default
        inputs.append(add_initializer(model, "o", np.zeros(_flat(scale).shape, np.int8)))
    dequantize = make_node(
        "DequantizeLinear",
        inputs,
        "wf",
        attributes,
        shape=value.shape,  # type: ignore[arg-type]
    )
    nodes.append(dequantize)
    model.graph.insert_before(node, nodes)
    node.replace_input_with(1, dequantize.outputs[0])


def _stored_integers(model: ir.Model, name: str, q: np.ndarray, step: Step, stored: _Stored) -> ir.Value:
    """The initializer with these integers: one for all layers that share it."""
    if (name, id(q)) not in stored:
        stored[name, id(q)] = add_initializer(model, "w", q, bits=stored_bits(step.weight_bits))
    return stored[name, id(q)]


def _flat(scale: np.ndarray) -> np.ndarray:
    """As DequantizeLinear wants it: one dimension, or a scalar for the whole tensor."""
    return scale.reshape(-1) if scale.size > 1 else scale.reshape(())


def _folded_weight(
    model: ir.Model,
    node: ir.Node,
    value: ir.Value,
    q: np.ndarray,
    scale: np.ndarray,
    step: Step,
    stored: _Stored,
) -> None:
    """Integers in the file, multiplied out when onnxruntime loads it: small, and as fast as before.

    Cast and Mul of constants are folded on loading; DequantizeLinear is not, and would multiply the
    weights out again at every run (measured: half the speed on a ResNet).
    """
    dtype = value.dtype or ir.DataType.FLOAT
    name = value.name or ""
    for index, used in enumerate(node.inputs):
        if used is not value:
            continue
        if node.op_type == "Gather" and stored_bits(step.weight_bits) == 8 and scale.size == scale.shape[0]:
            _embedding(model, node, value, q, scale, step, stored)
            return
        if (name, "folded") not in stored:
            q_value = _stored_integers(model, name, q, step, stored)
            cast = make_node("Cast", [q_value], "wc", {"to": int(dtype)}, dtype=dtype, shape=value.shape)
            factor = add_initializer(model, "k", scale.astype(dtype.numpy()))
            product = make_node("Mul", [cast.outputs[0], factor], "wf", dtype=dtype, shape=value.shape)
            if len(model.graph):
                model.graph.insert_before(model.graph[0], [cast, product])
            stored[name, "folded"] = product.outputs[0]
        node.replace_input_with(index, stored[name, "folded"])


def _embedding(
    model: ir.Model,
    node: ir.Node,
    value: ir.Value,
    q: np.ndarray,
    scale: np.ndarray,
    step: Step,
    stored: _Stored,
) -> None:
    """Gather the integers and their rows' scales, then multiply: the table stays small in memory too."""
    dtype = value.dtype or ir.DataType.FLOAT
    name = value.name or ""
    if (name, "rows") not in stored:
        stored[name, "rows"] = add_initializer(model, "k", scale.astype(dtype.numpy()))
    result = node.outputs[0]
    axis = attribute_int(node, "axis", 0)
    scales = make_node("Gather", [stored[name, "rows"], node.inputs[1]], "ks", {"axis": axis}, dtype=dtype)
    node.replace_input_with(0, _stored_integers(model, name, q, step, stored))
    rows = ir.Value(name=f"{result.name}_q", type=ir.TensorType(ir.DataType.INT8), shape=result.shape)
    integer = ir.Node(
        "", "Gather", list(node.inputs), list(node.attributes.values()), outputs=[rows], name=node.name
    )
    cast = make_node("Cast", [rows], f"{result.name}_c", {"to": int(dtype)}, dtype=dtype, shape=result.shape)
    product = make_node("Mul", [cast.outputs[0], scales.outputs[0]], f"{result.name}_m", dtype=dtype)
    graph = node.graph
    assert graph is not None
    graph.insert_before(node, [integer, scales, cast, product])  # type: ignore[union-attr]
    final = product.outputs[0]
    final.shape = result.shape
    name_was = result.name
    result.replace_all_uses_with(final, replace_graph_outputs=True)
    graph.remove(node, safe=True)  # type: ignore[union-attr]
    final.name = name_was
