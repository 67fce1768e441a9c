"""Samples for training: kept in memory, split, shuffled, and varied a little where they are pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from core.data.dataset import Batch
from core.errors import DataError
from core.values import text

MEMORY = 1 << 30
"""Bytes of samples that are kept; what exceeds it is left out."""


@dataclass(frozen=True)
class Augmentation:
    """Light variations of pictures that keep what they show."""

    flip: bool = True
    """Mirror left and right, every second time."""
    shift: int = 4
    """Move by at most so many pixels each way; zeros move in."""


@dataclass(frozen=True)
class Samples:
    """Arrays with the samples along their first axis."""

    feeds: dict[str, np.ndarray]
    labels: np.ndarray | None
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: np.ndarray) -> Batch:
        labels = None if self.labels is None else self.labels[positions]
        feeds = {name: array[positions] for name, array in self.feeds.items()}
        return Batch(feeds, labels, self.indices[positions])

    def split(self, held_out: int, seed: int = 0) -> tuple[Samples, Samples]:
        """Return (the rest, `held_out` samples drawn at random, at most a quarter of all)."""
        order = np.random.default_rng(seed).permutation(len(self))
        count = min(held_out, len(self) // 4)
        parts = [self.take(np.sort(chosen)) for chosen in (order[count:], order[:count])]
        rest, held = (Samples(part.feeds, part.labels, part.indices) for part in parts)
        return rest, held

    def batches(self, size: int) -> Iterator[Batch]:
        """All samples, in order."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def epoch(
        self, size: int, rng: np.random.Generator, augmentation: Augmentation | None = None
    ) -> Iterator[tuple[np.ndarray, Batch]]:
        """All samples in a new order, in batches of one size, each with their places here (size,).

        What is left over comes another time.
        """
        order = rng.permutation(len(self))
        size = min(size, len(self))
        for start in range(0, len(order) - size + 1, size):
            places = order[start : start + size]
            batch = self.take(places)
            if augmentation is not None:
                feeds = {name: augment(array, augmentation, rng) for name, array in batch.feeds.items()}
                batch = Batch(feeds, batch.labels, batch.indices)
            yield places, batch


def load_samples(batches: Iterable[Batch], memory: int = MEMORY) -> Samples:
    """Read all samples, or as many as fit. Raises DataError if there are none, or if inputs are shared."""
    kept: list[Batch] = []
    used = 0
    for batch in batches:
        if any(array.ndim == 0 or len(array) != len(batch.indices) for array in batch.feeds.values()):
            raise DataError(
                text("The model's inputs do not stack its samples along their first axis."),
                text("Such samples cannot be shuffled."),
                text("Fine-tuning is not possible for this model; everything else is."),
            )
        used += sum(array.nbytes for array in batch.feeds.values())
        if used > memory and kept:
            break
        kept.append(batch)
    if not kept:
        raise DataError(
            text("There are no samples to train on."),
            next_step=text("Choose data with more samples."),
        )
    feeds = {name: np.concatenate([one.feeds[name] for one in kept]) for name in kept[0].feeds}
    found = [labels for labels in (trainable(one.labels) for one in kept) if labels is not None]
    labels = np.concatenate(found) if len(found) == len(kept) else None
    return Samples(feeds, labels, np.concatenate([one.indices for one in kept]))


def trainable(labels: np.ndarray | None) -> np.ndarray | None:
    """Labels that a loss is known for, one class or some numbers a sample; None for all others."""
    if labels is None or labels.dtype.kind == "O" or (labels.dtype.kind != "f" and labels.ndim > 1):
        return None
    return labels


def augment(pictures: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Vary float pictures (n, c, h, w) or (n, h, w, c); anything else comes back as it is."""
    channels = _channels(pictures)
    if channels == 1:
        return np.moveaxis(_vary(np.moveaxis(pictures, 1, 3), how, rng), 3, 1)
    return _vary(pictures, how, rng) if channels == 3 else pictures


def mirror(pictures: np.ndarray) -> np.ndarray:
    """Left and right of float pictures exchanged; anything else comes back as it is."""
    channels = _channels(pictures)
    return pictures if channels is None else np.flip(pictures, 3 if channels == 1 else 2)


def _channels(pictures: np.ndarray) -> int | None:
    """The axis of the channels of float pictures, None for anything else."""
    if pictures.ndim != 4 or pictures.dtype.kind != "f":
        return None
    return next((axis for axis in (1, 3) if pictures.shape[axis] in (1, 3, 4)), None)


def _vary(pictures: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """(n, h, w, c), each moved and mirrored by itself."""
    count, height, width, _ = pictures.shape
    reach = how.shift
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    down, right = (rng.integers(0, 2 * reach + 1, (count, 1)) for _ in range(2))
    rows = np.arange(height)[None] + down
    columns = np.broadcast_to(np.arange(width), (count, width))
    if how.flip:
        mirrored = rng.random((count, 1)) < 0.5
        columns = np.where(mirrored, columns[:, ::-1], columns)
    columns = columns + right
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
