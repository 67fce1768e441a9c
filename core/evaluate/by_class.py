"""Figures by class where a sample has many, before and after: overlap of areas, precision of boxes.

What each picture adds is kept, some numbers a class; intervals come from drawing the pictures anew, the same
ones for both networks, so that what was lost is a paired difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from core.data.dataset import Batch
from core.evaluate.answers import Subject
from core.evaluate.metric import Reference
from core.evaluate.metrics.box_map import BoxMap
from core.evaluate.metrics.miou import MeanIoU
from core.evaluate.precision_by_class import BoxMatches
from core.evaluate.statistics import draws
from core.values import ClassChange, ClassName, class_name
from core.values.compared import ClassFigure

AREA_DRAWS, BOX_DRAWS = 1000, 200
"""Boxes are ranked anew for each draw, areas only added up."""


class ByClass(Protocol):
    """Takes in batch after batch, and tells of each class in the end."""

    figure: ClassFigure

    def add(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        """Count a batch; `before` and `after` are both networks' answers, as `Judge.part` gives them."""

    def changes(self, names: Sequence[ClassName]) -> tuple[ClassChange, ...]:
        """The classes that labels hold, in their order."""


def by_class(subject: Subject, classes: int) -> ByClass | None:
    """What counts such answers by class; None where a sample has one class at most, or no labels."""
    if subject.task == "segmentation" and subject.dense is not None:
        return AreasByClass(subject)
    if subject.task == "detection" and subject.detector is not None:
        return BoxesByClass(subject, classes)
    return None


class AreasByClass:
    """Intersection over union of each class, areas summed over all pictures as the mean IoU has them."""

    figure: ClassFigure = "iou"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._areas: list[np.ndarray] = []
        """By batch: (2, n, 2·classes), intersections and unions of the original and of the other."""
        self._holds: list[np.ndarray] = []
        """By batch: bool (n, classes), whether the labels of a picture hold a class."""

    def add(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        assert batch.labels is not None and self._subject.dense is not None
        classes, reference = self._subject.dense.classes, Reference(batch.labels, before)
        metric = MeanIoU()
        both = [metric.per_sample(answers, reference, self._subject) for answers in (before, after)]
        self._areas.append(np.stack(both))
        labels = self._subject.dense.labels(batch.labels)
        self._holds.append(np.stack([(labels == number).any(axis=1) for number in range(classes)], axis=1))

    def changes(self, names: Sequence[ClassName]) -> tuple[ClassChange, ...]:
        if not self._areas:
            return ()
        areas, holds = np.concatenate(self._areas, axis=1), np.concatenate(self._holds)
        classes, count = holds.shape[1], len(holds)

        def shares(drawn: np.ndarray) -> np.ndarray:
            """In percent, (2, rows of `drawn`, classes); no number where no picture drawn holds the class."""
            sums = drawn @ areas
            with np.errstate(invalid="ignore", divide="ignore"):
                found = 100.0 * sums[..., :classes] / sums[..., classes:]
            return np.where(drawn @ holds > 0, found, np.nan)

        figures, spread = shares(np.ones((1, count)))[:, 0], shares(draws(count, AREA_DRAWS))
        return _changes(names, holds.sum(axis=0), figures, spread)


class BoxesByClass:
    """Average precision of each class as COCO has it, averaged over overlaps of 50 to 95 %."""

    figure: ClassFigure = "ap"

    def __init__(self, subject: Subject, classes: int) -> None:
        self._subject, self._classes = subject, classes
        self._boxes: list[np.ndarray] = []
        """By batch: (2, n, numbers) of `BoxMap`."""

    def add(self, batch: Batch, before: np.ndarray, after: np.ndarray) -> None:
        metric, reference = BoxMap(), Reference(batch.labels, before)
        both = [metric.per_sample(answers, reference, self._subject) for answers in (before, after)]
        self._boxes.append(np.stack(both))

    def changes(self, names: Sequence[ClassName]) -> tuple[ClassChange, ...]:
        if not self._boxes:
            return ()
        both = np.concatenate(self._boxes, axis=1)
        matches = [BoxMatches(values, self._classes) for values in both]
        count = both.shape[1]
        figures, spread = (
            np.stack([one.precision(drawn) for one in matches])
            for drawn in (np.ones((1, count)), draws(count, BOX_DRAWS))
        )
        return _changes(names, (matches[0].wanted > 0).sum(axis=0), figures[:, 0], spread)


def _changes(
    names: Sequence[ClassName], counts: np.ndarray, figures: np.ndarray, spread: np.ndarray
) -> tuple[ClassChange, ...]:
    """counts: pictures that hold each class; figures (2, classes) and spread (2, draws, classes) in percent.

    One picture drawn anew is the same picture: its class may be anywhere.
    """
    found = []
    for number in np.flatnonzero(counts).tolist():
        before, after = figures[:, number].tolist()
        ends = [(0.0, 100.0), (0.0, 100.0), (before - 100.0, before)]
        if counts[number] > 1:
            one, two = spread[:, :, number]
            ends = [tuple(np.nanquantile(each, [0.025, 0.975]).tolist()) for each in (one, two, one - two)]
        found.append(
            ClassChange(
                name=class_name(names, number),
                count=int(counts[number]),
                before=before,
                before_low=ends[0][0],
                before_high=ends[0][1],
                after=after,
                after_low=ends[1][0],
                after_high=ends[1][1],
                lost=before - after,
                lost_low=ends[2][0],
                lost_high=ends[2][1],
            )
        )
    return tuple(found)
