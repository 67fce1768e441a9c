"""Streamed second moments of a layer's inputs, and of what the compressed network still gets wrong.

For a layer with outputs Ŵx̂ + b the sum over samples of squared errors against the original's outputs y is a
quadratic function of Ŵ and b, and these moments are all of it: Σ x̂x̂ᵀ, Σ x̂, Σ r x̂ᵀ and Σ r, where
r = y − (Wx̂ + b) is what the unchanged weights miss because the inputs x̂ come from a network that is
compressed already. With x̂ = x they are the Hessian of GPTQ and Optimal Brain Surgeon. Memory is that of
the sums, whatever the number of samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from core.methods._blas import few_threads
from core.methods._factor import Factor, factorise
from core.methods._matrices import Form

FLOAT64_COLUMNS = 512
"""Up to here sums are kept in float64; wider ones in float32, which halves memory and time."""
_MIRRORED = 256
_AT_ONCE = 2 << 20
"""Weights that are held in double numbers at once."""
_LARGE = 256
"""Columns from which matrices are inverted by Cholesky."""


class Moments:
    """Sums over samples for one layer; add batches, then read `Quadratic`."""

    def __init__(self, form: Form, second: bool = True) -> None:
        """Without `second` there are only means: the Hessian is empty."""
        self.form = form
        self._wide = np.float64 if form.columns <= FLOAT64_COLUMNS else np.float32
        self.count = 0
        self._squared = second
        width = form.columns if second else 0
        self._second = np.zeros((form.groups, width, width), self._wide)
        self._first = np.zeros((form.groups, form.columns))
        self._cross: np.ndarray | None = None
        self._residual = np.zeros(form.channels)
        self._target = np.zeros(form.channels)
        self._target_squares = np.zeros(form.channels)

    def add(
        self, patches: np.ndarray, residual: np.ndarray | None = None, target: np.ndarray | None = None
    ) -> None:
        """Add samples: patches (n, groups, columns); what is missed and the original's outputs (n, channels).

        Samples that are not finite are left out.
        """
        with few_threads(self.form.columns):
            self._add(patches, residual, target)

    def _add(self, patches: np.ndarray, residual: np.ndarray | None, target: np.ndarray | None) -> None:
        first = patches.sum(axis=0, dtype=np.float64)
        if not np.isfinite(first).all():
            fine = np.isfinite(patches).all(axis=(1, 2))
            patches = patches[fine]
            residual = None if residual is None else residual[fine]
            target = None if target is None else target[fine]
            first = patches.sum(axis=0, dtype=np.float64)
        form, count = self.form, len(patches)
        self.count += count
        self._first += first
        if self._squared:
            self._add_second(patches)
        if residual is not None:
            missed = residual.astype(np.float32, copy=False)
            self._residual += missed.sum(axis=0, dtype=np.float64)
            if not form.blocks:
                if self._cross is None:
                    self._cross = np.zeros((form.groups, form.rows, form.columns), self._wide)
                grouped = missed.reshape(count, form.groups, form.rows).transpose(1, 2, 0)
                self._cross += grouped @ patches.transpose(1, 0, 2)
        if target is not None:
            self._target += target.sum(axis=0, dtype=np.float64)
            self._target_squares += np.square(target, dtype=np.float64).sum(axis=0)

    def _add_second(self, patches: np.ndarray) -> None:
        form = self.form
        if form.groups == 1 and self._wide is np.float64:
            rows = patches[:, 0]
            self._second[0] += rows.T @ rows
        elif self._wide is np.float32:
            # the upper triangle only, in place: half the work and no copy of the whole
            for group in range(form.groups):
                rows = np.ascontiguousarray(patches[:, group])
                (syrk,) = get_blas_funcs(("syrk",), (rows,))
                syrk(1.0, rows.T, 1.0, self._second[group].T, lower=1, overwrite_c=1)
        else:
            for start in range(0, form.groups, 64):
                part = np.ascontiguousarray(patches[:, start : start + 64].transpose(1, 0, 2))
                self._second[start : start + 64] += part.swapaxes(1, 2) @ part

    def quadratic(self, damping: float = 0.01, centred: bool = True, last: bool = False) -> Quadratic:
        """The error as a function of the weights, with `damping` times the mean diagonal added.

        `centred`: the bias follows along (`Quadratic.bias_shift`), so only deviations from the means
        count. `last`: the sums are not needed any more, and what is returned lies where they did. Raises
        ValueError without a sample.
        """
        if not self.count:
            raise ValueError("no samples")
        mean = self._first / self.count
        if not self._squared:
            return self._means(mean, centred)
        count = self._wide(self.count)
        hessian = np.divide(self._second, count, out=self._second if last else None)
        cross = self._cross
        if cross is not None:
            cross = np.divide(cross, count, out=cross if last else None)
        missed = self._residual / self.count
        powers = np.einsum("gii->gi", hessian).copy()
        if centred:
            for each, means in zip(hessian, mean, strict=True):
                for start in range(0, len(means), _MIRRORED):
                    stop = start + _MIRRORED
                    each[start:stop] -= (means[start:stop, None] * means).astype(self._wide)
            if cross is not None:
                grouped = missed.reshape(self.form.groups, self.form.rows)
                cross -= (grouped[:, :, None] * mean[:, None, :]).astype(self._wide)
        if self._wide is np.float32:
            _mirror(hessian)
        diagonal = np.einsum("gii->gi", hessian)
        start = 0
        for width in self.form.segments or (self.form.columns,):
            # inputs of another kind may be of another size: each kind counts for itself
            part = slice(start, start + width)
            diagonal[:, part] += damping_of(diagonal[:, part], powers[:, part], damping)[:, None]
            start += width
        target_mean = self._target / self.count
        variance = np.maximum(self._target_squares / self.count - target_mean**2, 0.0)
        return Quadratic(
            form=self.form,
            hessian=hessian,
            cross=cross,
            mean=mean,
            missed=missed,
            centred=centred,
            target_mean=target_mean,
            target_std=np.sqrt(variance),
        )

    def _means(self, mean: np.ndarray, centred: bool) -> Quadratic:
        missed = self._residual / self.count
        return Quadratic(self.form, self._second, None, mean, missed, centred)


class HeldOut:
    """Samples that judge a layer's weights by its own outputs and are not fitted to."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._columns: list[np.ndarray] = []
        self._missed: list[np.ndarray] = []

    @property
    def count(self) -> int:
        return sum(map(len, self._columns))

    def add(self, patches: np.ndarray, residual: np.ndarray) -> None:
        """As `Moments.add`; what is not finite is left out."""
        fine = np.isfinite(patches).all(axis=(1, 2)) & np.isfinite(residual).all(axis=1)
        self._columns.append(patches[fine])
        self._missed.append(residual[fine].astype(np.float32))

    def judged(self, before: np.ndarray, after: np.ndarray, bias_moved: np.ndarray | None) -> float:
        """Mean squared error of the outputs with these weights and bias, less that of the unchanged ones."""
        total, form = 0.0, self._form
        difference = np.ascontiguousarray((after - before).swapaxes(1, 2), dtype=np.float32)
        for columns, missed in zip(self._columns, self._missed, strict=True):
            each = columns.transpose(1, 0, 2) @ difference
            moved = each.sum(axis=0) if form.blocks else each.transpose(1, 0, 2).reshape(len(columns), -1)
            if bias_moved is not None:
                moved = moved + bias_moved.astype(np.float32)
            total += float(np.vdot(moved, moved - 2.0 * missed))
        return total / max(1, self.count)


