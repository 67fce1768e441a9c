"""Second-order compensation: what zeroing or rounding a weight breaks, the others of its row make good.

The column sweep of GPTQ and SparseGPT (Frantar et al. 2022, 2023) after Optimal Brain Surgeon (Hassibi &
Stork 1993), then coordinate descent on the grid. Pure functions on a layer in matrix form (see
`core.methods._matrices`); the order of layers and the choice among results is `core.methods.sequential`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.methods import METHODS
from core.methods._grid import Grid, descend, fitted_scale, search_grid
from core.methods._sparse import obs_scores, refit, select, sparse_solution
from core.methods.hessian import inverse
from core.values import Described, Parameter, text

BLOCK = 64
"""Columns handled one by one before the rest of the matrix follows in one product."""

_ROUNDED_PASSES = 4
_WIDE = 4096
"""From so many columns on one pass of descent has to do."""


@dataclass(frozen=True)
class Wanted:
    """What a layer shall become."""

    bits: int = 32
    sparsity: float = 0.0
    threshold: float | None = None
    pattern: tuple[int, int] | None = None
    """N of every M stay."""
    per_row: bool = True
    """A scale for each output channel, else one for all."""
    shared_rows: bool = False
    """The groups are blocks of columns of the same rows."""
    kernel: int = 1
    """Kernel positions, which lie next to each other in a row."""

    @property
    def prunes(self) -> bool:
        return bool(self.sparsity) or bool(self.threshold) or self.pattern is not None


def upper_factor(hessian: np.ndarray) -> np.ndarray:
    """U with H⁻¹ = UᵀU, upper triangular: row i holds what the sweep needs at column i."""
    try:
        lower = np.linalg.cholesky(_symmetric(inverse(hessian)))
    except np.linalg.LinAlgError:
        # float32 and a nearly singular H: more damping is better than no compensation
        more = hessian.astype(np.float64)
        np.einsum("...ii->...i", more)[...] *= 1.1
        lower = np.linalg.cholesky(_symmetric(np.linalg.inv(more))).astype(hessian.dtype)
    return np.asarray(lower.swapaxes(-1, -2))


def _symmetric(matrices: np.ndarray) -> np.ndarray:
    return (matrices + matrices.swapaxes(-1, -2)) / 2


def sweep(
    matrices: np.ndarray,
    upper: np.ndarray,
    grid: Grid | None = None,
    keep: np.ndarray | None = None,
    block: int = BLOCK,
) -> np.ndarray:
    """Zero or round column after column; each one's error goes to the columns not yet done.

    matrices (groups, rows, columns); upper (groups, columns, columns) from `upper_factor`; `keep` bool,
    False where the weight becomes zero; without a grid kept weights only take up errors.
    """
    left = matrices.astype(upper.dtype, copy=True)
    result = np.empty_like(left)
    columns = left.shape[2]
    for first in range(0, columns, block):
        last = min(first + block, columns)
        errors = np.zeros((*left.shape[:2], last - first), left.dtype)
        inner = np.ascontiguousarray(upper[:, first:last, first:last])
        part = left[:, :, first:last].copy()
        for j in range(last - first):
            value = part[:, :, j]
            done = value if grid is None else grid.snap(value[:, :, None])[:, :, 0]
            if keep is not None:
                done = done * keep[:, :, first + j]
            result[:, :, first + j] = done
            errors[:, :, j] = (value - done) / inner[:, None, j, j]
            part[:, :, j:] -= errors[:, :, j, None] * inner[:, None, j, j:]
        left[:, :, last:] -= errors @ upper[:, first:last, last:]
    return result


def compensated(
    matrices: np.ndarray, hessian: np.ndarray, wanted: Wanted, thorough: bool = True
) -> tuple[np.ndarray, Grid | None]:
    """The layer as wanted with little error tr((Ŵ−W)H(Ŵ−W)ᵀ), and the grid it lies on.

    Returns (groups, rows, columns) float32. `thorough` refines the sweep by descent and better masks.
    """
    wide = matrices.astype(hessian.dtype)
    keep, start = None, wide
    if wanted.prunes:
        start, keep = _pruned(wide, hessian, wanted, thorough)
    if wanted.bits >= 32:
        return start.astype(np.float32), None
    order = _by_power(hessian)
    grid = search_grid(start.astype(np.float32), wanted.bits, wanted.per_row, wanted.shared_rows)
    upper = upper_factor(_ordered(hessian, order))
    rounded = _restore(
        sweep(_columns(wide, order), upper, grid, None if keep is None else _columns(keep, order)), order
    )
    passes = 0 if not thorough else 1 if hessian.shape[2] >= _WIDE else _ROUNDED_PASSES
    for _ in range(passes):
        before = grid
        grid = fitted_scale(grid, wide, rounded, hessian)
        rounded = rounded / before.scale * grid.scale
        rounded = descend(wide, hessian, rounded, grid, keep)
    # exactly on the grid, whatever descent left in the last bits
    return grid.snap(rounded.astype(np.float32)), grid


def _pruned(
    wide: np.ndarray, hessian: np.ndarray, wanted: Wanted, thorough: bool
) -> tuple[np.ndarray, np.ndarray]:
    if wanted.threshold is not None:
        keep = ~(np.abs(wide) < wanted.threshold)
        return refit(wide, hessian, keep), keep
    if thorough:
        return sparse_solution(wide, hessian, wanted.sparsity, wanted.pattern, wanted.kernel)
    keep = select(obs_scores(wide, inverse(hessian)), wanted.sparsity, wanted.pattern, wanted.kernel)
    order = _by_power(hessian)
    upper = upper_factor(_ordered(hessian, order))
    swept = sweep(_columns(wide, order), upper, None, _columns(keep, order))
    return _restore(swept, order), keep


def _by_power(hessian: np.ndarray) -> np.ndarray:
    """Columns with strong inputs first, while many others can still make good their error."""
    return np.argsort(-np.einsum("gii->gi", hessian), axis=1, kind="stable")


def _columns(matrices: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(matrices, order[:, None, :], axis=2)


def _restore(matrices: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(matrices, np.argsort(order, axis=1)[:, None, :], axis=2)


def _ordered(hessian: np.ndarray, order: np.ndarray) -> np.ndarray:
    rows = np.take_along_axis(hessian, order[:, :, None], axis=1)
    return np.take_along_axis(rows, order[:, None, :], axis=2)


METHODS.add(
    Described(
        name="compensate",
        label=text("Compensation"),
        help=text(
            "Zeroing or rounding a weight changes the layer's answers; the other weights are adjusted to "
            "make up for it. Needs data, no labels."
        ),
        parameters=(
            Parameter(
                name="on",
                label=text("Compensate"),
                help=text("Adjusts the remaining weights of pruned layers and of layers below 8 bits."),
                kind="switch",
                default=True,
            ),
            Parameter(
                name="samples",
                label=text("Samples"),
                help=text("At most so many calibration samples."),
                kind="integer",
                default=256,
                low=1,
                high=100_000,
            ),
            Parameter(
                name="positions",
                label=text("Positions"),
                help=text("Of each sample at most so many positions of a feature map are looked at."),
                kind="integer",
                default=50,
                low=1,
                high=10_000,
            ),
            Parameter(
                name="damping",
                label=text("Damping"),
                help=text("Keeps adjusted weights near their old values; more is safer with few samples."),
                kind="number",
                default=1.0,
                low=0.001,
                high=100.0,
                unit="%",
            ),
            Parameter(
                name="targets",
                label=text("Make good earlier layers"),
                help=text("Each layer also corrects what the layers before it changed."),
                kind="switch",
                default=True,
            ),
            Parameter(
                name="thorough",
                label=text("Thorough"),
                help=text("Better masks and roundings by repeated descent; takes a few times as long."),
                kind="switch",
                default=True,
            ),
        ),
    ),
    compensated,
)
