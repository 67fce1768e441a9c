"""Training on the grids of a network whose layers have their bits (quantisation-aware training).

Rounding passes gradients straight through (Bengio et al. 2013; Jacob et al. 2018, section 3): the float
weights behind the grid move, the network that is judged at each step is the one on integers.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.gradients.convert import trained
from core.gradients.grids import ActivationGrid, WeightGrid
from core.graph.weights import find_node, set_weight
from core.methods._bias import read_bias, set_bias
from core.methods._pairs import kernel_rows, mended
from core.methods.assemble import placement_for
from core.methods.prune_weights import prune_mask
from core.methods.quantize_activations import bounded
from core.methods.resolve import Step
from core.methods.round_weights import integer_range
from core.methods.stored import FloatWeight, IntegerWeight, StoredWeight
from core.steps._rounded import Rounded


def float_twin(rounded: Rounded) -> ir.Model:
    """The float network with the numbers that the compressed one computes with; activations are float."""
    rounded.network()  # whatever was not rounded yet is now
    model = rounded.base.clone()
    for step in rounded.steps:
        if step.layer.id in rounded.biases:
            set_bias(model, find_node(model, step.layer.id), rounded.biases[step.layer.id])
        for name, weight in _stored(rounded, step):
            dtype = model.graph.initializers[name].const_value.dtype.numpy()  # type: ignore[union-attr]
            set_weight(model, name, weight.values().astype(dtype))
    return model


def weight_grids(rounded: Rounded, model: ir.Model) -> dict[str, WeightGrid]:
    """The grid of each weight that is stored as integers and can be trained, by name."""
    able = set(trained(model))
    grids = {}
    for step, name, weight in integer_weights(rounded):
        if name in able:
            scale, zero = parameters_of(weight)
            grids[name] = WeightGrid(scale, *integer_range(step.grid_bits, weight.zero is None), zero)
    return grids


def integer_weights(rounded: Rounded) -> list[tuple[Step, str, IntegerWeight]]:
    """Each weight that is stored as integers, with its step and name."""
    return [
        (step, name, weight)
        for step in rounded.steps
        for name, weight in _stored(rounded, step)
        if isinstance(weight, IntegerWeight)
    ]


def activation_grids(rounded: Rounded) -> dict[str, ActivationGrid]:
    """The grid of each activation that becomes integers, by the value's name."""
    placement = placement_for(rounded.base, rounded.steps)
    grids = {}
    for name, source in placement.source.items():
        measured = bounded(rounded.ranges[source], placement.bounds.get(source))
        bits = placement.bits[source]
        scale, zero_point = measured.grid(bits)
        grids[name] = ActivationGrid(float(scale), int(zero_point), 0, (1 << bits) - 1)
    return grids


def zero_masks(rounded: Rounded, model: ir.Model) -> dict[str, np.ndarray]:
    """False where a pruned layer's zeros have to stay, by name.

    With few bits many more weights are zero because they were rounded to it, and those may move: of the
    zeros as many stay as the plan asks for, those whose float weights were smallest.
    """
    able = set(trained(model))
    masks = {}
    for step in rounded.steps:
        for name, weight in _stored(rounded, step) if step.prunes else ():
            if name not in able:
                continue
            zero = weight.values() == 0
            if step.pattern is None:
                before = np.abs(rounded.base.graph.initializers[name].const_value.numpy())  # type: ignore[union-attr]
                scores = np.where(zero, before, np.inf)
                zero &= ~prune_mask(scores, step.sparsity, step.threshold)
            if step.masks is not None and name in step.masks.keep:
                zero = ~np.asarray(step.masks.keep[name], bool)
            masks[name] = ~zero
    return masks


def fixed(rounded: Rounded) -> set[str]:
    """Weights that are stored in a way that training cannot hold: they stay as they are."""
    return {
        name
        for step in rounded.steps
        for name, weight in _stored(rounded, step)
        if not isinstance(weight, IntegerWeight | FloatWeight)
    }


def stored_again(rounded: Rounded, model: ir.Model) -> tuple[dict[str, StoredWeight], dict[str, np.ndarray]]:
    """The trained numbers of `model` (made by `float_twin`) as weights by name and biases by layer id."""
    weights: dict[str, StoredWeight] = {}
    biases = {}
    for step in rounded.steps:
        node = find_node(model, step.layer.id)
        for name, before in _stored(rounded, step):
            array = model.graph.initializers[name].const_value.numpy()  # type: ignore[union-attr]
            if isinstance(before, IntegerWeight):
                weights[name] = _integers(array, before, step)
            elif isinstance(before, FloatWeight):
                weights[name] = FloatWeight(array)
        bias = read_bias(node, _channels(step))
        if bias is not None and (bias.any() or step.layer.id in rounded.biases):
            biases[step.layer.id] = bias
    return weights, biases


def parameters_of(weight: IntegerWeight) -> tuple[np.ndarray, np.ndarray | int]:
    """Scale, factors included, and zero point, so that they broadcast over the weight."""
    scale = np.asarray(weight.spread(weight.scale), np.float32)
    if weight.factor is not None:
        scale = scale * weight.spread(weight.factor).astype(np.float32)
    return scale, 0 if weight.zero is None else weight.spread(weight.zero).astype(np.float32)


def _integers(array: np.ndarray, before: IntegerWeight, step: Step) -> IntegerWeight:
    scale, zero = parameters_of(before)
    low, high = integer_range(step.grid_bits, before.zero is None)
    q = np.clip(np.rint(array.astype(np.float32) / scale) + zero, low, high)
    if step.paired:
        # two neighbours that grew together would overflow in kernels without VNNI
        axis = step.row_axes[0]
        moved = np.moveaxis(q, axis, 0)
        last = np.moveaxis(moved, 1, -1) if q.ndim > 2 else moved
        fitting = mended(kernel_rows(q, axis)).reshape(last.shape)
        q = np.moveaxis(np.moveaxis(fitting, -1, 1) if q.ndim > 2 else fitting, 0, axis)
    q8 = np.ascontiguousarray(q.astype(np.int8))
    return IntegerWeight(q8, before.scale, before.zero, before.factor, before.layout)


def _stored(rounded: Rounded, step: Step) -> list[tuple[str, StoredWeight]]:
    known = ((name, rounded.cache.get((name, step.weight_key))) for name in step.layer.weights)
    return [(name, weight) for name, weight in known if weight is not None]


def _channels(step: Step) -> int:
    return int(np.prod([step.layer.shape[axis] for axis in step.row_axes]))
