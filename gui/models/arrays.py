"""What numpy does only after an import of its own: the different numbers of an array, and percentiles.

`numpy.unique` imports masked arrays at its first call, `numpy.percentile` random numbers: 10 to 50 ms of the
window's thread, in the middle of the first picture of a graph or of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values of a one-dimensional array, ascending, and where each stands first."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first], order[first]


def distinct_rows(table: np.ndarray) -> np.ndarray:
    """The different rows of a (rows, columns) table, ascending by their columns from left to right."""
    ordered = table[np.lexsort(table.T[::-1])]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[first]


def percentiles(values: np.ndarray, percents: Sequence[float]) -> np.ndarray:
    """Percentiles (0..100) of all values, interpolated linearly, shape (percents,)."""
    flat = values.ravel()
    places = np.asarray(percents) / 100 * (flat.size - 1)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, flat.size - 1)
    parts = np.partition(flat, sorted({*below.tolist(), *above.tolist()}))
    return parts[below] + (parts[above] - parts[below]) * (places - below)
