"""Batches of samples, and pieces of them that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from core.data.stacked import axis_of, like

Feeds = Mapping[str, np.ndarray]
"""A batch, as onnxruntime takes it: an array for each input of the network."""
VALUE_BYTES = 64 << 20
"""Of the values of one run that are looked at."""


def samples_in(feeds: Feeds) -> int:
    """How many samples a batch holds."""
    axes = ((array, axis_of(feeds, name)) for name, array in feeds.items())
    return max((array.shape[axis] for array, axis in axes if axis is not None), default=1)


def part(feeds: Feeds, start: int, end: int) -> Feeds:
    """Some samples of a batch; inputs that are not stacked by sample stay whole."""
    total = samples_in(feeds)
    if start <= 0 and end >= total:
        return feeds
    made = {}
    for name, array in feeds.items():
        axis = axis_of(feeds, name)
        if axis is not None and array.shape[axis] == total:
            array = array[(slice(None),) * axis + (slice(start, end),)]
        made[name] = array
    return like(feeds, made)


def fitting(
    batches: Iterable[Feeds], run: Callable[[Feeds], Sequence[np.ndarray]], most_bytes: int
) -> Iterator[Feeds]:
    """The batches, cut into pieces where what `run` hands out of one would exceed `most_bytes`.

    Where all fits, as with small networks, batches stay whole, so that what is drawn from them does too.
    """
    size = 0
    for batch in batches:
        count = samples_in(batch)
        if not size and count > 1:
            one = sum(value.nbytes for value in run(part(batch, 0, 1)))
            size = max(1, most_bytes // max(1, one))
        for start in range(0, count, size or count):
            yield part(batch, start, min(start + (size or count), count))
