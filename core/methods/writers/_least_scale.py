"""Scales that leave room for the bias, which integer kernels add as int32 in steps of s_x · s_w."""

from __future__ import annotations

import numpy as np

from core.methods._edit import constant
from core.methods.quantize_activations import smallest_weight_scale
from core.methods.writers._site import Site


def fitted_scale(site: Site, scale: np.ndarray, filled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raise scales under which the bias would overflow; give channels of zeros one that expresses it.

    `filled`: of the weight's shape and any type, 0 where it is 0. Returns the scale and where weights have to
    be rounded anew, so shaped that it broadcasts over them.
    """
    assert site.activation_scale is not None
    bias = constant(site.node.inputs[2]) if len(site.node.inputs) > 2 else None
    if bias is None:
        return scale, np.zeros(scale.shape, bool)
    tiny = np.finfo(np.float32).tiny
    smallest = smallest_weight_scale(bias, float(site.activation_scale))
    if scale.size == 1:
        smallest = smallest.max(keepdims=True)
    smallest = np.maximum(smallest.reshape(scale.shape), tiny)
    axes = tuple(axis for axis in range(filled.ndim) if scale.shape[axis] == 1)
    empty = ~filled.any(axis=axes, keepdims=True)
    # a channel without weights is its bias alone: 2**20 steps express it
    fitted = np.where(empty & (smallest > tiny), smallest * 1024, scale)
    fitted = np.maximum(fitted, smallest).astype(np.float32)
    return fitted, (fitted > scale) & ~empty
