"""Second moments of a wide layer from few samples, without the matrix of moments.

Of n samples with more columns than that the moments have rank n: the samples say the same in less space. The
first dense layer of a VGG16 reads 25,088 values, whose moments are 2.5 GB, of 128 samples that are 13 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from core.methods._matrices import Form
from core.methods.hessian import Moments, damping_of, inverse_diagonal

_LEAST_COLUMNS = 256
"""Of narrower layers the moments are small."""
_SHARE = 0.5
"""Of the columns: up to so many rows are kept as they are."""


@dataclass(frozen=True)
class Curvature:
    """What the second-order scores read of H, the second moments; all (groups, columns) but the last."""

    power: np.ndarray
    """E[x²]."""
    diagonal: np.ndarray
    """H_qq; of deviations from the mean where a bias makes that good."""
    inverse: np.ndarray
    """[H⁻¹]_qq, damped."""
    energy: np.ndarray
    """w·H·wᵀ of each channel, (channels,)."""


class FewRows:
    """Keeps samples while they are few, and sums their moments from then on."""

    def __init__(self, form: Form) -> None:
        self._form = form
        # where columns are of several kinds, each kind is damped for itself
        wide = form.columns >= _LEAST_COLUMNS and not form.segments
        self._rows: list[np.ndarray] = []
        self._most = int(_SHARE * form.columns)
        self._moments = None if wide else Moments(form)
        self.count = 0

    def add(self, patches: np.ndarray) -> None:
        """Add samples (n, groups, columns); what is not finite is left out."""
        if self._moments is None:
            fine = np.isfinite(patches).all(axis=(1, 2))
            if self.count + int(fine.sum()) <= self._most:
                self._rows.append(np.array(patches[fine], dtype=np.float32))
                self.count += int(fine.sum())
                return
            self._moments = Moments(self._form)
            for rows in self._rows:
                self._moments.add(rows)
            self._rows.clear()
        self._moments.add(patches)
        self.count = self._moments.count

    def curvature(self, weight: np.ndarray, damping: float, centred: bool) -> Curvature:
        """What there is to say of the layer with this weight. Nothing can be added afterwards."""
        matrices = self._form.matrices(weight)
        moments, self._moments = self._moments, None
        if moments is not None:
            return _of_moments(moments, matrices, damping, centred)
        rows = np.concatenate(self._rows)
        self._rows.clear()
        return _of_rows(self._form, rows, matrices, damping, centred)


def _of_moments(moments: Moments, matrices: np.ndarray, damping: float, centred: bool) -> Curvature:
    exact = moments.quadratic(0.0, centred)
    diagonal = np.einsum("gii->gi", exact.hessian).copy()
    # what the mean adds, which a bias makes good
    power = diagonal + np.square(exact.mean) if centred else diagonal
    energy = np.square(exact.output_std(matrices))
    # each of them is a matrix as large as the moments
    del exact
    hessian = moments.quadratic(damping, centred).hessian
    del moments
    return Curvature(power, diagonal, inverse_diagonal(hessian), energy)


def _of_rows(form: Form, rows: np.ndarray, matrices: np.ndarray, damping: float, centred: bool) -> Curvature:
    count = len(rows)
    power = np.square(rows, dtype=np.float64).mean(axis=0)
    if centred:
        rows -= rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    diagonal = np.square(rows, dtype=np.float64).mean(axis=0)
    each = np.ascontiguousarray(rows.transpose(1, 0, 2))
    answers = np.square(each @ matrices.swapaxes(1, 2), dtype=np.float64).mean(axis=1)
    energy = answers.sum(axis=0) if form.blocks else answers.reshape(-1)
    added = damping_of(diagonal, power, damping)
    inverse = np.empty_like(diagonal)
    for group, own in enumerate(each):
        # (XᵀX/n + λ)⁻¹ = (1 − Xᵀ(nλ + XXᵀ)⁻¹X) / λ, of which the diagonal is wanted (Woodbury)
        wide = own.astype(np.float64)
        gram = wide @ wide.T + count * added[group] * np.eye(count)
        solved = solve_triangular(np.linalg.cholesky(gram), wide, lower=True, overwrite_b=True)
        inverse[group] = (1.0 - np.square(solved).sum(axis=0)) / added[group]
    return Curvature(power, diagonal, inverse, energy)
