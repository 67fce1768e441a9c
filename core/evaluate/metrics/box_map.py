"""Mean average precision of boxes, as COCO has it: overlaps from 50 to 95 %, the best 100 boxes of a picture.

Worked out by pycocotools (the extra 'detection').
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from typing import Any

import numpy as np

from core.data.boxes import crowd_of
from core.evaluate.answers import Subject
from core.evaluate.detector import COLUMNS, MOST
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import Z
from core.values import Described, Measurement, text

_LABEL = 5
"""class, x0, y0, x1, y1; a crowd's class as `crowd_of` has it."""
GROUPS = 10
"""Of pictures, each left out in turn for the interval."""
_MOST_KEPT = 64


class BoxMap(Metric):
    """Its interval comes from leaving out a tenth of the pictures in turn: the delete-a-group jackknife.

    Source: Kott 2001, Journal of Official Statistics 17:521.
    """

    name = "box_map"

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[float, np.ndarray]] = {}
        """Figures by the digest of what they were worked out from; eleven numbers each."""

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        """float64 (n, 1100): the boxes found, then up to 100 right ones and crowds; class −1: none."""
        assert reference.labels is not None
        kept = np.full((len(output), MOST * (COLUMNS + _LABEL)), -1.0)
        kept[:, : MOST * COLUMNS] = output[:, : MOST * COLUMNS]
        for row, boxes in enumerate(reference.labels):
            wanted = np.asarray(boxes, dtype=np.float64)[:MOST].reshape(-1)
            kept[row, MOST * COLUMNS : MOST * COLUMNS + len(wanted)] = wanted
        return kept

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        figure, without = self._figures(values)
        half = _half(without)
        return Measurement(
            metric=self.name,
            value=figure,
            low=None if half is None else max(0.0, figure - half),
            high=None if half is None else min(100.0, figure + half),
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        before, before_without = self._figures(original)
        after, after_without = self._figures(values)
        half = _half(before_without - after_without)
        points = before - after
        return Loss(points, None if half is None else points - half, None if half is None else points + half)

    def _figures(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """Kept: each answer is asked for a figure and a loss, the original's for every loss, and matching the
        boxes of few pictures takes as long as all else that a measurement does."""
        key = hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # what is still asked for is soon there again
            known = self._kept[key] = _figures(values)
        return known


def _half(without: np.ndarray) -> float | None:
    """Half of the interval, from the figures without each group."""
    groups = len(without)
    if groups < 2:
        return None
    return Z * float(np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum()))


def _figures(values: np.ndarray) -> tuple[float, np.ndarray]:
    """In percent of all pictures, and without each group of them, (groups,)."""
    matched = evaluated(values)
    groups = min(GROUPS, len(values))
    of = np.arange(len(values)) % groups
    return _mean(matched, None), np.array([_mean(matched, of != group) for group in range(groups)])


def evaluated(values: np.ndarray) -> Any:
    """pycocotools' matches of boxes found and right ones; None if there are none of either."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    found = values[:, : MOST * COLUMNS].reshape(len(values), MOST, COLUMNS)
    wanted = wanted_boxes(values)
    annotations: list[dict[str, Any]] = []
    for image, boxes in enumerate(wanted):
        for label, x0, y0, x1, y1 in boxes[boxes[:, 0] != -1].tolist():
            crowd = label < 0
            category = crowd_of(int(label)) if crowd else int(label)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": category,
                 "iscrowd": int(crowd), "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
            )  # fmt: skip
    images, places = np.nonzero(found[:, :, 5] >= 0)
    if not annotations or not len(images):
        return None
    rows = found[images, places]
    sizes = rows[:, 2:4] - rows[:, :2]
    detections = np.column_stack([images, rows[:, :2], sizes, rows[:, 4:6]])
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        right = COCO()
        right.dataset = {
            "images": [{"id": image} for image in range(len(values))],
            "annotations": annotations,
            "categories": [{"id": label} for label in sorted({one["category_id"] for one in annotations})],
        }
        right.createIndex()
        matched = COCOeval(right, right.loadRes(detections), "bbox")
        matched.params.areaRng, matched.params.areaRngLbl = [[0, 1e10]], ["all"]
        matched.params.maxDets = [MOST]
        matched.evaluate()
    return matched


def wanted_boxes(values: np.ndarray) -> np.ndarray:
    """The right boxes among them, (n, 100, 5): class (−1 where a place is empty), x0, y0, x1, y1."""
    return values[:, MOST * COLUMNS :].reshape(len(values), MOST, _LABEL)


def _mean(matched: Any, chosen: np.ndarray | None) -> float:
    """In percent over the chosen pictures (all of them)."""
    if matched is None:
        return 0.0
    matches = matched.evalImgs
    if chosen is not None:
        count = len(chosen)
        matched.evalImgs = [one if chosen[place % count] else None for place, one in enumerate(matches)]
    with contextlib.redirect_stdout(io.StringIO()):
        matched.accumulate()
    matched.evalImgs = matches
    precision = matched.eval["precision"]
    known = precision[precision > -1]
    return 100.0 * float(known.mean()) if known.size else 0.0


METRICS.add(
    Described(
        name="box_map",
        label=text("Mean average precision of boxes"),
        help=text("How well boxes are found and ranked, averaged over classes and overlaps of 50 to 95 %."),
    ),
    BoxMap(),
)
