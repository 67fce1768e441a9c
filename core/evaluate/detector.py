"""What the outputs of an object detector hold: so many boxes for each picture, or lists of those found.

Known are boxes beside scores (SSD, DETR), all in one output with the boxes along its last or middle axis
(YOLO), with or without a score for 'an object at all', and rows of corners, score and class that were chosen
already. Lists of any length become such rows first (`listed`). Which form the numbers have (corners or centre
and size, pixels or fractions) is what fits labelled pictures best.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.evaluate.listed import Gather, features, gathers, joined, looks_of

MOST = 100
"""Boxes of a picture that are judged, as COCO has it."""
COLUMNS = 6
"""x0, y0, x1, y1 in pixels of the model's input, score, class; −1 as the class of a place that is empty."""
_CANDIDATES = 300
_LEAST_SCORE = 0.01
_SAME = 0.6
"""Boxes of one class that overlap more (intersection over union) are one object."""

Form = Literal["pairs", "last", "middle", "rows"]


@dataclass(frozen=True, eq=False)
class Detector:
    """outputs: which of the model's are read; raw: positions in them, flattened, that are kept as numbers."""

    outputs: tuple[int, ...]
    form: Form
    classes: int
    size: tuple[int, int]
    """(width, height) of the model's input."""
    corners: bool = True
    fractions: bool = False
    objectness: bool = False
    squash: Literal["", "sigmoid", "softmax"] = ""
    """What makes probabilities of the scores."""
    background: int | None = None
    """The class that means 'nothing here'."""
    raw: np.ndarray | None = None
    gather: Gather | None = None
    """Where lists are put together; the form is "rows" then."""
    upright_first: bool = False
    """Numbers of the height stand before those of the width, as TensorFlow has them."""
    first_class: int = 0
    """The number of the first class: 1 where 0 means 'nothing here'."""

    @property
    def judged(self) -> int:
        """How many numbers of an answer are boxes; the others are raw."""
        return MOST * COLUMNS

    def read(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """Of the outputs that are read, in order: float32 (n, judged + raw), boxes and then raw numbers."""
        if self.gather is not None:
            outputs = [self.gather.rows(outputs)]
        count = len(outputs[0])
        boxes, scores = self.candidates(outputs)
        found = np.stack([_chosen(*each) for each in zip(boxes, scores, strict=True)]).reshape(count, -1)
        if self.gather is not None:
            raw = features(boxes, scores, self.size)
        else:
            whole = np.concatenate([np.asarray(one).reshape(count, -1) for one in outputs], axis=1)
            raw = whole if self.raw is None else whole[:, self.raw]
        return np.concatenate([found, raw.astype(np.float32)], axis=1)

    def candidates(self, outputs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Corners in pixels (n, boxes, 4) and probabilities (n, boxes, classes), float32."""
        if self.form == "pairs":
            boxes, scores = (np.asarray(one, dtype=np.float32) for one in outputs)
        else:
            rows = np.asarray(outputs[0], dtype=np.float32)
            rows = rows.transpose(0, 2, 1) if self.form == "middle" else rows
            boxes, scores = rows[:, :, :4], rows[:, :, 4:]
        if self.form == "rows":
            classes = scores[:, :, 1].astype(np.int64) - self.first_class
            within = np.where((classes >= 0) & (classes < self.classes), classes, -1)
            one_hot = np.eye(self.classes + 1, dtype=np.float32)[within][:, :, : self.classes]
            scores = one_hot * scores[:, :, :1]
        else:
            scores = self._probabilities(scores)
        boxes = np.nan_to_num(boxes, posinf=0, neginf=0)
        if self.upright_first:
            boxes = boxes[:, :, [1, 0, 3, 2]]
        if not self.corners:
            middle, half = boxes[:, :, :2], boxes[:, :, 2:] / 2
            boxes = np.concatenate([middle - half, middle + half], axis=2)
        if self.fractions:
            boxes = boxes * np.array([*self.size, *self.size], dtype=np.float32)
        return boxes, np.nan_to_num(scores, posinf=0, neginf=0)

    def _probabilities(self, scores: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            if self.squash == "softmax":
                scores = np.exp(scores - scores.max(axis=2, keepdims=True))
                scores = scores / scores.sum(axis=2, keepdims=True)
            elif self.squash == "sigmoid":
                scores = 1 / (1 + np.exp(-scores))
        if self.objectness:
            scores = scores[:, :, :1] * scores[:, :, 1:]
        return scores if self.background is None else np.delete(scores, self.background, axis=2)

    def noise(self, answers: np.ndarray) -> np.ndarray:
        """What one unit of noise is for each number of an answer: (judged + raw,)."""
        width, height = self.size
        box = [width / 8, height / 8, width / 8, height / 8, 0.2, 0.0]
        raw = answers[:, self.judged :]
        spread = float(raw.std()) if raw.size else 1.0
        return np.concatenate([np.tile(box, MOST), np.full(raw.shape[1], spread or 1.0)])


def find_detector(
    outputs: Sequence[np.ndarray],
    classes: int,
    size: tuple[int, int],
    labels: Sequence[np.ndarray],
    most_raw: int,
) -> Detector | None:
    """How these outputs are read, from what they hold for pictures with these boxes; None if not at all.

    labels: by picture (boxes, 5), class and corners in pixels. most_raw: numbers of an answer to keep.
    """
    floats = [(i, np.asarray(one)) for i, one in enumerate(outputs) if np.ndim(one) == 3]
    ways = []
    for made in _forms(floats, classes, size):
        made = _with_scores(made, [outputs[i] for i in made.outputs])
        ways += [replace(made, corners=c, fractions=f) for c, f in itertools.product((True, False), repeat=2)]
    if not ways:
        return None
    # three classes and 'nothing' have as many scores as a box has numbers: what fits decides that too
    best = max(ways, key=lambda way: _fit(way, [outputs[i] for i in way.outputs], labels))
    total = sum(int(np.prod(np.shape(outputs[i])[1:])) for i in best.outputs)
    if total <= most_raw:
        return best
    kept = np.random.default_rng(0).choice(total, max(1, most_raw), replace=False)
    return replace(best, raw=np.sort(kept))


def find_listed(
    runs: Sequence[Sequence[np.ndarray]],
    counts: Sequence[int],
    classes: int,
    size: tuple[int, int],
    labels: Sequence[np.ndarray] | None,
) -> Detector | None:
    """How lists of boxes are read from the outputs of batches of so many pictures; None if they hold none.

    labels: by picture, as for `find_detector`; None: there are none, and `classes` is not looked at.
    """
    ways = []
    for gather in gathers(runs[0], counts[0]):
        if not all(gather in gathers(batch, count) for batch, count in zip(runs, counts, strict=True)):
            continue
        rows = joined([gather.rows([batch[i] for i in gather.outputs]) for batch in runs])
        if labels is None:
            corners, fractions, found = looks_of(rows)
            return Detector(gather.outputs, "rows", found, size, corners, fractions, gather=gather)
        made = Detector(gather.outputs, "rows", classes, size, gather=gather)
        flags = itertools.product((True, False), (True, False), (False, True), (0, 1))
        for corners, fractions, upright, first in flags:
            way = replace(
                made, corners=corners, fractions=fractions, upright_first=upright, first_class=first
            )
            ways.append((_fit(way, [rows], labels), way))
    # the first of those that fit alike
    return max(ways, key=lambda pair: pair[0])[1] if ways else None


def _forms(floats: Sequence[tuple[int, np.ndarray]], classes: int, size: tuple[int, int]) -> list[Detector]:
    """The forms that shapes allow, the likeliest first."""
    found = []
    for (i, boxes), (j, scores) in itertools.permutations(floats, 2):
        wide = scores.shape[2]
        if boxes.shape[2] == 4 and scores.shape[1] == boxes.shape[1] and wide in (classes, classes + 1):
            found.append(Detector((i, j), "pairs", classes, size))
    for i, rows in floats:
        for extra in (4, 5):
            objectness = extra == 5
            if rows.shape[2] == classes + extra:
                found.append(Detector((i,), "last", classes, size, objectness=objectness))
            elif rows.shape[1] == classes + extra:
                found.append(Detector((i,), "middle", classes, size, objectness=objectness))
        if rows.shape[2] == COLUMNS:
            found.append(Detector((i,), "rows", classes, size))
    return found


def _with_scores(made: Detector, read: Sequence[np.ndarray]) -> Detector:
    """Whether scores are probabilities already, and which class is none, from what they hold."""
    if made.form == "rows":
        return made
    rows = np.asarray(read[-1], dtype=np.float32)
    rows = rows.transpose(0, 2, 1) if made.form == "middle" else rows
    scores = rows if made.form == "pairs" else rows[:, :, 4:]
    known = scores.min() >= -1e-4 and scores.max() <= 1 + 1e-4
    if made.form != "pairs" or scores.shape[2] == made.classes:
        return replace(made, squash="" if known else "sigmoid")
    # most places hold nothing, whichever end of the classes says so
    likeliest = scores.argmax(axis=2)
    first = float((likeliest == 0).mean()) >= float((likeliest == made.classes).mean())
    return replace(made, squash="" if known else "softmax", background=0 if first else made.classes)


def _fit(way: Detector, read: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> float:
    """How well the likeliest boxes of the pictures cover those of the labels: mean overlap.

    Among ways that cover them alike, the one whose boxes have their classes.
    """
    boxes, scores = way.candidates(read)
    found, right = [], []
    for own, sure, wanted in zip(boxes, scores, labels, strict=True):
        if not len(wanted):
            continue
        best = np.argsort(-sure.max(axis=1), kind="stable")[:MOST]
        over = overlaps(wanted[:, 1:], own[best]) if len(best) else np.zeros((len(wanted), 1))
        found += over.max(axis=1).tolist()
        if len(best):
            right += (sure[best].argmax(axis=1)[over.argmax(axis=1)] == wanted[:, 0]).tolist()
    return float(np.mean(found)) + 1e-3 * float(np.mean(right or [0])) if found else 0.0


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (a, 4) and (b, 4) given by corners, (a, b)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (one, other)]
    return np.asarray(both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9))


def _chosen(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The likeliest boxes without doubles, float32 (MOST, COLUMNS), the best first."""
    flat = scores.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:_CANDIDATES]
    order = order[flat[order] >= _LEAST_SCORE]
    places, classes = order // scores.shape[1], order % scores.shape[1]
    own = boxes[places]
    alike = (overlaps(own, own) > _SAME) & (classes[:, None] == classes[None])
    kept: list[int] = []
    gone = np.zeros(len(order), dtype=bool)
    for place in range(len(order)):
        if not gone[place] and len(kept) < MOST:
            kept.append(place)
            gone |= alike[place]
    found = np.zeros((MOST, COLUMNS), dtype=np.float32)
    found[:, 5] = -1
    rows = np.concatenate([own, flat[order][:, None], classes[:, None]], axis=1)[kept]
    found[: len(kept)] = rows
    return found
