"""What a step makes of a weight: what is stored, and the numbers that the network computes with."""

from __future__ import annotations

import numpy as np

from core.methods._pairs import fine_scale, kernel_rows
from core.methods.cluster_weights import shared_weight
from core.methods.prune_weights import prune
from core.methods.quantize_weights import quantize_merged
from core.methods.resolve import Step
from core.methods.round_weights import on_scale, round_weight
from core.methods.stored import FloatWeight, HalfWeight, IntegerWeight, StoredWeight
from core.values import FLOAT_BITS, HALF_BITS


def pruned(weight: np.ndarray, step: Step, name: str = "") -> np.ndarray:
    """The weight with the zeros that the step wants: as chosen for the weight `name`, else by magnitude.

    Where it wants none, it is the weight itself.
    """
    if step.masks is not None and name in step.masks.keep:
        return np.where(step.masks.keep[name], weight, weight.dtype.type(0))
    if not step.prunes:
        return weight
    return prune(weight, step.sparsity, step.threshold, pattern=step.pattern, row_axes=step.row_axes)


def stored_weight(weight: np.ndarray, step: Step, name: str = "") -> StoredWeight:
    """The weight pruned and rounded as `step` says, as it will be stored."""
    cut = pruned(weight, step, name)
    if step.weight_bits == FLOAT_BITS:
        return FloatWeight(cut)
    if step.weight_bits == HALF_BITS:
        return HalfWeight(cut.astype(np.float16), weight.dtype)
    layout = step.layout(weight.shape)
    if step.clusters:
        return shared_weight(cut, step.clusters, layout, step.prunes, step.most_code)
    if step.merge:
        found = IntegerWeight(*quantize_merged(cut, step.grid_bits, step.channel_axes, step.search))
    else:
        found = round_weight(cut, step.grid_bits, layout, step.symmetric, step.factors, step.search)
    return _without_overflow(cut, found, step) if step.paired else found


def _without_overflow(weight: np.ndarray, rounded: IntegerWeight, step: Step) -> IntegerWeight:
    """The same with scales under which no two neighbours are too large together."""
    rows = kernel_rows(weight, step.row_axes[0])
    scale = rounded.scale
    one = scale.size == 1
    found = fine_scale(rows, np.broadcast_to(scale.reshape(-1), (len(rows),)), shared=one)
    fine = found[:1].reshape(scale.shape) if one else found.reshape(scale.shape)
    # from the weight itself: rounding what is rounded would lose a little more
    own = IntegerWeight(rounded.q, scale)
    return on_scale(own, fine, step.grid_bits, np.asarray(True), weight, in_place=True)


def planned_weight(weight: np.ndarray, step: Step, name: str = "") -> np.ndarray:
    """Return the numbers of the weight pruned and rounded as `step` says, same shape and dtype."""
    return stored_weight(weight, step, name).values().astype(weight.dtype)
