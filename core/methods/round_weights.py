"""Round a weight on a grid of any kind: symmetric or not, a scale per tensor, channel or block.

Pure functions on arrays; `quantize_weights` has the symmetric grids per tensor and channel. Asymmetric grids
have an integer zero point within their range, so that zeros stay exact. The clipping search is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from core.methods._layout import Layout
from core.methods.quantize_weights import (
    SEARCH_STEPS,
    SMALLEST_CLIP,
    WEIGHT_RANGE,
    WEIGHTS_AT_ONCE,
    clipped_scales,
)
from core.methods.stored import IntegerWeight

INT8_MOST = 127
"""The largest factor · (q - zero) that an integer kernel takes."""
REDUCED_MOST = 63
"""The same where the highest bit is left unused, for processors whose products overflow otherwise."""
LARGEST_FACTOR = 15
"""Factors are stored in 4 bits without sign."""

_TINY = np.float32(np.finfo(np.float32).tiny)


def integer_range(bits: int, symmetric: bool = True) -> tuple[int, int]:
    """Smallest and largest q. Asymmetric grids use all of the type: their zero need not lie in the middle."""
    return WEIGHT_RANGE[bits] if symmetric else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def most_factor(bits: int, symmetric: bool, most: int = INT8_MOST) -> int:
    """The largest factor of a block with which its integers stay within `most`; 1: blocks gain nothing."""
    low, high = integer_range(bits, symmetric)
    return min(LARGEST_FACTOR, most // (-low if symmetric else high - low))


def round_weight(
    weight: np.ndarray,
    bits: int,
    layout: Layout,
    symmetric: bool = True,
    factors: int = 0,
    search: bool = True,
) -> IntegerWeight:
    """Round a float weight to `bits` with a scale for each row or block of `layout`.

    `factors`: where not 0, the scales of a row's blocks are one scale times whole numbers up to this.
    Raises ValueError for weights that are not finite.
    """
    matrix = layout.matrix(weight)
    size = layout.rows, layout.blocks
    scale, zero = np.empty(size, np.float32), np.empty(size, np.float32)
    for at in _portions(matrix.shape):
        parts = layout.blocks_of(matrix[at]).astype(np.float32, copy=False)
        if not np.isfinite(parts).all():
            raise ValueError("the weights hold NaN or infinite values")
        found = _grids(parts.reshape(-1, parts.shape[2]), bits, symmetric, search)
        scale[at], zero[at] = (each.reshape(parts.shape[:2]) for each in found)
    factor = None
    if factors and layout.blocks > 1:
        row, factor = on_levels(scale, factors)
        scale = row * factor
    low, high = integer_range(bits, symmetric)
    q = np.empty(matrix.shape, np.int8)
    for at in _portions(matrix.shape):
        parts = layout.blocks_of(matrix[at]).astype(np.float32, copy=False) / scale[at, :, None]
        np.rint(parts, out=parts)
        parts += zero[at, :, None]
        np.clip(parts, low, high, out=parts)
        q[at] = parts.reshape(len(parts), -1)[:, : layout.columns]
    return integer_weight(layout.weight(q), scale, None if symmetric else zero, factor, layout)


def integer_weight(
    q: np.ndarray,
    scale: np.ndarray,
    zero: np.ndarray | None,
    factor: np.ndarray | None,
    layout: Layout,
) -> IntegerWeight:
    """From integers of the weight's shape and parameters (rows, blocks); scale includes the factor."""
    zeros = None if zero is None else zero.astype(np.int8)
    if layout.blocks == 1:
        zeros = None if zeros is None else layout.broadcast(zeros)
        return IntegerWeight(q, layout.broadcast(scale).astype(np.float32), zeros)
    if factor is None:
        return IntegerWeight(q, scale.astype(np.float32), zeros, None, layout)
    row = scale.max(axis=1, keepdims=True) / factor.max(axis=1, keepdims=True)
    return IntegerWeight(q, layout.broadcast(row).astype(np.float32), zeros, factor.astype(np.int8), layout)


