"""The integer grid of a layer in matrix form: scales per tensor, row or block, and their clipping search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.methods import cluster_weights
from core.methods.cluster_weights import nearest
from core.methods.quantize_weights import SEARCH_STEPS
from core.methods.round_weights import asymmetric_grid, integer_range, on_levels

_SMALLEST_CLIP = 0.2
_TINY = float(np.finfo(np.float32).tiny)
_AT_ONCE = 1 << 17
"""Weights looked at together in the search: few calls, and what is computed of them stays in the cache."""


@dataclass(frozen=True)
class Grid:
    """Values scale · (q - zero) with low <= q <= high."""

    scale: np.ndarray
    """(groups or 1, rows or 1, blocks) float32."""
    low: int
    high: int
    zero: np.ndarray | None = None
    """Whole numbers in low..high, float32 of the scale's shape; None: 0."""
    block: int = 0
    """Columns that share a scale; 0: all of a row."""
    most: int = 0
    """Where not 0, a row's scales are one scale times whole factors up to this."""
    codes: np.ndarray | None = None
    """Shared values, ascending float32: q is the place among them, and a value is scale · codes[q]."""

    def round(self, values: np.ndarray) -> np.ndarray:
        """q, in the dtype of `values` (groups, rows, columns)."""
        if self.codes is not None:
            return nearest(values / self.scale, self.codes).astype(values.dtype)
        q = np.rint(values / self.spread(self.scale, values))
        if self.zero is not None:
            q += self.spread(self.zero, values)
        return np.asarray(np.clip(q, self.low, self.high))

    def snap(self, values: np.ndarray) -> np.ndarray:
        """The nearest values on the grid."""
        if self.codes is not None:
            return np.asarray(self.codes[nearest(values / self.scale, self.codes)] * self.scale)
        q = self.round(values)
        if self.zero is not None:
            q -= self.spread(self.zero, values)
        return np.asarray(q * self.spread(self.scale, values))

    def spread(self, parameter: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Scales or zero points so that they broadcast over `values` (groups, rows, columns)."""
        if not self.block:
            return parameter
        return np.repeat(parameter, self.block, axis=2)[:, :, : values.shape[2]]

    def scaled(self, ratio: np.ndarray) -> Grid:
        """The same integers, each scale times its ratio."""
        scale = np.maximum(self.scale * ratio, _TINY).astype(np.float32)
        if self.most:
            row, factor = on_levels(scale, self.most)
            scale = (row * factor).astype(np.float32)
        return replace(self, scale=scale)

    @property
    def factor(self) -> np.ndarray | None:
        """(groups, rows, blocks) whole numbers; None where the scales are free."""
        return on_levels(self.scale, self.most)[1] if self.most else None


def shared_grid(
    matrices: np.ndarray,
    clusters: int,
    per_row: bool = True,
    shared_rows: bool = False,
    keep_zero: bool = False,
    weights: np.ndarray | None = None,
) -> Grid:
    """Shared values of least error, with a scale per row unless one is for all; see `shared_rows` there.

    `shared_rows`: the groups are blocks of the same rows. `weights` (groups, columns): how much an error
    counts; None: alike.
    """
    groups, rows, _ = matrices.shape
    counts = np.broadcast_to(np.float64(1) if weights is None else weights[:, None, :], matrices.shape)
    if shared_rows:
        matrices, counts = matrices.swapaxes(0, 1), counts.swapaxes(0, 1)
    flat = matrices.reshape(rows if shared_rows else groups * rows, -1)
    codes, scale = cluster_weights.shared_rows(
        flat, clusters, keep_zero, per_row=per_row, importance=counts.reshape(flat.shape)
    )
    shape = (1, 1, 1) if not per_row else (1, rows, 1) if shared_rows else (groups, rows, 1)
    return Grid(scale.reshape(shape).astype(np.float32), 0, len(codes) - 1, codes=codes)


def search_grid(
    matrices: np.ndarray,
    bits: int,
    per_row: bool = True,
    shared_rows: bool = False,
    block: int = 0,
    symmetric: bool = True,
    factors: int = 0,
) -> Grid:
    """The clipped grid of least error, one scale per row (or block of it) or one for all; `matrices` float32.

    `shared_rows`: the groups are blocks of the same rows. `factors`: as in `round_weight`. Errors count to
    the power 2.5: large ones more than in squares, as in GPTQ's code (2.4 there; this power needs a square
    root only).
    """
    low, high = integer_range(bits, symmetric)
    if block:
        parts = _in_blocks(matrices, block)
        found = _search(parts.reshape(len(parts), -1, block), low, high, (2,), symmetric)
        shape = parts.shape[:3]
        zero = None if found.zero is None else found.zero.reshape(shape)
        grid = Grid(found.scale.reshape(shape), low, high, zero, block, factors)
        return grid.scaled(np.ones(1, np.float32))
    axes: tuple[int, ...] = (0, 1, 2) if not per_row else (0, 2) if shared_rows else (2,)
    return _search(matrices, low, high, axes, symmetric)


def _in_blocks(matrices: np.ndarray, block: int) -> np.ndarray:
    """(groups, rows, columns) -> (groups, rows, blocks, block), filled up with zeros."""
    count = -(-matrices.shape[2] // block)
    missing = count * block - matrices.shape[2]
    padded = np.pad(matrices, [(0, 0), (0, 0), (0, missing)]) if missing else matrices
    return padded.reshape(*matrices.shape[:2], count, block)


def _search(matrices: np.ndarray, low: int, high: int, axes: tuple[int, ...], symmetric: bool) -> Grid:
    """One scale, and zero point, for all that lies along `axes`."""
    top, bottom = matrices.max(axis=axes, keepdims=True), matrices.min(axis=axes, keepdims=True)
    shares = np.linspace(1.0, _SMALLEST_CLIP, SEARCH_STEPS, dtype=np.float32)[:, None, None, None]
    zeros = None
    if symmetric:
        # the side that reaches further down has one step more
        most = np.maximum(top / high, bottom / low)
        full = np.where(most > 0, np.maximum(most, _TINY), 1.0).astype(np.float32)
        scales = np.maximum(full * shares, np.float32(_TINY))
    else:
        scales, zeros = asymmetric_grid(
            np.minimum(bottom, 0) * shares, np.maximum(top, 0) * shares, low, high
        )
    errors = _errors(matrices, scales, low, high, zeros)
    totals = errors.sum(axis=tuple(axis + 1 for axis in axes if axis < 2), keepdims=True)
    best = totals.argmin(axis=0, keepdims=True)
    zero = None if zeros is None else np.take_along_axis(zeros, best, axis=0)[0]
    return Grid(np.take_along_axis(scales, best, axis=0)[0], low, high, zero)


def _errors(
    matrices: np.ndarray, scales: np.ndarray, low: int, high: int, zeros: np.ndarray | None = None
) -> np.ndarray:
    """The error of each row with each of the scales (steps, groups or 1, rows or 1, 1), over its columns.

    `zeros`: a zero point with each scale.
    """
    groups, rows, columns = matrices.shape
    flat = matrices.reshape(-1, columns)

    def by_row(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, (len(values), groups, rows, 1)).reshape(len(values), -1, 1)

    each, points = by_row(scales), None if zeros is None else by_row(zeros)
    result = np.empty((len(scales), len(flat)))
    step = max(1, _AT_ONCE // columns)
    for first in range(0, len(flat), step):
        part = flat[first : first + step]
        scaled, miss = np.empty_like(part), np.empty_like(part)
        for index, scale in enumerate(each[:, first : first + step]):
            np.divide(part, scale, out=scaled)
            np.rint(scaled, out=miss)
            if points is not None:
                # rint(w/s) + z within low..high is rint(w/s) within low - z..high - z
                zero = points[index, first : first + step]
                np.clip(miss, low - zero, high - zero, out=miss)
            else:
                np.clip(miss, low, high, out=miss)
            miss -= scaled
            np.abs(miss, out=miss)
            np.sqrt(miss, out=scaled)
            np.square(miss, out=miss)
            total = np.einsum("rc,rc->r", miss, scaled, dtype=np.float64)
            result[index, first : first + step] = total * scale[:, 0].astype(np.float64) ** 2.5
    return result.reshape(len(scales), groups, rows, 1)
