"""What a step makes of a weight: the numbers that the compressed network computes with."""

from __future__ import annotations

import numpy as np

from core.methods.prune_weights import prune
from core.methods.quantize_weights import quantize_axes
from core.methods.resolve import Step
from core.values import FLOAT_BITS


def pruned(weight: np.ndarray, step: Step) -> np.ndarray:
    """The weight with the zeros that the step wants, by magnitude."""
    return prune(weight, step.sparsity, step.threshold, pattern=step.pattern, row_axes=step.row_axes)


def planned_weight(weight: np.ndarray, step: Step) -> np.ndarray:
    """Return the weight pruned and rounded as `step` says, same shape and dtype."""
    changed = pruned(weight, step)
    if step.weight_bits == FLOAT_BITS:
        return changed
    q, scale = quantize_axes(changed, step.weight_bits, step.channel_axes, step.search)
    return (q.astype(np.float32) * scale).astype(weight.dtype)
