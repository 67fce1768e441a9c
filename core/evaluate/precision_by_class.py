"""Average precision of each class of boxes, for any drawing of the pictures, from pycocotools' matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluate.metrics.box_map import evaluated, wanted_boxes

RECALLS = np.linspace(0.0, 1.0, 101)
"""At which COCO asks for the precision."""


@dataclass(frozen=True, eq=False)
class _Found:
    """Boxes found of one class, the surest first.

    picture: of each, int (boxes,); right, wrong: bool (overlaps, boxes), neither where it lies in a crowd.
    """

    picture: np.ndarray
    right: np.ndarray
    wrong: np.ndarray


class BoxMatches:
    """Of one network's boxes. Pictures may be drawn anew without matching anything anew."""

    def __init__(self, values: np.ndarray, classes: int) -> None:
        """values: (n, numbers), as `BoxMap.per_sample` gives them."""
        labels = wanted_boxes(values)[:, :, 0]
        self.wanted = np.stack([(labels == number).sum(axis=1) for number in range(classes)], axis=1)
        """Boxes that are to be found, int (n, classes); crowds are none."""
        self._found: dict[int, _Found] = {}
        matched = evaluated(values)
        if matched is None:
            return
        for place, number in enumerate(matched.params.catIds):
            pictures = matched.evalImgs[place * len(values) : (place + 1) * len(values)]
            found = _found(pictures)
            if found is not None:
                self._found[int(number)] = found

    def precision(self, drawn: np.ndarray) -> np.ndarray:
        """In percent, (draws, classes); no number where no picture drawn holds the class.

        drawn: (draws, n), how often each picture counts. The same as pycocotools' `accumulate` where each
        counts once, averaged over recalls and overlaps.
        """
        totals = drawn @ self.wanted
        figures = np.where(totals > 0, 0.0, np.nan)
        for number, found in self._found.items():
            for draw in np.flatnonzero(totals[:, number] > 0).tolist():
                times = drawn[draw, found.picture]
                figures[draw, number] = 100.0 * _average(found, times, totals[draw, number])
        return figures


def _found(pictures: list[Any]) -> _Found | None:
    """Of one class's matches by picture; None in pictures that have nothing to do with it."""
    known = [(place, one) for place, one in enumerate(pictures) if one is not None and len(one["dtScores"])]
    if not known:
        return None
    scores = np.concatenate([one["dtScores"] for _, one in known])
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate([one["dtMatches"] for _, one in known], axis=1)[:, order] > 0
    ignored = np.concatenate([one["dtIgnore"] for _, one in known], axis=1)[:, order].astype(bool)
    picture = np.repeat([place for place, _ in known], [len(one["dtScores"]) for _, one in known])
    return _Found(picture[order], matched & ~ignored, ~matched & ~ignored)


def _average(found: _Found, times: np.ndarray, total: float) -> float:
    """Precision averaged over recalls and overlaps, 0..1. Source: `COCOeval.accumulate`."""
    right, wrong = np.cumsum(found.right * times, axis=1), np.cumsum(found.wrong * times, axis=1)
    precision = right / np.maximum(right + wrong, 1e-12)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    summed = 0.0
    for recall, own in zip(right / total, best, strict=True):
        places = np.searchsorted(recall, RECALLS, side="left")
        summed += float(own[places[places < len(own)]].sum())
    return summed / (len(RECALLS) * len(best))