def damping_of(diagonal: np.ndarray, powers: np.ndarray, damping: float) -> np.ndarray:
    """What each group adds to its diagonal (groups, n), as (groups,); `powers`: the same before centring."""
    level = diagonal.mean(axis=1)
    floor = max(float(level.mean()), float(np.finfo(np.float32).tiny))
    added = damping * np.where(level > 1e-6 * floor, level, floor)
    if damping:
        # products are float32: by so much may the moments be wrong, whatever they are summed in, and of
        # inputs that never change nothing else is left
        noise = np.finfo(np.float32).eps * (16 * powers.max(axis=1) + powers.sum(axis=1))
        added = np.maximum(added, noise)
    return np.asarray(added)


def _mirror(matrices: np.ndarray) -> None:
    """Copy the upper triangles (groups, n, n) to the lower ones, in place and block by block."""
    for matrix in matrices:
        for start in range(0, len(matrix), _MIRRORED):
            stop = start + _MIRRORED
            square = np.triu(matrix[start:stop, start:stop])
            matrix[start:stop, start:stop] = square + np.triu(square, 1).T
            matrix[stop:, start:stop] = matrix[start:stop, stop:].T


def inverse(hessian: np.ndarray) -> np.ndarray:
    """H⁻¹ of positive definite matrices (groups, n, n), by Cholesky where they are large."""
    if hessian.shape[-1] < _LARGE:
        return np.asarray(np.linalg.inv(hessian))
    result = np.array(hessian, order="C")
    for matrix in result:
        inverse_in_place(matrix)
    return result


