"""One triangular factorisation of a layer's Hessian: it serves the best weights and the column sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_lapack_funcs

_LARGE = 256
"""From so many columns on LAPACK is called for each matrix, in place: large ones are not copied."""


@dataclass(frozen=True)
class Factor:
    """H = MMᵀ, with the columns in an order of its own: the sweep begins with the last.

    e·H·eᵀ = Σ_k (Σ_{i≥k} e_i·M_ik)²: what column k still owes depends on columns done before it alone, so
    the sweep needs no inverse. Source: Chen et al. 2025, "The Geometry of LLM Quantization: GPTQ as Babai's
    Nearest Plane Algorithm".
    """

    lower: np.ndarray
    """M (groups, columns, columns), lower triangular, in that order."""
    order: np.ndarray
    """(groups, columns)."""

    def solve(self, right: np.ndarray) -> np.ndarray:
        """X with XH = right; (groups, rows, columns) both."""
        arranged = self.arranged(right.astype(self.lower.dtype, copy=False))
        (solver,) = get_lapack_funcs(("potrs",), (self.lower,))
        for group, matrix in enumerate(self.lower):
            # row by row and lower is LAPACK's upper
            arranged[group] = solver(matrix.T, arranged[group].T, lower=0)[0].T
        return self.restored(arranged)

    def arranged(self, matrices: np.ndarray) -> np.ndarray:
        """Matrices (groups, rows, columns) with their columns in this order."""
        return np.take_along_axis(matrices, self.order[:, None, :], axis=2)

    def restored(self, matrices: np.ndarray) -> np.ndarray:
        """The inverse of `arranged`."""
        return np.take_along_axis(matrices, np.argsort(self.order, axis=1)[:, None, :], axis=2)


def factorise(hessian: np.ndarray, order: np.ndarray | None = None) -> Factor:
    """Factorise H (groups, columns, columns).

    Without an order strong inputs come first in the sweep, while many others can still make good their
    error. Raises LinAlgError for what is not positive definite even with a tenth more damping.
    """
    if order is None:
        order = np.argsort(np.einsum("gii->gi", hessian), axis=1, kind="stable")
    if hessian.shape[-1] < _LARGE:
        arranged = np.take_along_axis(
            np.take_along_axis(hessian, order[:, :, None], axis=1), order[:, None, :], axis=2
        )
        try:
            return Factor(np.linalg.cholesky(arranged), order)
        except np.linalg.LinAlgError:
            return Factor(np.linalg.cholesky(_damped(arranged)).astype(hessian.dtype), order)
    if len(hessian) == 1:
        return Factor(_lower(hessian[0], order[0])[None], order)
    result = np.empty_like(hessian)
    for group, matrix in enumerate(hessian):
        result[group] = _lower(matrix, order[group])
    return Factor(result, order)


def _lower(matrix: np.ndarray, order: np.ndarray) -> np.ndarray:
    """M where the arranged copy of H lay: of wide layers each is as large as the layer several times over."""
    (potrf,) = get_lapack_funcs(("potrf",), (matrix,))
    index = np.ix_(order, order)
    upper, failed = potrf(matrix[index].T, lower=0, overwrite_a=1)
    return np.linalg.cholesky(_damped(matrix[index])).astype(matrix.dtype) if failed else np.asarray(upper.T)


def _damped(matrices: np.ndarray) -> np.ndarray:
    """float32 and a nearly singular H: more damping is better than no compensation."""
    more = (matrices + matrices.swapaxes(-1, -2)).astype(np.float64) / 2
    np.einsum("...ii->...i", more)[...] *= 1.1
    return more
