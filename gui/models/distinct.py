"""The different numbers of an array, without the masked arrays that `numpy.unique` imports at its first call.

That import is 20 to 50 ms of the window's thread, and would fall into the first picture of a graph.
"""

from __future__ import annotations

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
