"""Batches of samples, and pieces of them that fit into memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Feeds = Mapping[str, np.ndarray]
"""A batch, as onnxruntime takes it: an array for each input of the network."""


def samples_in(feeds: Feeds) -> int:
    """How many samples a batch holds."""
    return max((len(array) for array in feeds.values() if np.ndim(array)), default=1)


def part(feeds: Feeds, start: int, end: int) -> Feeds:
    """Some samples of a batch; inputs that are not stacked by sample stay whole."""
    total = samples_in(feeds)
    if start <= 0 and end >= total:
        return feeds
    return {
        name: array[start:end] if np.ndim(array) and len(array) == total else array
        for name, array in feeds.items()
    }
