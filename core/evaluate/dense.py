"""Answers with a score of each class for many places of a sample: pixels of a picture, tokens of a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

IGNORED = -1
"""Label of a place that does not count."""
SMALLEST = np.log(1e-12)


@dataclass(frozen=True, eq=False)
class Dense:
    """Where the classes stand in an answer, and which places of it are judged.

    shape: of an answer without the batch, the classes' axis taken out. label_at: int (places,), for each
    judged place its position in a sample's flattened labels. part: positions in the flattened answer that
    are judged, or None for all of it.
    """

    classes: int
    axis: int
    """Of the classes, in an answer without its batch: 0 or the last. −1: the answers are classes already."""
    columns: int
    """How many numbers each place has: `classes`, or 1 where one number tells two classes apart."""
    label_at: np.ndarray
    part: np.ndarray | None = None
    probabilities: bool = False

    @property
    def places(self) -> int:
        return len(self.label_at)

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """Labels of the judged places, int64 (n, places)."""
        return labels.reshape(len(labels), -1)[:, self.label_at].astype(np.int64)

    def scores(self, answers: np.ndarray) -> np.ndarray:
        """Judged answers as (n, places, columns)."""
        flat = answers.reshape(len(answers), -1)
        if self.axis == 0:
            return flat.reshape(len(flat), self.columns, self.places).transpose(0, 2, 1)
        return flat.reshape(len(flat), self.places, self.columns)

    def predicted(self, answers: np.ndarray) -> np.ndarray:
        """The likeliest class of each judged place, int64 (n, places); −1 where an answer is no number."""
        scores = self.scores(answers)
        if self.axis < 0:
            return scores[:, :, 0].astype(np.int64)
        if self.columns == 1:
            chosen = (scores[:, :, 0] > (0.5 if self.probabilities else 0.0)).astype(np.int64)
        else:
            chosen = scores.argmax(axis=2)
        return np.where(np.isnan(scores).any(axis=2), -1, chosen)

    def log_likelihood(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Natural logarithm of the probability of each place's label, float64 (n, places).

        labels as `labels` gives them; places whose label does not count give 0.
        """
        scores = self.scores(answers)
        wanted = np.clip(labels, 0, self.columns - 1)
        own = np.take_along_axis(scores, wanted[:, :, None], axis=2)[:, :, 0].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            if self.probabilities:
                logs = np.log(np.clip(own, 0, 1))
            else:
                most = scores.max(axis=2).astype(np.float64)
                total = np.exp((scores - most[:, :, None]).astype(np.float64)).sum(axis=2)
                logs = own - most - np.log(total)
        logs = np.maximum(np.nan_to_num(logs, nan=SMALLEST, neginf=SMALLEST), SMALLEST)
        return np.where(labels >= 0, logs, 0.0)


def find_dense(answers: np.ndarray, labels: np.ndarray, last: bool = False) -> Dense | None:
    """How an output (n, …) lines up with labels (n, …), or None if it does not.

    Maps of scores (n, classes, h, w) or (n, h, w, classes), classes themselves (n, h, w) and, with `last`,
    sequences (n, t, classes). Labels of another size than the map are taken at the nearest place.
    """
    inner, wanted = answers.shape[1:], labels.shape[1:]
    floats = np.issubdtype(answers.dtype, np.floating)
    if not floats and len(inner) == len(wanted):
        return Dense(int(max(answers.max(), labels.max())) + 1, -1, 1, nearest(wanted, inner))
    if not floats or len(inner) != len(wanted) + 1:
        return None
    front = inner[1:] == wanted or (inner[:-1] != wanted and _alike(inner[1:], wanted))
    axis = 0 if front and not last else len(inner) - 1
    places = inner[:-1] if axis else inner[1:]
    if last and places != wanted:
        return None
    columns = inner[axis]
    return Dense(
        classes=max(2, columns),
        axis=axis,
        columns=columns,
        label_at=nearest(wanted, places),
        probabilities=_are_probabilities(np.moveaxis(answers, 1 + axis, -1)),
    )


def _alike(places: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a map has the proportions of the labels, though perhaps another size."""
    scale = [one / other for one, other in zip(places, wanted, strict=True)]
    return max(scale) <= 1.25 * min(scale)


def nearest(size: tuple[int, ...], wanted: tuple[int, ...]) -> np.ndarray:
    """For each place of an array of shape `wanted` the flat position of the nearest one in shape `size`."""
    axes = [
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.int64), old - 1)
        for old, new in zip(size, wanted, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), size)).reshape(-1)


def thinned(dense: Dense, most: int, seed: int = 0) -> Dense:
    """The same with at most so many numbers of an answer judged: random places, all their classes."""
    count = max(1, most // dense.columns)
    if count >= dense.places:
        return dense
    places = np.sort(np.random.default_rng(seed).choice(dense.places, count, replace=False))
    columns = np.arange(dense.columns)
    if dense.axis == 0:
        part = columns[:, None] * dense.places + places
    else:
        part = places[:, None] * dense.columns + columns
    return Dense(
        dense.classes,
        dense.axis,
        dense.columns,
        dense.label_at[places],
        part.reshape(-1),
        dense.probabilities,
    )


def _are_probabilities(scores: np.ndarray) -> bool:
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        return False
    return scores.shape[-1] == 1 or bool(np.allclose(scores.sum(axis=-1), 1, atol=1e-3))
