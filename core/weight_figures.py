"""Of every layer's weights: how far they reach, and how far a plan would move them."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights, out_axis
from core.methods.planned import planned_weight
from core.methods.resolve import Step, resolve
from core.values import Layer, LayerWeights, Plan, WeightFigures, text

SAMPLED = 1 << 18
"""Weights of a layer that are rounded to see the error; of a larger one evenly spaced output channels."""
MOST_DB = 150.0
"""Said where nothing but rounding of float32 is left."""


def weight_figures(opened: OpenedModel, plan: Plan, context: Context) -> WeightFigures:
    """Return range and error of each layer's weights, layers in the network's order.

    The error is that of the weights alone, chosen by magnitude and not compensated: what a run corrects
    afterwards is not in it. None where the plan leaves a layer as it is or cannot be followed.
    """
    try:
        steps = {step.layer.id: step for step in resolve(opened, plan)}
    except PlanError:
        steps = {}
    nodes = {node.name: node for node in opened.model.graph.all_nodes()}
    figures = []
    for index, layer in enumerate(opened.info.layers):
        context.check()
        context.report(text("Looking at the weights"), index, len(opened.info.layers))
        step = steps.get(layer.id)
        changes = step is not None and step.changes and plan.changes(layer.id)
        figures.append(_of_layer(opened, layer, nodes[layer.id], step if changes else None))
    return WeightFigures(plan=plan, layers=tuple(figures))


def _of_layer(opened: OpenedModel, layer: Layer, node: ir.Node, step: Step | None) -> LayerWeights:
    low, high = math.inf, -math.inf
    signal = noise = 0.0
    weights = get_weights(opened.model, layer)
    for name, weight in zip(layer.weights, weights, strict=True):
        finite = weight[np.isfinite(weight)] if weight.dtype.kind == "f" else weight
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if step is None or finite.size < weight.size:
            continue
        part = _some_channels(weight, out_axis(layer, node) if weight.ndim > 1 else 0)
        original = part.astype(np.float64)
        moved = planned_weight(part, step, name).astype(np.float64) - original
        signal += float(np.vdot(original, original))
        noise += float(np.vdot(moved, moved))
    if low > high:
        low = high = 0.0
    return LayerWeights(layer_id=layer.id, minimum=low, maximum=high, sqnr_db=_decibels(signal, noise))


def _some_channels(weight: np.ndarray, axis: int) -> np.ndarray:
    """Evenly spaced output channels with about `SAMPLED` weights."""
    step = min(-(-weight.size // SAMPLED), max(1, weight.shape[axis]))
    selection = [slice(None)] * weight.ndim
    selection[axis] = slice(None, None, step)
    return np.ascontiguousarray(weight[tuple(selection)])


def _decibels(signal: float, noise: float) -> float | None:
    if signal <= 0:
        return None
    return min(MOST_DB, 10 * math.log10(signal / noise)) if noise > 0 else MOST_DB
