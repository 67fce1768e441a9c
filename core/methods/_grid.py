"""The integer grid of a layer in matrix form, its clipping search, and coordinate descent on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.methods.quantize_weights import SEARCH_STEPS, WEIGHT_RANGE

NORM = 2.4
"""Exponent of the clipping search's error, as in GPTQ's code: large errors count more than in squares."""

_SMALLEST_CLIP = 0.2
_TINY = float(np.finfo(np.float32).tiny)


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


def search_grid(
    matrices: np.ndarray,
    bits: int,
    per_row: bool = True,
    shared_rows: bool = False,
    weights: np.ndarray | None = None,
) -> Grid:
    """The clipped grid of least error, one scale per row or one for all.

    `shared_rows`: the groups are blocks of the same rows. `weights` (groups, columns): how much an error
    in each column counts; None: alike.
    """
    low, high = WEIGHT_RANGE[bits]
    axes: tuple[int, ...] = (0, 1, 2) if not per_row else (0, 2) if shared_rows else (2,)
    # the side that reaches further down has one step more
    most = np.maximum(
        matrices.max(axis=axes, keepdims=True) / high, matrices.min(axis=axes, keepdims=True) / low
    )
    full = np.where(most > 0, np.maximum(most, _TINY), 1.0).astype(np.float32)
    importance = 1.0 if weights is None else weights[:, None, :]
    best, least = full, np.full(full.shape, np.inf)
    for share in np.linspace(1.0, _SMALLEST_CLIP, SEARCH_STEPS, dtype=np.float32):
        scale = np.maximum(full * share, np.float32(_TINY))
        error = np.abs(Grid(scale, low, high).snap(matrices) - matrices) ** NORM * importance
        total = error.sum(axis=axes, keepdims=True, dtype=np.float64)
        better = total < least
        best, least = np.where(better, scale, best), np.where(better, total, least)
    return Grid(best.astype(np.float32), low, high)


def fitted_scale(grid: Grid, matrices: np.ndarray, snapped: np.ndarray, hessian: np.ndarray) -> Grid:
    """The same integers with the scale of least error: s = qHwᵀ / qHqᵀ, summed over what shares it."""
    q = (snapped / grid.scale).astype(hessian.dtype)
    product = q @ hessian
    along = (product * matrices).sum(axis=2, keepdims=True)
    own = (product * q).sum(axis=2, keepdims=True)
    for axis in (0, 1):
        if grid.scale.shape[axis] == 1:
            along, own = along.sum(axis=axis, keepdims=True), own.sum(axis=axis, keepdims=True)
    usable = (own > 0) & (along > 0)
    scale = np.where(usable, along / np.where(usable, own, 1.0), grid.scale)
    return replace(grid, scale=np.maximum(scale, _TINY).astype(np.float32))


def descend(
    matrices: np.ndarray,
    hessian: np.ndarray,
    start: np.ndarray,
    grid: Grid | None,
    keep: np.ndarray | None = None,
    passes: int = 1,
    block: int = 64,
) -> np.ndarray:
    """Coordinate descent: each weight in turn takes the value of least error, the others standing.

    Never worse than `start`. `keep` (bool): weights outside it stay zero. Source: QuantEase (Behdin et
    al. 2023). Works on (groups, rows, columns), one column of all rows at a time.
    """
    current = start.astype(hessian.dtype, copy=True)
    gradient = (current - matrices) @ hessian
    columns = current.shape[2]
    diagonal = np.einsum("gii->gi", hessian)
    for _ in range(passes):
        changed = False
        for first in range(0, columns, block):
            last = min(first + block, columns)
            moved = np.zeros((*current.shape[:2], last - first), current.dtype)
            inner = np.ascontiguousarray(hessian[:, first:last, first:last])
            slope = gradient[:, :, first:last].copy()
            for j in range(last - first):
                old = current[:, :, first + j]
                value = old - slope[:, :, j] / diagonal[:, None, first + j]
                if grid is not None:
                    value = grid.snap(value[:, :, None])[:, :, 0]
                if keep is not None:
                    value = value * keep[:, :, first + j]
                moved[:, :, j] = value - old
                slope += moved[:, :, j, None] * inner[:, None, j, :]
            if moved.any():
                changed = True
                current[:, :, first:last] += moved
                gradient += moved @ hessian[:, first:last, :]
        if not changed:
            break
    return current
