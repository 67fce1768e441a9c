"""Second-order compensation: what zeroing or rounding a weight breaks, the others of its row make good.

The column sweep of GPTQ and SparseGPT (Frantar et al. 2022, 2023) after Optimal Brain Surgeon (Hassibi &
Stork 1993), then coordinate descent on the grid. Pure functions on a layer in matrix form (see
`core.methods._matrices`); the order of layers and the choice among results is `core.methods.sequential`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.methods import METHODS
from core.methods._blas import few_threads
from core.methods._factor import Factor, factorise
from core.methods._grid import Grid, search_grid, shared_grid
from core.methods._pairs import fine_scale, kernel_order, mended
from core.methods._sparse import obs_scores, refit, select, sparse_solution
from core.methods._sweep import Descent, sweep
from core.methods.hessian import inverse
from core.values import Described, Parameter, text

_PASSES = 4
"""Of descent at most, each with the scale of least error before it."""
_ENOUGH = 0.005
"""Share of the error that a pass of descent must take away for another to follow."""
_FEW = 64
"""Columns up to which a row may be better rounded to nearest: so few others can make good hardly anything."""


@dataclass(frozen=True)
class Wanted:
    """What a layer shall become."""

    bits: int = 32
    sparsity: float = 0.0
    threshold: float | None = None
    pattern: tuple[int, int] | None = None
    """N of every M stay."""
    keep: np.ndarray | None = None
    """Which weights stay, (groups, rows, columns) bool, where that was chosen beforehand."""
    per_row: bool = True
    """A scale for each output channel, else one for all."""
    shared_rows: bool = False
    """The groups are blocks of columns of the same rows."""
    kernel: int = 1
    """Kernel positions, which lie next to each other in a row."""
    block: int = 0
    """Weights of a row that share a scale; 0: all of it."""
    symmetric: bool = True
    factors: int = 0
    """Where not 0, scales of blocks are their row's times up to this (`IntegerWeight.factor`)."""
    paired: bool = False
    """Neighbours must not be too large together (`core.methods._pairs`)."""

    clusters: int = 0
    """Where not 0, weights are so many shared values times a scale, instead of evenly spaced."""

    def grid(self, matrices: np.ndarray, diagonal: np.ndarray | None = None) -> Grid:
        """The grid of least error for these weights, float32: clipped, or of shared values.

        `diagonal` (groups, columns) of the Hessian: how much an error counts for shared values.
        """
        if self.clusters:
            return shared_grid(matrices, self.clusters, self.per_row, self.shared_rows, self.prunes, diagonal)
        grid = search_grid(
            matrices,
            self.bits,
            self.per_row,
            self.shared_rows,
            self.block,
            self.symmetric,
            self.factors,
        )
        return self._without_overflow(matrices, grid) if self.paired else grid

    def _without_overflow(self, matrices: np.ndarray, grid: Grid) -> Grid:
        groups, rows, columns = matrices.shape
        flat = matrices[:, :, kernel_order(columns, self.kernel)].reshape(-1, columns)
        scale = np.broadcast_to(grid.scale, (groups, rows, 1)).reshape(-1)
        found = fine_scale(flat, scale, shared=grid.scale.size == 1).reshape(groups, rows, 1)
        shared = tuple(axis for axis in (0, 1) if grid.scale.shape[axis] == 1)
        return replace(grid, scale=found.max(axis=shared, keepdims=True) if shared else found)

    def mended(self, integers: np.ndarray) -> np.ndarray:
        """q (groups, rows, columns) with pairs that fit: making good for others may push some too far."""
        if not self.paired:
            return integers
        order = kernel_order(integers.shape[2], self.kernel)
        flat = mended(integers[:, :, order].reshape(-1, len(order)))
        result = np.empty_like(integers)
        result[:, :, order] = flat.reshape(integers.shape)
        return result

    @property
    def rounds(self) -> bool:
        """Whether the weights lie on a grid; float16 is none."""
        return self.bits <= 8

    @property
    def prunes(self) -> bool:
        return (
            bool(self.sparsity) or bool(self.threshold) or self.pattern is not None or self.keep is not None
        )


