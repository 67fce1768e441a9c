"""Many rows or columns as few blocks of nearly the same size: what pictures of large weights are made of."""

from __future__ import annotations

import numpy as np


def edges(count: int, most: int) -> np.ndarray:
    """First positions of at most `most` blocks."""
    blocks = min(count, most)
    return np.asarray(np.arange(blocks, dtype=np.int64) * count // max(1, blocks))


def spans(starts: np.ndarray, end: int) -> list[tuple[int, int]]:
    """First and last-plus-one of each block."""
    ends = np.append(starts[1:], end)
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def sizes(starts: np.ndarray, end: int) -> np.ndarray:
    """How many each block holds."""
    return np.diff(np.append(starts, end))


def means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The mean of each block of a vector, float32."""
    if not len(values):
        return np.zeros(0, np.float32)
    return (np.add.reduceat(values, starts) / sizes(starts, len(values))).astype(np.float32)
