"""Column sweep and coordinate descent on a layer in matrix form: where compensation spends its time.

Both work on columns of all rows at once, so weights lie as (groups, columns, rows) here: a column is one run
of memory. Two levels of blocks: within a small one column by column, from there on by matrix products.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.methods._factor import Factor
from core.methods._grid import Grid

OUTER, INNER = 128, 16
"""Columns in a block, and in the blocks within it."""
_LEAST_RATIO = 0.1
"""To which a block's scale falls at most at once."""


def sweep(
    matrices: np.ndarray,
    factor: Factor,
    grid: Grid | None = None,
    keep: np.ndarray | None = None,
    outer: int = OUTER,
    inner: int = INNER,
) -> np.ndarray:
    """Zero or round column after column; those not yet done make good each one's error.

    matrices (groups, rows, columns); `keep` bool, False where the weight becomes zero; without a grid kept
    weights only take up errors. The column sweep of GPTQ and SparseGPT (Frantar et al. 2022, 2023).
    """
    lower = factor.lower
    wanted = _standing(factor.arranged(matrices.astype(lower.dtype, copy=False)))
    kept = None if keep is None else _standing(factor.arranged(keep))
    snap = _Snap(grid, lower.dtype, factor.order)
    moved = np.zeros_like(wanted)
    for last in range(wanted.shape[1], 0, -outer):
        first = max(0, last - outer)
        # what the columns done so far ask of these
        owed = lower[:, last:, first:last].swapaxes(1, 2) @ moved[:, last:]
        for stop in range(last, first, -inner):
            start = max(first, stop - inner)
            for j in range(stop - 1, start - 1, -1):
                old = wanted[:, j]
                new = snap(old - owed[:, j - first] / lower[:, j, j, None], j)
                if kept is not None:
                    new *= kept[:, j]
                moved[:, j] = new - old
                owed[:, start - first : j - first] += lower[:, j, start:j, None] * moved[:, j, None, :]
            owed[:, : start - first] += (
                lower[:, start:stop, first:start].swapaxes(1, 2) @ moved[:, start:stop]
            )
    moved += wanted
    return factor.restored(moved.swapaxes(1, 2))