def on_scale(
    weight: IntegerWeight,
    scale: np.ndarray,
    bits: int,
    where: np.ndarray,
    values: np.ndarray | None = None,
    in_place: bool = False,
) -> IntegerWeight:
    """The weight with another scale (of the same shape), rounded anew `where` that is True.

    `values`: the numbers to round; None: what the weight stands for. `in_place`: nobody needs `weight` any
    more, and the new integers lie where its own did.
    """
    low, high = integer_range(bits, weight.zero is None)
    zero = None if weight.zero is None else weight.spread(weight.zero)
    factor = None if weight.factor is None else weight.spread(weight.factor)
    own = weight.spread(weight.scale)
    fresh = weight.q if in_place and weight.q.dtype == np.int8 else np.empty(weight.q.shape, np.int8)
    for at in _portions(fresh.shape):

        def cut(array: np.ndarray, at: slice = at) -> np.ndarray:
            broadcast = array.ndim < fresh.ndim or len(array) == 1
            return array if broadcast else array[at]

        kept = weight.q[at]
        offset = np.float32(0) if zero is None else cut(zero).astype(np.float32)
        times = np.float32(1) if factor is None else cut(factor).astype(np.float32)
        wanted = (kept - offset) * times * cut(own) if values is None else values[at].astype(np.float32)
        q = np.clip(np.rint(wanted / (cut(scale) * times)) + offset, low, high).astype(np.int8)
        fresh[at] = np.where(cut(where), q, kept)
    return IntegerWeight(fresh, scale, weight.zero, weight.factor, weight.layout)


def _portions(shape: tuple[int, ...]) -> Iterator[slice]:
    """Some entries of the first axis each: what is worked out of a weight is several times as large."""
    size = max(1, WEIGHTS_AT_ONCE // max(1, prod(shape[1:])))
    for start in range(0, shape[0], size):
        yield slice(start, start + size)


def on_levels(scale: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales (..., blocks) as one scale (..., 1) times whole factors from 1 to `most`."""
    row = np.maximum(scale.max(axis=-1, keepdims=True) / most, _TINY).astype(np.float32)
    return row, np.clip(np.rint(scale / row), 1, most)


def _grids(rows: np.ndarray, bits: int, symmetric: bool, search: bool) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of each row, float32 both."""
    scale, zero = np.empty(len(rows), np.float32), np.zeros(len(rows), np.float32)
    step = max(1, WEIGHTS_AT_ONCE // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part, at = rows[start : start + step], slice(start, start + step)
        if symmetric:
            scale[at] = clipped_scales(part, bits, search)
        else:
            scale[at], zero[at] = _asymmetric(part, bits, search)
    return scale, zero


def _asymmetric(rows: np.ndarray, bits: int, search: bool) -> tuple[np.ndarray, np.ndarray]:
    low, high = integer_range(bits, symmetric=False)
    bottom, top = np.minimum(rows.min(axis=1), 0), np.maximum(rows.max(axis=1), 0)
    best, best_zero = np.ones(len(rows), np.float32), np.zeros(len(rows), np.float32)
    least = np.full(len(rows), np.inf)
    for share in np.linspace(1.0, SMALLEST_CLIP, SEARCH_STEPS, dtype=np.float32):
        scale, zero = asymmetric_grid(bottom * share, top * share, low, high)
        q = np.clip(np.rint(rows / scale[:, None]) + zero[:, None], low, high)
        error = np.square((q - zero[:, None]) * scale[:, None] - rows).sum(axis=1)
        better = error < least
        best[better], best_zero[better], least[better] = scale[better], zero[better], error[better]
        if not search:
            break
    return best, best_zero


def asymmetric_grid(
    bottom: np.ndarray, top: np.ndarray, low: int, high: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point (a whole number in low..high) that express bottom <= 0 <= top; float32 both."""
    reach = top - bottom
    scale = np.where(reach > 0, np.maximum(reach / np.float32(high - low), _TINY), np.float32(1))
    zero = np.clip(np.rint(low - bottom / scale), low, high)
    return scale.astype(np.float32), zero.astype(np.float32)
