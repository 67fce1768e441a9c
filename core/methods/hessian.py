"""Streamed second moments of a layer's inputs, and of what the compressed network still gets wrong.

For a layer with outputs Ŵx̂ + b the sum over samples of squared errors against the original's outputs y is a
quadratic function of Ŵ and b, and these moments are all of it: Σ x̂x̂ᵀ, Σ x̂, Σ r x̂ᵀ and Σ r, where
r = y − (Wx̂ + b) is what the unchanged weights miss because the inputs x̂ come from a network that is
compressed already. With x̂ = x they are the Hessian of GPTQ and Optimal Brain Surgeon. Memory is that of
the sums, whatever the number of samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import get_lapack_funcs

from core.methods._matrices import Form

_FLOAT64_COLUMNS = 2048
"""Up to here sums are kept in float64; wider ones in float32, which halves the memory."""


class Moments:
    """Sums over samples for one layer; add batches, then read `Quadratic`."""

    def __init__(self, form: Form) -> None:
        self.form = form
        wide = np.float64 if form.columns <= _FLOAT64_COLUMNS else np.float32
        self.count = 0
        self._second = np.zeros((form.groups, form.columns, form.columns), wide)
        self._first = np.zeros((form.groups, form.columns))
        self._cross = None if form.blocks else np.zeros((form.groups, form.rows, form.columns))
        self._residual = np.zeros(form.channels)
        self._target = np.zeros(form.channels)
        self._target_squares = np.zeros(form.channels)

    def add(
        self, patches: np.ndarray, residual: np.ndarray | None = None, target: np.ndarray | None = None
    ) -> None:
        """Add samples: patches (n, groups, columns); what is missed and the original's outputs (n, channels).

        Samples that are not finite are left out.
        """
        if not np.isfinite(patches).all():
            fine = np.isfinite(patches).all(axis=(1, 2))
            patches = patches[fine]
            residual = None if residual is None else residual[fine]
            target = None if target is None else target[fine]
        form, count = self.form, len(patches)
        self.count += count
        if form.groups == 1:
            rows = patches[:, 0]
            self._second[0] += rows.T @ rows
        else:
            for start in range(0, form.groups, 64):
                part = np.ascontiguousarray(patches[:, start : start + 64].transpose(1, 0, 2))
                self._second[start : start + 64] += part.swapaxes(1, 2) @ part
        self._first += patches.sum(axis=0, dtype=np.float64)
        if residual is not None:
            missed = residual.astype(np.float32, copy=False)
            self._residual += missed.sum(axis=0, dtype=np.float64)
            if self._cross is not None:
                grouped = missed.reshape(count, form.groups, form.rows).transpose(1, 2, 0)
                self._cross += grouped @ patches.transpose(1, 0, 2)
        if target is not None:
            self._target += target.sum(axis=0, dtype=np.float64)
            self._target_squares += np.square(target, dtype=np.float64).sum(axis=0)

    def quadratic(self, damping: float = 0.01, centred: bool = True) -> Quadratic:
        """The error as a function of the weights, with `damping` times the mean diagonal added.

        `centred`: the bias follows along (`Quadratic.bias_shift`), so only deviations from the means
        count. Raises ValueError without a sample.
        """
        if not self.count:
            raise ValueError("no samples")
        mean = self._first / self.count
        hessian = self._second / self.count
        cross = None if self._cross is None else self._cross / self.count
        missed = self._residual / self.count
        if centred:
            hessian -= (mean[:, :, None] * mean[:, None, :]).astype(hessian.dtype)
            if cross is not None:
                grouped = missed.reshape(self.form.groups, self.form.rows)
                cross = cross - grouped[:, :, None] * mean[:, None, :]
        diagonal = np.einsum("gii->gi", hessian)
        level = diagonal.mean(axis=1)
        floor = max(float(level.mean()), float(np.finfo(np.float32).tiny))
        diagonal += (damping * np.where(level > 1e-6 * floor, level, floor))[:, None]
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


def inverse(hessian: np.ndarray) -> np.ndarray:
    """H⁻¹ of positive definite matrices (groups, n, n), by Cholesky where they are large."""
    if hessian.shape[-1] < 256:
        return np.asarray(np.linalg.inv(hessian))
    result = np.empty_like(hessian)
    factor, invert = get_lapack_funcs(("potrf", "potri"), (hessian,))
    for group, matrix in enumerate(hessian):
        upper, failed = factor(matrix)
        if not failed:
            whole, failed = invert(upper, overwrite_c=True)
        if failed:
            result[group] = np.linalg.inv(matrix)
            continue
        whole = np.triu(whole)
        result[group] = whole + np.triu(whole, 1).T
    return result


@dataclass(frozen=True)
class Quadratic:
    """Mean squared error of a layer's outputs around the unchanged weights W, from the samples.

    error(Ŵ) = Σ_g tr((Ŵ−W)H(Ŵ−W)ᵀ) − 2·tr((Ŵ−W)Cᵀ) + constant
    """

    form: Form
    hessian: np.ndarray
    """H (groups, columns, columns), damped."""
    cross: np.ndarray | None
    """C (groups, rows, columns): E[r x̂ᵀ]; None where it was not measured."""
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
        step = np.linalg.solve(self.hessian, self.cross.swapaxes(1, 2)).swapaxes(1, 2)
        return matrices + np.float32(share) * step.astype(matrices.dtype)

    def judged(self, before: np.ndarray, after: np.ndarray, bias_moved: np.ndarray | None) -> float:
        """Mean squared error of the outputs with these weights and bias, less that of the unchanged ones.

        Meant for moments of other samples than those fitted to, not centred and not damped.
        """
        difference = (after - before).astype(self.hessian.dtype)
        total = float(np.einsum("grc,grc->", difference @ self.hessian, difference))
        if self.cross is not None:
            total -= 2.0 * float(np.einsum("grc,grc->", difference, self.cross))
        if bias_moved is not None:
            moved = np.einsum("grc,gc->gr", difference, self.mean)
            means = moved.sum(axis=0) if self.form.blocks else moved.reshape(-1)
            total += float((bias_moved * (bias_moved + 2.0 * means - 2.0 * self.missed)).sum())
        return total

    def bias_shift(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What to add to the bias so that the mean output is the original's, (channels,) float64."""
        moved = np.einsum("grc,gc->gr", before.astype(np.float64) - after, self.mean)
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
