"""Unstructured pruning: the weights of lowest score become zero (Han et al. 2015 for magnitude)."""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.methods import METHODS
from core.values import Choice, Described, Parameter, text

AUTOMATIC = "automatic"
LAYER, NETWORK = "layer", "network"

SCORE_CHOICES = tuple(Choice(score.name, score.label, score.help) for score in SCORES.descriptions())
"""Every importance score, as a choice of a parameter."""


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


def pattern_mask(scores: np.ndarray, pattern: tuple[int, int], kernel: int = 1) -> np.ndarray:
    """Keep the N highest scores of every M neighbours of a row (the last axis); True where kept.

    Neighbours are input channels at the same of `kernel` kernel positions, as sparse matrix units want
    them, where the channels divide by M; else they are neighbours as stored. Of what is left over at the
    end of a row N stay, as if zeros followed. Source: Mishra et al. 2021.
    """
    n, m = pattern
    columns = scores.shape[-1]
    order = np.arange(columns)
    if kernel > 1 and columns % kernel == 0 and (columns // kernel) % m == 0:
        order = order.reshape(-1, kernel).T.reshape(-1)
    filled = np.full((*scores.shape[:-1], -(-columns // m) * m), -np.inf)
    filled[..., :columns] = np.asarray(scores)[..., order]
    groups = filled.reshape(*scores.shape[:-1], -1, m)
    # stable: among equals the earlier ones stay
    ranked = np.argsort(-groups, axis=-1, kind="stable")
    kept = np.zeros(groups.shape, dtype=bool)
    np.put_along_axis(kept, ranked[..., :n], True, axis=-1)
    keep = np.zeros(scores.shape, dtype=bool)
    keep[..., order] = kept.reshape(filled.shape)[..., :columns]
    return keep


def stored_pattern_mask(
    scores: np.ndarray, pattern: tuple[int, int], row_axes: tuple[int, ...]
) -> np.ndarray:
    """`pattern_mask` of scores in the shape of a weight as stored, N of every M left in each row.

    `row_axes`: the axes whose entries are rows; of the others the first are input channels, the kernel
    positions come after axis 1.
    """
    rest = tuple(axis for axis in range(scores.ndim) if axis not in row_axes)
    order = (*row_axes, *rest)
    moved = np.transpose(scores, order)
    kernel = int(np.prod([scores.shape[axis] for axis in rest if axis > 1])) if scores.ndim > 2 else 1
    rows = moved.reshape(int(np.prod([scores.shape[axis] for axis in row_axes])), -1)
    kept = pattern_mask(rows, pattern, kernel)
    return np.ascontiguousarray(np.transpose(kept.reshape(moved.shape), np.argsort(order)))


def keep_mask(
    scores: np.ndarray,
    sparsity: float | None = None,
    threshold: float | None = None,
    pattern: tuple[int, int] | None = None,
    row_axes: tuple[int, ...] = (0,),
) -> np.ndarray:
    """Which weights stay, by their scores: N of every M, or those at or above a threshold, or a share."""
    if pattern is not None:
        return stored_pattern_mask(scores, pattern, row_axes)
    return prune_mask(scores, sparsity, threshold)


def prune(
    weight: np.ndarray,
    sparsity: float | None = None,
    threshold: float | None = None,
    pattern: tuple[int, int] | None = None,
    row_axes: tuple[int, ...] = (0,),
) -> np.ndarray:
    """A copy of the weight with its entries of smallest magnitude at zero."""
    if pattern is None and not sparsity and not threshold:
        return weight.copy()
    mask = keep_mask(np.abs(weight), sparsity, threshold, pattern, row_axes)
    return np.where(mask, weight, weight.dtype.type(0))


CHANGED_ANSWERS = Parameter(
    name="limit",
    label=text("Stop at changed answers"),
    help=text(
        "The rounds stop, and the last one is taken back, when more of the held-out samples than "
        "this are answered otherwise than by the original. 0: no limit."
    ),
    kind="number",
    default=0.0,
    low=0.0,
    high=100.0,
    unit="%",
)
"""Where rounds of pruning stop."""

METHODS.add(
    Described(
        name="prune_weights",
        label=text("Prune weights"),
        help=text("Sets the least important weights to zero. Saves space in zipped files only."),
        parameters=(
            Parameter(
                name="score",
                label=text("Choose by"),
                help=text("Which weights count as the least important."),
                kind="choice",
                default=AUTOMATIC,
                choices=(
                    Choice(
                        AUTOMATIC,
                        text("Automatic"),
                        text(
                            "With compensation and data those that the others make up for best, else the "
                            "smallest."
                        ),
                    ),
                    *SCORE_CHOICES,
                ),
            ),
            Parameter(
                name="scope",
                label=text("The share counts for"),
                help=text("Where the least important weights are looked for."),
                kind="choice",
                default=LAYER,
                choices=(
                    Choice(LAYER, text("Each layer"), text("Every layer loses its own share.")),
                    Choice(
                        NETWORK,
                        text("The whole network"),
                        text(
                            "One limit for all layers: those full of unimportant weights lose more. Layers "
                            "with settings of their own keep them."
                        ),
                    ),
                ),
            ),
            Parameter(
                name="rounds",
                label=text("Rounds"),
                help=text(
                    "In several rounds a part goes, the rest makes up for it, and the next choice sees the "
                    "network as it is then; takes as many times as long."
                ),
                kind="integer",
                default=1,
                low=1,
                high=20,
            ),
            CHANGED_ANSWERS,
            Parameter(
                name="seed",
                label=text("Seed"),
                help=text("For random scores: another number draws other weights."),
                kind="integer",
                default=0,
                low=0,
                high=1_000_000,
            ),
        ),
    ),
    prune,
)
