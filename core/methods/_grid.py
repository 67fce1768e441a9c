"""The integer grid of a layer in matrix form, and its clipping search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.methods.quantize_weights import SEARCH_STEPS, WEIGHT_RANGE

_SMALLEST_CLIP = 0.2
_TINY = float(np.finfo(np.float32).tiny)
_AT_ONCE = 1 << 15
"""Weights looked at together in the search: what is computed of them stays in a core's own cache."""


@dataclass(frozen=True)
class Grid:
    """Values scale · q with low <= q <= high; scale (groups or 1, rows or 1, 1) float32."""

    scale: np.ndarray
    low: int
    high: int

    def round(self, values: np.ndarray) -> np.ndarray:
        """q, in the dtype of `values` (..., columns that are looked at)."""
        return np.asarray(np.clip(np.rint(values / self.scale), self.low, self.high))

    def snap(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.round(values) * self.scale)

    def scaled(self, ratio: np.ndarray) -> Grid:
        """The same integers, each scale times its ratio."""
        return replace(self, scale=np.maximum(self.scale * ratio, _TINY).astype(np.float32))


def search_grid(matrices: np.ndarray, bits: int, per_row: bool = True, shared_rows: bool = False) -> Grid:
    """The clipped grid of least error, one scale per row or one for all; `matrices` float32.

    `shared_rows`: the groups are blocks of the same rows. Errors count to the power 2.5: large ones more than
    in squares, as in GPTQ's code (2.4 there; this power needs a square root only).
    """
    low, high = WEIGHT_RANGE[bits]
    axes: tuple[int, ...] = (0, 1, 2) if not per_row else (0, 2) if shared_rows else (2,)
    # the side that reaches further down has one step more
    most = np.maximum(
        matrices.max(axis=axes, keepdims=True) / high, matrices.min(axis=axes, keepdims=True) / low
    )
    full = np.where(most > 0, np.maximum(most, _TINY), 1.0).astype(np.float32)
    shares = np.linspace(1.0, _SMALLEST_CLIP, SEARCH_STEPS, dtype=np.float32)
    scales = np.maximum(full * shares[:, None, None, None], np.float32(_TINY))
    errors = _errors(matrices, scales, low, high)
    totals = errors.sum(axis=tuple(axis + 1 for axis in axes if axis < 2), keepdims=True)
    best = totals.argmin(axis=0, keepdims=True)
    return Grid(np.take_along_axis(scales, best, axis=0)[0], low, high)


def _errors(matrices: np.ndarray, scales: np.ndarray, low: int, high: int) -> np.ndarray:
    """The error of each row with each of the scales (steps, groups or 1, rows or 1, 1), over its columns."""
    groups, rows, columns = matrices.shape
    flat = matrices.reshape(-1, columns)
    each = np.broadcast_to(scales, (len(scales), groups, rows, 1)).reshape(len(scales), -1, 1)
    result = np.empty((len(scales), len(flat)))
    step = max(1, _AT_ONCE // columns)
    for first in range(0, len(flat), step):
        part = flat[first : first + step]
        scaled, miss = np.empty_like(part), np.empty_like(part)
        for index, scale in enumerate(each[:, first : first + step]):
            np.divide(part, scale, out=scaled)
            np.rint(scaled, out=miss)
            np.clip(miss, low, high, out=miss)
            miss -= scaled
            np.abs(miss, out=miss)
            np.sqrt(miss, out=scaled)
            np.square(miss, out=miss)
            total = np.einsum("rc,rc->r", miss, scaled, dtype=np.float64)
            result[index, first : first + step] = total * scale[:, 0].astype(np.float64) ** 2.5
    return result.reshape(len(scales), groups, rows, 1)