def inverse_in_place(matrix: np.ndarray) -> None:
    """Put the inverse of a positive definite matrix (n, n), in C order, where it lies."""
    whole = _triangle(matrix)
    _mirror(whole[None])
    if not np.may_share_memory(whole, matrix):
        matrix[...] = whole


def inverse_diagonal(hessian: np.ndarray) -> np.ndarray:
    """The diagonals of H⁻¹, (groups, n), of positive definite matrices (groups, n, n), which are used up."""
    if hessian.shape[-1] < _LARGE:
        return np.einsum("gii->gi", np.linalg.inv(hessian)).copy()
    return np.stack([np.diagonal(_triangle(matrix)).copy() for matrix in hessian])


def _triangle(matrix: np.ndarray) -> np.ndarray:
    """The inverse where the matrix lay, transposed: its upper triangle. The other one holds anything."""
    factor, invert = get_lapack_funcs(("potrf", "potri"), (matrix,))
    diagonal = np.diagonal(matrix).copy()
    # seen by columns, which is the same matrix: then LAPACK makes no copy
    whole, failed = factor(matrix.T, lower=0, clean=0, overwrite_a=1)
    if not failed:
        whole, failed = invert(whole, lower=0, overwrite_c=1)
    if failed:
        # the other triangle is still what it was
        other = np.tril(whole, -1)
        whole[...] = np.linalg.inv(other + other.T + np.diag(diagonal))
    return np.asarray(whole)


@dataclass(frozen=True)
class Quadratic:
    """Mean squared error of a layer's outputs around the unchanged weights W, from the samples.

    error(Ŵ) = Σ_g tr((Ŵ−W)H(Ŵ−W)ᵀ) − 2·tr((Ŵ−W)Cᵀ) + constant
    """

    form: Form
    hessian: np.ndarray
    """H (groups, columns, columns), damped."""
    cross: np.ndarray | None
    """C (groups, rows, columns): E[r x̂ᵀ]; None where nothing was missed or it was not measured."""
    mean: np.ndarray
    """E[x̂] (groups, columns)."""
    missed: np.ndarray
    """E[r] (channels,)."""
    centred: bool
    target_mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Of the original's outputs (channels,)."""
    target_std: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def best(self, matrices: np.ndarray, share: float = 1.0) -> np.ndarray:
        """The weights of least error: W + share·C·H⁻¹, so that later steps only have H to mind."""
        if self.cross is None or not share:
            return matrices
        return matrices + np.float32(share) * self.factor.solve(self.cross).astype(matrices.dtype)

    @cached_property
    def factor(self) -> Factor:
        """H's factorisation, made once: for the best weights and for the sweep."""
        return factorise(self.hessian)

    def bias_shift(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What to add to the bias so that the mean output is the original's, (channels,) float64."""
        moved = np.empty(before.shape[:2])
        # by parts: in double numbers the first dense layer of a VGG16 is as large as the network, twice
        rows = max(1, _AT_ONCE // max(1, before.shape[0] * before.shape[2]))
        for start in range(0, before.shape[1], rows):
            part = slice(start, start + rows)
            difference = before[:, part].astype(np.float64) - after[:, part]
            moved[:, part] = np.einsum("grc,gc->gr", difference, self.mean)
        shift = moved.sum(axis=0) if self.form.blocks else moved.reshape(-1)
        return np.asarray(self.missed + shift)

    def error(self, before: np.ndarray, after: np.ndarray) -> float:
        """tr((Ŵ−W)H(Ŵ−W)ᵀ): the damage done to the outputs, summed over channels."""
        difference = (after - before).astype(self.hessian.dtype)
        return float(np.einsum("grc,grc->", difference @ self.hessian, difference))

    def output_std(self, matrices: np.ndarray) -> np.ndarray:
        """Standard deviation of the outputs with these weights, (channels,); blocks add up."""
        wide = matrices.astype(self.hessian.dtype)
        variance = np.einsum("grc,grc->gr", wide @ self.hessian, wide)
        flat = variance.sum(axis=0) if self.form.blocks else variance.reshape(-1)
        return np.asarray(np.sqrt(np.maximum(flat, 0.0)))
