"""Detectors that answer with a list of boxes, as many as they find: NonMaxSuppression is part of the network.

Known are, for one picture or several, boxes beside scores and class numbers (torchvision: k × 4, k and k;
TensorFlow: n × k × 4, n × k and n × k); rows of corners, score and class (n × k × 6, or k × 6), with the
picture's number in front (k × 7); and all boxes and scores with the indices of those that were selected, as
NonMaxSuppression gives them (k × 3). Which numbers are what follows from labelled pictures where there are
any, else from what lists of boxes look like.

How far two lists are apart is told from numbers of a fixed count: random Fourier features of the boxes,
summed with their scores as weights, so that neither the order nor the number of boxes matters (the kernel
mean of Gretton et al. 2012, features of Rahimi and Recht 2007).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

COLUMNS = 6
FEATURES = 256
_CLASS_APART = 3.0
"""In units of a box's reach: boxes of two classes are different things wherever they are."""
_REACH = 8.0
"""A box that has moved by an eighth of the picture is another one."""
_MOST_CLASSES = 2000

Form = Literal["lists", "rows", "selected"]


@dataclass(frozen=True)
class Gather:
    """How rows are put together: which outputs, in the order that the form has them."""

    outputs: tuple[int, ...]
    form: Form
    numbered: bool = False
    """The picture's number stands before each row."""
    score_first: bool = True
    """The score stands before the class."""

    def rows(self, read: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (n, k, 6): four numbers of the box, score, class. read: the outputs, in order."""
        arrays = [np.asarray(one) for one in read]
        if self.form == "lists":
            boxes, scores = _stacked(arrays[0]), _flat(arrays[1])
            labels = _flat(arrays[2]) if len(arrays) > 2 else np.zeros_like(scores)
            return np.concatenate([boxes, scores[..., None], labels[..., None]], axis=2).astype(np.float32)
        if self.form == "selected":
            return _selected(*arrays)
        rows = _stacked(arrays[0]).astype(np.float32)
        rows = rows[:, :, 1:] if self.numbered else rows
        return rows if self.score_first else rows[:, :, [0, 1, 2, 3, 5, 4]]


def _stacked(rows: np.ndarray) -> np.ndarray:
    """(n, k, columns), whether the picture's axis is there or not."""
    return rows[None] if rows.ndim == 2 else rows


def _flat(values: np.ndarray) -> np.ndarray:
    """(n, k), whether the picture's axis is there or not."""
    return values.reshape(1, -1) if values.ndim == 1 else values.reshape(len(values), -1)


def _selected(boxes: np.ndarray, scores: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """boxes (n, m, 4), scores (n, classes, m), indices (k, 3) of picture, class, box; −1: an empty place."""
    picked = indices.reshape(-1, 3).astype(np.int64)
    picked = picked[(picked >= 0).all(axis=1)]
    counts = np.bincount(picked[:, 0], minlength=len(boxes))
    found = np.zeros((len(boxes), int(counts.max(initial=0)), COLUMNS), np.float32)
    found[:, :, 5] = -1
    for image in range(len(boxes)):
        own = picked[picked[:, 0] == image]
        found[image, : len(own), :4] = boxes[image, own[:, 2]]
        found[image, : len(own), 4] = scores[image, own[:, 1], own[:, 2]]
        found[image, : len(own), 5] = own[:, 1]
    return found


def gathers(outputs: Sequence[np.ndarray], count: int) -> list[Gather]:
    """The ways in which lists can be read from these outputs for `count` pictures, the likeliest first.

    Lists of which it is not said to which picture a row belongs count for one picture alone.
    """
    arrays = list(enumerate(np.asarray(one) for one in outputs))
    leads = [(count,)] + ([()] if count == 1 else [])
    found = [*_lists(arrays, leads), *_chosen_ones(arrays, count), *_rows(arrays, leads, count)]
    return list(dict.fromkeys(found))


def _lists(arrays: Sequence[tuple[int, np.ndarray]], leads: Sequence[tuple[int, ...]]) -> Iterator[Gather]:
    for (b, boxes), lead in itertools.product(arrays, leads):
        if boxes.ndim != len(lead) + 2 or boxes.shape[: len(lead)] != lead or boxes.shape[-1] != 4:
            continue
        flat = [(i, one) for i, one in arrays if one.shape == boxes.shape[:-1] and i != b]
        scores = [(i, one) for i, one in flat if one.dtype.kind == "f" and _within(one)]
        for s, _ in scores:
            labels = [i for i, one in flat if i != s and _whole(one)]
            yield from (Gather((b, s, label), "lists") for label in labels)
            if not labels:
                yield Gather((b, s), "lists")


def _chosen_ones(arrays: Sequence[tuple[int, np.ndarray]], count: int) -> Iterator[Gather]:
    indices = [i for i, one in arrays if one.dtype.kind in "iu" and one.ndim >= 2 and one.shape[-1] == 3]
    floats = [(i, one) for i, one in arrays if one.dtype.kind == "f" and one.ndim == 3 and len(one) == count]
    for i, (b, boxes), (s, scores) in itertools.product(indices, floats, floats):
        if b != s and boxes.shape[2] == 4 and scores.shape[2] == boxes.shape[1]:
            yield Gather((b, s, i), "selected")


def _rows(
    arrays: Sequence[tuple[int, np.ndarray]], leads: Sequence[tuple[int, ...]], count: int
) -> Iterator[Gather]:
    for (i, rows), lead in itertools.product(arrays, leads):
        if rows.dtype.kind != "f" or rows.ndim != len(lead) + 2 or rows.shape[: len(lead)] != lead:
            continue
        numbered = rows.shape[-1] == COLUMNS + 1 and count == 1
        if rows.shape[-1] != COLUMNS and not numbered:
            continue
        tail = rows.reshape(-1, rows.shape[-1])[:, -2:]
        for score_first in (True, False):
            score, label = (0, 1) if score_first else (1, 0)
            if _within(tail[:, score]) and _whole(tail[:, label]):
                yield Gather((i,), "rows", numbered, score_first)


def _within(values: np.ndarray) -> bool:
    """Whether these may be probabilities; of none nothing is known."""
    return not values.size or bool(values.min() >= -1e-3 and values.max() <= 1 + 1e-3)


def _whole(values: np.ndarray) -> bool:
    """Whether these may be numbers of classes."""
    if not values.size or values.dtype.kind in "iu":
        return True
    return bool((values == np.rint(values)).all() and values.max() < _MOST_CLASSES)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Lists of several batches as one array, filled up with empty places (class −1)."""
    longest = max((part.shape[1] for part in parts), default=0)
    filled = []
    for part in parts:
        more = np.zeros((len(part), longest - part.shape[1], COLUMNS), np.float32)
        more[:, :, 5] = -1
        filled.append(np.concatenate([part, more], axis=1))
    return np.concatenate(filled)


def features(boxes: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What lists hold, whatever their length and order: float32 (n, FEATURES).

    boxes: corners in pixels (n, k, 4); scores (n, k, classes); size: (width, height) of the picture.
    """
    rng = np.random.default_rng(0)
    directions, phases = rng.standard_normal((5, FEATURES)), rng.uniform(0, 2 * np.pi, FEATURES)
    found = np.zeros((len(boxes), FEATURES))
    if not boxes.shape[1]:
        return found.astype(np.float32)
    extent = np.array([*size, *size], dtype=np.float64)
    places = np.clip(boxes, -2 * extent, 3 * extent) / extent * _REACH
    for row in range(len(boxes)):
        at, label = np.nonzero(scores[row] > 0)
        where = np.column_stack([places[row, at], label * _CLASS_APART])
        weights = scores[row, at, label].astype(np.float64)
        found[row] = weights @ np.cos(where @ directions + phases)
    return (found * np.sqrt(2 / FEATURES)).astype(np.float32)


def looks_of(rows: np.ndarray) -> tuple[bool, bool, int]:
    """What lists without labels look like: corners (else centre and size), fractions, how many classes."""
    own = rows[(rows[:, :, 5] >= 0) & (rows[:, :, 4] > 0)]
    if not len(own):
        return True, False, 1
    ordered = float(((own[:, 2] >= own[:, 0]) & (own[:, 3] >= own[:, 1])).mean()) > 0.95
    fractions = float(np.abs(own[:, :4]).max()) <= 2.0
    return ordered, fractions, int(min(own[:, 5].max(), _MOST_CLASSES)) + 1
