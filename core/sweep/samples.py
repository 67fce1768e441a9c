"""The judging samples of a sweep in the order in which they were drawn, the same for all what-ifs.

A sample whose two likeliest classes are close decides differently at the slightest change; most others never
do. So those tend to come earlier (`design`); as many are run as a figure needs (`figures`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.evaluate.answers import Subject, log_probabilities, predicted_classes
from core.evaluate.judge import Judge
from core.sweep.design import Design, drawn

SAMPLE_BYTES = 256 << 20
"""Bytes of samples that a sweep keeps; larger ones are fewer."""
FIRST = 48
"""Samples that are run before the first look at the intervals."""
STEP, STEPS, PIECE = 16, 5, 32
"""Samples that are added then: so many at a time for so many times, as most figures need few, then more."""


@dataclass(frozen=True)
class Piece:
    """Some samples that are run together."""

    feeds: dict[str, np.ndarray]
    labels: np.ndarray | None
    answers: np.ndarray
    """The original's."""
    rows: np.ndarray
    """Which samples of the sweep these are, int64."""
    logs: np.ndarray | None = None
    """Of the original's class probabilities, natural, (n, classes); None for what is no classifier."""
    right: np.ndarray | None = None
    """By sample the class that margins are told of, (n,) int64; with `logs`."""


@dataclass(frozen=True)
class Samples:
    """The first `count` judging samples, rearranged into pieces."""

    pieces: tuple[Piece, ...]
    count: int
    design: Design
    """How they were drawn."""
    margins: np.ndarray | None
    """By sample, in nats: how far the right class (without labels: the original's) is ahead of the next."""
    original: np.ndarray
    """The original's values by sample of the metric that counts."""


def draw(judge: Judge, count: int, seed: int = 0, start: int = 0) -> Samples:
    """Rearrange `count` of the judge's samples from `start` on, or fewer where they are too large to keep."""
    count = min(count, judge.count - start)
    size = sum(array.nbytes for array in judge.feeds(1).values())
    count = max(1, min(count, SAMPLE_BYTES // max(1, size)))
    # whole batches, so that no sample has to be told apart from its batch's others before this
    pairs = list(judge.pairs(start + count))
    feeds = _stacked([batch.feeds for batch, _ in pairs], judge.axes)
    answers = np.concatenate([each for _, each in pairs])
    parts = [batch.labels for batch, _ in pairs if batch.labels is not None]
    labels = np.concatenate(parts) if len(parts) == len(pairs) else None
    feeds = {
        name: array if judge.axes.get(name) is None else _from(array, start, judge.axes[name])
        for name, array in feeds.items()
    }
    answers, labels = answers[start:], None if labels is None else labels[start:]
    original = judge.original_values(0, start + count)[start:]
    subject = judge.subject
    logs = log_probabilities(answers, subject) if subject.classes else None
    right = None if logs is None else right_classes(answers, labels, subject, logs.shape[1])
    margins = None if logs is None or right is None else margins_of(logs, right)
    design = drawn(logs, margins, len(answers), seed)
    fixed = judge.run_batch if judge.run_batch == judge.batch_size else None
    pieces = []
    for rows in np.split(design.order, _cuts(count, fixed)):
        pieces.append(
            Piece(
                {
                    name: array if judge.axes.get(name) is None else np.take(array, rows, judge.axes[name])
                    for name, array in feeds.items()
                },
                None if labels is None else labels[rows],
                answers[rows],
                rows,
                None if logs is None else logs[rows],
                None if right is None else right[rows],
            )
        )
    return Samples(tuple(pieces), count, design, margins, original)


def right_classes(
    answers: np.ndarray, labels: np.ndarray | None, subject: Subject, classes: int
) -> np.ndarray:
    """The right class of each sample, (n,) int64: its label; without class labels the original's answer."""
    if subject.task == "classification" and labels is not None:
        return np.clip(labels.reshape(-1).astype(np.int64), 0, classes - 1)
    return np.maximum(predicted_classes(answers, subject), 0)


def margins_of(logs: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How far the right class is ahead of the likeliest other, in nats, (n,); negative where it is wrong.

    `logs` (n, classes) of probabilities, `right` (n,) classes.
    """
    rows = np.arange(len(logs))
    own = logs[rows, right]
    others = logs.copy()
    others[rows, right] = -np.inf
    return np.asarray(own - others.max(axis=1))


def _cuts(count: int, fixed: int | None) -> list[int]:
    """Where pieces begin, the first one's 0 left out; `fixed`: the only batch that the network takes."""
    if fixed is not None:
        return list(range(fixed, count, fixed))
    cuts = [FIRST + STEP * place for place in range(STEPS + 1)]
    return [cut for cut in (*cuts, *range(cuts[-1] + PIECE, count, PIECE)) if cut < count]


def _from(array: np.ndarray, start: int, axis: int | None) -> np.ndarray:
    return array if not start else np.take(array, range(start, array.shape[axis or 0]), axis)


def _stacked(feeds: list[dict[str, np.ndarray]], axes: dict[str, int | None]) -> dict[str, np.ndarray]:
    return {
        name: feeds[0][name]
        if axes.get(name) is None
        else np.concatenate([each[name] for each in feeds], axis=axes[name])
        for name in feeds[0]
    }