def compensated(
    matrices: np.ndarray,
    hessian: np.ndarray,
    wanted: Wanted,
    thorough: bool = True,
    factor: Factor | None = None,
) -> tuple[np.ndarray, Grid | None]:
    """The layer as wanted with little error tr((Ŵ−W)H(Ŵ−W)ᵀ), and the grid it lies on.

    Returns (groups, rows, columns) float32. `thorough` refines the sweep by descent and better masks.
    `factor`: of this Hessian, if there is one already.
    """
    with few_threads(matrices.shape[2]):
        return _compensated(matrices, hessian, wanted, thorough, factor)


def _compensated(
    matrices: np.ndarray, hessian: np.ndarray, wanted: Wanted, thorough: bool, factor: Factor | None
) -> tuple[np.ndarray, Grid | None]:
    wide = matrices.astype(hessian.dtype, copy=False)
    keep, start = None, wide
    if wanted.prunes:
        start, keep = _pruned(wide, hessian, wanted, thorough, factor)
    if not wanted.rounds:
        return start.astype(np.float32), None
    diagonal = np.einsum("gii->gi", hessian)
    grid = wanted.grid(start.astype(np.float32, copy=False), diagonal)
    # from the best weights on the mask: a single pass from the dense ones, which makes good zeros and
    # rounding at once, leaves up to twice their error, more than descent can take away
    rounded = sweep(start, factor or factorise(hessian), grid, keep)
    starts = [rounded]
    if wide.shape[2] <= _FEW:
        starts.append(_nearer(rounded, _nearest(start, grid, keep), wide, hessian))
    if thorough:
        # a better start need not lead to a better end
        ends = [_descended(wide, hessian, each, grid, keep) for each in starts]
        _, rounded, grid = min(ends, key=lambda end: end[0])
    else:
        rounded = starts[-1]
    # exactly on the grid, whatever descent left in the last bits
    rounded = rounded.astype(np.float32)
    if wanted.paired:
        return np.ascontiguousarray(wanted.mended(grid.round(rounded)) * grid.scale), grid
    return np.ascontiguousarray(grid.snap(rounded)), grid


def _descended(
    wide: np.ndarray, hessian: np.ndarray, rounded: np.ndarray, grid: Grid, keep: np.ndarray | None
) -> tuple[float, np.ndarray, Grid]:
    """(error, weights, grid) of descent from these weights on the grid."""
    descent = Descent(wide, hessian, rounded, grid, keep)
    least = error = descent.error()
    for _ in range(_PASSES):
        descent.rescale()
        descent.recode()
        descent.descend()
        before, error = error, descent.error()
        if error < before or not grid.most:
            # whole factors may be a step in the wrong direction
            least, rounded, grid = error, descent.weights().copy(), descent.grid
        if error > (1.0 - _ENOUGH) * before:
            break
    return least, rounded, grid


def _nearest(start: np.ndarray, grid: Grid, keep: np.ndarray | None) -> np.ndarray:
    """Each weight at the value of the grid next to it, those outside `keep` at zero."""
    nearest = grid.snap(start)
    return nearest if keep is None else nearest * keep


def _nearer(one: np.ndarray, other: np.ndarray, wide: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Row by row the one of less error (ŵ−w)H(ŵ−w)ᵀ, rows having no part in each other's."""

    def errors(rounded: np.ndarray) -> np.ndarray:
        off = rounded.astype(hessian.dtype, copy=False) - wide
        return np.asarray(np.einsum("grc,grc->gr", off @ hessian, off))

    return np.where((errors(other) < errors(one))[:, :, None], other.astype(one.dtype, copy=False), one)


def _pruned(
    wide: np.ndarray, hessian: np.ndarray, wanted: Wanted, thorough: bool, factor: Factor | None
) -> tuple[np.ndarray, np.ndarray]:
    if wanted.keep is not None:
        return refit(wide, hessian, wanted.keep), wanted.keep
    if wanted.threshold is not None:
        keep = ~(np.abs(wide) < wanted.threshold)
        return refit(wide, hessian, keep), keep
    if thorough:
        return sparse_solution(wide, hessian, wanted.sparsity, wanted.pattern, wanted.kernel)
    keep = select(obs_scores(wide, inverse(hessian)), wanted.sparsity, wanted.pattern, wanted.kernel)
    return sweep(wide, factor or factorise(hessian), None, keep), keep


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
