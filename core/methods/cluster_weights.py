"""Shared values: each weight of a layer becomes the nearest of a few numbers, found by k-means on the line.

Only the small table and each weight's place in it are stored. On the line k-means needs one sort: clusters
are intervals of the sorted weights, and running sums give each one's mean and error. Source: Han et al. 2016,
"Deep Compression", section 3; the exact start by dynamic programming: Wang & Song 2011, "Ckmeans.1d.dp".
"""

from __future__ import annotations

import numpy as np

from core.methods import METHODS
from core.methods._layout import Layout
from core.methods.stored import SharedWeight
from core.values import Described, text

_BINS = 512
"""The exact start looks at so many groups of neighbours at most."""
_EXACT_CLUSTERS = 32
"""Up to so many clusters the start is exact; with more, local optima are all nearly as good."""
_ROUNDS = 100
_TURNS = 3
_TINY = float(np.finfo(np.float32).tiny)


def shared_values(
    values: np.ndarray,
    clusters: int,
    importance: np.ndarray | None = None,
    keep_zero: bool = False,
) -> np.ndarray:
    """The `clusters` numbers (ascending float32, fewer if the values are) of least weighted squared error.

    `importance`: of the values' shape, how much an error counts, not negative; None: alike. `keep_zero`:
    one of the numbers is exactly 0 and stands for the zeros among the values.
    """
    flat = values.reshape(-1).astype(np.float64)
    counts = np.ones(flat.size) if importance is None else importance.reshape(-1).astype(np.float64)
    if keep_zero:
        inside = flat != 0
        rest = shared_values(flat[inside], clusters - 1, counts[inside]) if inside.any() else np.zeros(0)
        return np.unique(np.append(rest, 0.0)).astype(np.float32)
    order = np.argsort(flat, kind="stable")
    flat, counts = flat[order], counts[order]
    if not counts.sum() > 0:
        counts = np.ones(flat.size)
    distinct = np.unique(flat.astype(np.float32))
    if len(distinct) <= clusters:
        return distinct
    sums = _Sums(flat, counts)
    if clusters <= _EXACT_CLUSTERS:
        codes = _exact(sums, clusters)
    else:
        codes = _dense(flat, counts, clusters)
    return np.unique(_lloyd(flat, sums, codes).astype(np.float32))


