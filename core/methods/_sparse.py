"""Which weights of a layer in matrix form stay, and what the rest must become: masks and exact refits."""

from __future__ import annotations

import numpy as np

from core.methods.hessian import inverse
from core.methods.prune_weights import pattern_mask, prune_mask

_ROUNDS = 30
_FIXED_ROUNDS = 10
"""ADMM rounds in all, and of these the last ones with the mask held."""


_REFIT_WORK = 2e10
"""Multiplications that the rounds of a refit may take: large layers get fewer rounds."""


def obs_scores(matrices: np.ndarray, inverted: np.ndarray) -> np.ndarray:
    """w²/[H⁻¹]_qq: the rise of the error if a weight goes and the others follow (Hassibi & Stork 1993)."""
    diagonal = np.einsum("gii->gi", inverted)
    return np.square(matrices) / np.maximum(diagonal, np.finfo(np.float32).tiny)[:, None, :]


def select(scores: np.ndarray, sparsity: float, pattern: tuple[int, int] | None, kernel: int) -> np.ndarray:
    """A mask of the scores' shape, True where kept: the share over all of it, or N of every M."""
    if pattern is not None:
        return pattern_mask(scores, pattern, kernel)
    return prune_mask(scores, sparsity)


def sparse_solution(
    matrices: np.ndarray,
    hessian: np.ndarray,
    sparsity: float,
    pattern: tuple[int, int] | None = None,
    kernel: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of small error with that many zeros, and their mask; (groups, rows, columns) both.

    The alternating direction method of multipliers with the share of zeros rising over the rounds, in
    coordinates in which every input has unit power; then the kept weights are solved for exactly.
    Source: Boža 2024, "Fast and Effective Weight Update for Pruned Large Language Models".
    """
    power = np.sqrt(np.einsum("gii->gi", hessian))
    unit = (hessian / (power[:, :, None] * power[:, None, :])).astype(hessian.dtype)
    target = matrices * power[:, None, :].astype(hessian.dtype)
    pull = target @ unit
    np.einsum("gii->gi", unit)[...] += 1.0
    solver = inverse(unit)
    dual = np.zeros_like(target)
    dense = target
    keep = np.ones(target.shape, dtype=bool)
    for turn in range(_ROUNDS):
        if turn < _ROUNDS - _FIXED_ROUNDS:
            share = sparsity * ((turn + 1) / (_ROUNDS - _FIXED_ROUNDS)) ** (1 / 3)
            keep = select(np.abs(dense + dual), share, pattern, kernel)
        sparse = np.where(keep, dense + dual, 0.0)
        dual += dense - sparse
        dense = (pull + sparse - dual) @ solver
    keep = keep if pattern else _exactly(np.abs(dense + dual), keep, sparsity)
    start = np.where(keep, (dense + dual) / power[:, None, :], 0.0)
    return refit(matrices, hessian, keep, start), keep


def _exactly(scores: np.ndarray, keep: np.ndarray, sparsity: float) -> np.ndarray:
    """The mask with exactly the share of zeros that was asked for."""
    return prune_mask(np.where(keep, scores + 1e-30, -1.0), sparsity)


def refit(
    matrices: np.ndarray,
    hessian: np.ndarray,
    keep: np.ndarray,
    start: np.ndarray | None = None,
    rounds: int | None = None,
    tolerance: float = 1e-5,
) -> np.ndarray:
    """The kept weights of least error, all rows at once: min tr((Ŵ−W)H(Ŵ−W)ᵀ) with Ŵ zero outside `keep`.

    Conjugate gradients on each row's own support, preconditioned by the diagonal: r·n² a round, where
    solving each row apart costs r·n³.
    """
    work = matrices.size * hessian.shape[-1]
    rounds = rounds or int(np.clip(_REFIT_WORK / max(1, work), 15, 200))
    mask = keep.astype(hessian.dtype)
    current = (matrices if start is None else start).astype(hessian.dtype) * mask
    diagonal = np.einsum("gii->gi", hessian)[:, None, :]
    residual = ((matrices - current) @ hessian) * mask
    scaled = residual / diagonal
    direction = scaled
    power = (residual * scaled).sum(axis=2, keepdims=True)
    first = np.maximum(((matrices @ hessian) * matrices).sum(axis=2, keepdims=True), 1e-30)
    for _ in range(rounds):
        if not (power > tolerance**2 * first).any():
            break
        applied = (direction @ hessian) * mask
        curvature = (direction * applied).sum(axis=2, keepdims=True)
        length = np.where(curvature > 0, power / np.where(curvature > 0, curvature, 1.0), 0.0)
        current = current + length * direction
        residual = residual - length * applied
        scaled = residual / diagonal
        fresh = (residual * scaled).sum(axis=2, keepdims=True)
        direction = scaled + np.where(power > 0, fresh / np.where(power > 0, power, 1.0), 0.0) * direction
        power = fresh
    return current
