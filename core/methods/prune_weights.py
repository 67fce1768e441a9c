"""Unstructured pruning: the weights of lowest score become zero (Han et al. 2015 for magnitude)."""

from __future__ import annotations

import numpy as np

from core.methods import METHODS
from core.values import Described, text


def prune_mask(
    scores: np.ndarray, sparsity: float | None = None, threshold: float | None = None
) -> np.ndarray:
    """Which weights stay: a bool array of the scores' shape, True where kept.

    Either a share of all (`sparsity` 0..1: exactly round(sparsity * size) go, the lowest scores; among
    equals the later ones stay) or a `threshold` (scores below it go). A threshold wins over a share.
    NaN scores count as lowest. Raises ValueError for a share outside 0..1.
    """
    if threshold is not None:
        return np.asarray(~(np.nan_to_num(scores, nan=-np.inf) < threshold))
    share = sparsity or 0.0
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"sparsity {share} is not within 0..1")
    flat = np.nan_to_num(np.asarray(scores).reshape(-1), nan=-np.inf)
    count = int(np.floor(share * flat.size + 0.5))
    keep = np.ones(flat.size, dtype=bool)
    if count >= flat.size:
        keep[:] = False
    elif count > 0:
        # Partition finds the cut in linear time; ties at the cut go in storage order, so that the same
        # weights always give the same mask.
        cut = np.partition(flat, count - 1)[count - 1]
        below = flat < cut
        keep[below] = False
        at_cut = np.flatnonzero(flat == cut)
        keep[at_cut[: count - int(below.sum())]] = False
    return keep.reshape(np.shape(scores))


def prune(
    weight: np.ndarray,
    sparsity: float | None = None,
    threshold: float | None = None,
    scores: np.ndarray | None = None,
) -> np.ndarray:
    """A copy of the weight with its lowest-scored entries at zero; scores default to the magnitude."""
    if not sparsity and not threshold:
        return weight.copy()
    mask = prune_mask(np.abs(weight) if scores is None else scores, sparsity, threshold)
    return np.where(mask, weight, weight.dtype.type(0))


METHODS.add(
    Described(
        name="prune_weights",
        label=text("Prune weights"),
        help=text("Sets the weights of smallest magnitude to zero. Saves space in zipped files only."),
    ),
    prune,
)