def nearest(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """For each value the place of the nearest of the ascending codes, uint8 of the values' shape."""
    middles = (codes[1:] + codes[:-1]) / 2
    return np.searchsorted(middles, values).astype(np.uint8)


def shared_weight(
    weight: np.ndarray,
    clusters: int,
    layout: Layout,
    keep_zero: bool = False,
    most: int = 0,
) -> SharedWeight:
    """The weight on `clusters` shared values times a scale for each row of `layout`.

    `most`: the values are whole numbers up to this, for kernels on integers; 0: they are float. Raises
    ValueError for weights that are not finite.
    """
    matrix = layout.matrix(weight).astype(np.float32)
    if not np.isfinite(matrix).all():
        raise ValueError("the weights hold NaN or infinite values")
    codes, scale = shared_rows(matrix, clusters, keep_zero, most, per_row=len(matrix) > 1)
    places = layout.weight(nearest(matrix / scale, codes))
    whole = layout.broadcast(scale) if scale.size > 1 else scale.reshape([1] * weight.ndim)
    return SharedWeight(places, codes.astype(np.int8) if most else codes, whole.astype(np.float32))


def shared_rows(
    rows: np.ndarray,
    clusters: int,
    keep_zero: bool = False,
    most: int = 0,
    per_row: bool = True,
    importance: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes (ascending float32) and scale (rows, 1), or (1, 1) unless `per_row`, of (rows, columns).

    Codes for the scales and scales for the codes are found in turn. `importance`: (columns,) or of the
    rows' shape, how much an error counts.
    """
    counts = np.broadcast_to(1.0 if importance is None else importance, rows.shape)
    power = np.average(np.square(rows, dtype=np.float64), axis=1 if per_row else None)
    scale = np.sqrt(power).reshape(-1, 1).astype(np.float32)
    scale = np.where(scale > _TINY, scale, np.float32(1))
    for turn in range(_TURNS):
        codes = shared_values(rows / scale, clusters, counts * scale.astype(np.float64) ** 2, keep_zero)
        if not per_row or turn == _TURNS - 1:
            break
        chosen = codes[nearest(rows / scale, codes)].astype(np.float64)
        scale = _fitted(rows, chosen, counts, scale)
    if most:
        codes, scale = whole_codes(codes, scale, most)
    return codes, scale


def whole_codes(codes: np.ndarray, scale: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes as whole numbers up to `most`, what they are too large by in the scale."""
    largest = float(np.abs(codes).max(initial=0.0))
    unit = np.float32(largest / most) if largest > 0 else np.float32(1)
    return np.unique(np.rint(codes / unit)).astype(np.float32), (scale * unit).astype(np.float32)


def _fitted(rows: np.ndarray, chosen: np.ndarray, counts: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The scale of each row with which its codes lie nearest to it."""
    along = (counts * rows * chosen).sum(axis=1, keepdims=True)
    own = (counts * chosen**2).sum(axis=1, keepdims=True)
    usable = (own > 0) & (along > _TINY * own)
    return np.where(usable, along / np.where(usable, own, 1.0), scale).astype(np.float32)


class _Sums:
    """Running sums over sorted values: weight, mean and squared error of any interval at once."""

    def __init__(self, flat: np.ndarray, counts: np.ndarray) -> None:
        self.counts = np.append(0.0, np.cumsum(counts))
        self.firsts = np.append(0.0, np.cumsum(counts * flat))
        self.seconds = np.append(0.0, np.cumsum(counts * flat**2))

    def error(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Weighted squared distance from the mean over [start, end)."""
        count = self.counts[ends] - self.counts[starts]
        first = self.firsts[ends] - self.firsts[starts]
        second = self.seconds[ends] - self.seconds[starts]
        return np.maximum(second - first**2 / np.where(count > 0, count, 1.0), 0.0)

    def means(self, edges: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """Of the intervals between the edges; `otherwise` for those without weight."""
        count = np.diff(self.counts[edges])
        return np.where(count > 0, np.diff(self.firsts[edges]) / np.where(count > 0, count, 1.0), otherwise)


def _lloyd(flat: np.ndarray, sums: _Sums, codes: np.ndarray) -> np.ndarray:
    """Move borders between neighbours and means in turn until neither moves."""
    edges = np.zeros(0)
    for _ in range(_ROUNDS):
        middles = (codes[1:] + codes[:-1]) / 2
        found = np.concatenate([[0], np.searchsorted(flat, middles, side="right"), [flat.size]])
        if np.array_equal(found, edges):
            break
        edges = found
        codes = np.sort(sums.means(edges, codes))
    return codes


def _exact(sums: _Sums, clusters: int) -> np.ndarray:
    """Means of the best partition of the sorted values; their edges only where groups of them begin."""
    size = len(sums.counts) - 1
    edges = np.unique(np.linspace(0, size, _BINS + 1).astype(np.int64))
    last = len(edges) - 1
    starts, ends = np.meshgrid(np.arange(last), np.arange(1, last + 1), indexing="ij")
    cost = np.where(starts < ends, sums.error(edges[starts], edges[np.maximum(ends, starts)]), np.inf)
    # least[e]: the least error of the first e groups with as many clusters as there were rounds
    least = np.append(0.0, cost[0])
    came_from = []
    for _ in range(min(clusters, last) - 1):
        total = least[:last, None] + cost
        came_from.append(total.argmin(axis=0))
        least = np.append(np.inf, total.min(axis=0))
    found = [last]
    for way in reversed(came_from):
        found.append(int(way[found[-1] - 1]))
    borders = edges[np.unique([0, *found])]
    return sums.means(borders, np.zeros(len(borders) - 1))


def _dense(flat: np.ndarray, counts: np.ndarray, clusters: int) -> np.ndarray:
    """Codes as dense as the cube root of the values' density: best for many (Panter & Dite 1951)."""
    density, edges = np.histogram(flat, bins=4 * clusters, weights=counts)
    share = np.append(0.0, np.cumsum(np.cbrt(density)))
    wanted = (np.arange(clusters) + 0.5) / clusters * share[-1]
    return np.interp(wanted, share, edges)


METHODS.add(
    Described(
        name="cluster_weights",
        label=text("Shared values"),
        help=text(
            "Each weight of a layer becomes one of a few numbers found for it: "
            "closest to the original in few bits."
        ),
    ),
    shared_values,
)