class Descent:
    """Weights on a grid on their way to less error tr((Ŵ−W)H(Ŵ−W)ᵀ), by turns of `rescale` and `descend`."""

    def __init__(
        self,
        matrices: np.ndarray,
        hessian: np.ndarray,
        start: np.ndarray,
        grid: Grid,
        keep: np.ndarray | None = None,
    ) -> None:
        """W, H, and Ŵ on the grid to start from; `keep` (bool): weights outside it stay zero."""
        self.grid = grid
        self._hessian = hessian
        self._wanted = _standing(matrices.astype(hessian.dtype, copy=False))
        self._now = _standing(start.astype(hessian.dtype, copy=False)).copy()
        self._keep = None if keep is None else _standing(keep)
        self._slope = hessian @ (self._now - self._wanted)
        self._pull: np.ndarray | None = None

    def weights(self) -> np.ndarray:
        """Ŵ (groups, rows, columns)."""
        return self._now.swapaxes(1, 2)

    def error(self) -> float:
        return float(np.vdot(self._now - self._wanted, self._slope))

    def rescale(self) -> None:
        """Give the same integers the scale of least error: s = qHwᵀ / qHqᵀ, summed over what shares it."""
        if self.grid.block:
            self._rescale_blocks()
            if not self.grid.most:
                return
        if self._pull is None:
            self._pull = self._hessian @ self._wanted
        along = np.einsum("gcr,gcr->gr", self._now, self._pull)[:, :, None]
        own = along + np.einsum("gcr,gcr->gr", self._now, self._slope)[:, :, None]
        scale = self.grid.scale
        for axis in (0, 1):
            if scale.shape[axis] == 1:
                along, own = along.sum(axis=axis, keepdims=True), own.sum(axis=axis, keepdims=True)
        usable = (own > 0) & (along > 0)
        ratio = np.where(usable, along / np.where(usable, own, 1.0), 1.0).astype(self._now.dtype)
        self.grid = self.grid.scaled(ratio)
        factor = ratio.swapaxes(1, 2)
        self._now *= factor
        self._slope += self._pull
        self._slope *= factor
        self._slope -= self._pull

    def recode(self) -> None:
        """Move shared values against the slope of the error, as far as lowers it most; others are none.

        A weight stays at its place among them, the values in their order, and zero where zeros must stay.
        """
        codes = self.grid.codes
        if codes is None:
            return
        scale = np.broadcast_to(self.grid.scale, (*self.weights().shape[:2], 1)).swapaxes(1, 2)
        places = _standing(self.grid.round(self.weights())).astype(np.intp)
        diagonal = np.einsum("gii->gi", self._hessian)[:, :, None]
        flat, most = places.reshape(-1), len(codes)
        pull = np.bincount(flat, (self._slope * scale).reshape(-1), most)
        stiff = np.bincount(flat, (diagonal * scale**2 * np.ones_like(self._now)).reshape(-1), most)
        step = -pull / np.where(stiff > 0, stiff, 1.0)
        if self._keep is not None:
            step[codes == 0] = 0.0
        change = (scale * step[places]).astype(self._now.dtype)
        answer = self._hessian @ change
        own = float(np.vdot(change, answer))
        if not own > 0:
            return
        length = -float(np.vdot(change, self._slope)) / own
        gaps, closing = np.diff(codes.astype(np.float64)), -np.diff(step)
        nearing = closing > 0
        if nearing.any():
            length = min(length, 0.9 * float((gaps[nearing] / closing[nearing]).min()))
        if not length > 0:
            return
        self.grid = replace(self.grid, codes=(codes + length * step).astype(np.float32))
        self._now += np.asarray(length, self._now.dtype) * change
        self._slope += np.asarray(length, self._now.dtype) * answer

    def _rescale_blocks(self) -> None:
        """The scale of one block after the other, each for the others as they are; zero points stay."""
        grid, now, slope, hessian = self.grid, self._now, self._slope, self._hessian
        ratios = np.ones((now.shape[0], grid.scale.shape[2], now.shape[2]), now.dtype)
        for index in range(ratios.shape[1]):
            at = slice(index * grid.block, min((index + 1) * grid.block, now.shape[1]))
            part = now[:, at]
            own = np.einsum("gcr,gcr->gr", part, hessian[:, at, at] @ part)
            along = np.einsum("gcr,gcr->gr", part, slope[:, at])
            ratio = 1.0 - np.where(own > 0, along / np.where(own > 0, own, 1.0), 0.0)
            # a scale of the other sign would turn the block's weights round
            ratios[:, index] = np.maximum(ratio, _LEAST_RATIO)
            change = (ratios[:, index] - 1.0)[:, None, :] * part
            now[:, at] += change
            slope += hessian[:, :, at] @ change
        self.grid = grid.scaled(ratios.swapaxes(1, 2))
        if grid.most:
            # whole factors are not quite what was asked for
            exact = (grid.scale * ratios.swapaxes(1, 2)).astype(now.dtype)
            now *= _standing(self.grid.spread(self.grid.scale / exact, self.weights()))
            self._slope = hessian @ (now - self._wanted)

    def descend(self, outer: int = OUTER, inner: int = INNER) -> bool:
        """Each weight in turn takes the value of least error, the others standing; False if none moved.

        Source: QuantEase (Behdin et al. 2023).
        """
        hessian, now, slope = self._hessian, self._now, self._slope
        snap = _Snap(self.grid, now.dtype)
        diagonal = np.einsum("gii->gi", hessian)[:, :, None]
        columns = now.shape[1]
        any_moved = False
        for first in range(0, columns, outer):
            last = min(first + outer, columns)
            moved = np.zeros((now.shape[0], last - first, now.shape[2]), now.dtype)
            here = slope[:, first:last].copy()
            for start in range(first, last, inner):
                stop = min(start + inner, last)
                for j in range(start, stop):
                    old = now[:, j]
                    new = snap(old - here[:, j - first] / diagonal[:, j], j)
                    if self._keep is not None:
                        new *= self._keep[:, j]
                    moved[:, j - first] = new - old
                    here[:, j + 1 - first : stop - first] += (
                        hessian[:, j + 1 : stop, j, None] * moved[:, j - first, None, :]
                    )
                here[:, stop - first :] += (
                    hessian[:, stop:last, start:stop] @ moved[:, start - first : stop - first]
                )
            if moved.any():
                any_moved = True
                now[:, first:last] += moved
                slope += hessian[:, :, first:last] @ moved
        return any_moved


class _Snap:
    """`Grid.snap` for one column of all rows, (groups, rows); without a grid as it is.

    `order` (groups, columns): which column of the grid each one is; None: as they stand.
    """

    def __init__(self, grid: Grid | None, dtype: np.dtype, order: np.ndarray | None = None) -> None:
        self._grid = grid
        if grid is None:
            return
        # (blocks, groups, rows): the parameters of a block are one run of memory
        self._scales = np.ascontiguousarray(np.moveaxis(grid.scale, 2, 0), dtype)
        zero = grid.zero
        self._zeros = None if zero is None else np.ascontiguousarray(np.moveaxis(zero, 2, 0), dtype)
        self._order = order if grid.block else None
        if grid.codes is not None:
            self._codes = grid.codes.astype(dtype)
            self._middles = (self._codes[1:] + self._codes[:-1]) / 2
        self._groups = np.arange(grid.scale.shape[0])

    def __call__(self, values: np.ndarray, column: int) -> np.ndarray:
        grid = self._grid
        if grid is None:
            return values
        scale = self._of(self._scales, column)
        values /= scale
        if grid.codes is not None:
            return np.asarray(self._codes[np.searchsorted(self._middles, values)] * scale)
        np.rint(values, out=values)
        if self._zeros is None:
            np.clip(values, grid.low, grid.high, out=values)
        else:
            # rint(w/s) + z within low..high, less z
            zero = self._of(self._zeros, column)
            np.clip(values, grid.low - zero, grid.high - zero, out=values)
        values *= scale
        return values

    def _of(self, parameters: np.ndarray, column: int) -> np.ndarray:
        assert self._grid is not None
        if not self._grid.block:
            return np.asarray(parameters[0])
        if self._order is None:
            return np.asarray(parameters[column // self._grid.block])
        at = self._order[:, column] // self._grid.block
        return np.asarray(parameters[at, self._groups] if len(self._groups) > 1 else parameters[at[0]])


def _standing(matrices: np.ndarray) -> np.ndarray:
    """(groups, rows, columns) as (groups, columns, rows)."""
    return np.ascontiguousarray(matrices.swapaxes(1, 2))
