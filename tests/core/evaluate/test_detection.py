"""Boxes read from outputs of every known form, and judged as pycocotools judges them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest

from core.evaluate.answers import Subject
from core.evaluate.detector import COLUMNS, MOST, Detector, find_detector, overlaps
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS, metrics_for

SIZE = (64, 32)
CLASSES = 3


def pictures(count: int = 12, seed: int = 0) -> list[np.ndarray]:
    """Boxes (class, x0, y0, x1, y1) that do not overlap: one in each of the picture's quarters, or none."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        rows = []
        for left, top in ((0, 0), (32, 0), (0, 16), (32, 16)):
            if rng.random() < 0.7:
                x, y = left + rng.uniform(1, 12), top + rng.uniform(1, 6)
                rows.append([rng.integers(CLASSES), x, y, x + rng.uniform(8, 18), y + rng.uniform(5, 9)])
        found.append(np.array(rows, np.float32).reshape(-1, 5))
    return found


def outputs(labels: list[np.ndarray], form: str, places: int = 20) -> list[np.ndarray]:
    """What a perfect detector of this form answers; the other places hold unlikely boxes."""
    rng = np.random.default_rng(1)
    boxes = np.zeros((len(labels), places, 4), np.float32)
    boxes[:, :, :2] = rng.uniform(0, 20, (len(labels), places, 2))
    boxes[:, :, 2:] = boxes[:, :, :2] + 3
    scores = np.full((len(labels), places, CLASSES), 0.002, np.float32)
    for row, own in enumerate(labels):
        at = rng.choice(places, len(own), replace=False)
        boxes[row, at] = own[:, 1:]
        scores[row, at, own[:, 0].astype(int)] = 0.9
    centre, extent = (boxes[:, :, :2] + boxes[:, :, 2:]) / 2, boxes[:, :, 2:] - boxes[:, :, :2]
    middle = np.concatenate([centre, extent], axis=2)
    scale = np.array([*SIZE, *SIZE], np.float32)
    logits = np.log(scores / (1 - scores))
    if form == "ssd":  # fractions, the first class means nothing
        nothing = 1 - scores.max(axis=2, keepdims=True)
        return [np.log(np.concatenate([nothing, scores / 3], axis=2)), boxes / scale]
    if form == "detr":  # fractions of centre and size, the last class means nothing
        nothing = 1 - scores.max(axis=2, keepdims=True)
        return [np.log(np.concatenate([scores, nothing], axis=2)), middle / scale]
    if form == "yolov8":
        return [np.concatenate([middle, scores], axis=2).transpose(0, 2, 1).copy()]
    if form == "yolov5":
        sure = scores.max(axis=2, keepdims=True)
        return [np.concatenate([middle, sure, scores / sure], axis=2)]
    if form == "logits":
        return [boxes, logits]
    best = scores.max(axis=2, keepdims=True)
    return [np.concatenate([boxes, best, scores.argmax(axis=2)[:, :, None]], axis=2).astype(np.float32)]


FORMS = ("ssd", "detr", "yolov8", "yolov5", "logits", "rows")


@pytest.mark.parametrize("form", FORMS)
def test_the_boxes_of_every_form_are_the_labels(form: str) -> None:
    labels = pictures()
    made = outputs(labels, form)
    detector = find_detector(made, CLASSES, SIZE, labels, 1000)
    assert detector is not None
    answers = detector.read([made[place] for place in detector.outputs])
    found = answers[:, : detector.judged].reshape(len(labels), MOST, COLUMNS)
    for own, wanted in zip(found, labels, strict=True):
        sure = own[own[:, 4] > 0.2]
        assert len(sure) == len(wanted)
        if len(wanted):
            best = overlaps(wanted[:, 1:], sure[:, :4])
            assert best.max(axis=1) == pytest.approx(1.0, abs=1e-3)
            assert (sure[best.argmax(axis=1), 5] == wanted[:, 0]).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_perfect_detector_has_100_percent(form: str) -> None:
    labels = pictures()
    made = outputs(labels, form)
    detector = find_detector(made, CLASSES, SIZE, labels, 1000)
    assert detector is not None
    subject = Subject(task="detection", output=detector.outputs[0], detector=detector)
    assert [metric.name for metric in metrics_for(subject)] == ["box_map", "sqnr_db"]
    answers = detector.read([made[place] for place in detector.outputs])
    metric = METRICS.get("box_map")
    values = metric.per_sample(answers, Reference(objects(labels), answers), subject)
    assert metric.measurement(values, subject).value == pytest.approx(100.0)


def objects(labels: list[np.ndarray]) -> np.ndarray:
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


def by_pycocotools(found: np.ndarray, labels: list[np.ndarray], crowds: Sequence[np.ndarray] = ()) -> float:
    """stats[0] of COCOeval.summarize, from files as its users have them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    annotations = [
        {
            "image_id": i,
            "category_id": int(c),
            "bbox": [x, y, u - x, v - y],
            "area": (u - x) * (v - y),
            "iscrowd": crowd,
        }
        for crowd, pictures in enumerate((labels, crowds))
        for i, own in enumerate(pictures)
        for c, x, y, u, v in own.tolist()
    ]
    for place, one in enumerate(annotations):
        one["id"] = place + 1
    truth.dataset = {
        "images": [{"id": i} for i in range(len(labels))],
        "annotations": annotations,
        "categories": [{"id": c} for c in range(CLASSES)],
    }
    results = [
        {"image_id": i, "category_id": int(c), "bbox": [x, y, u - x, v - y], "score": s}
        for i, own in enumerate(found)
        for x, y, u, v, s, c in own[own[:, 5] >= 0].tolist()
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluated = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    return 100 * float(evaluated.stats[0])


def test_a_poor_detector_has_what_pycocotools_says_and_an_interval() -> None:
    labels = pictures(60, seed=3)
    rng = np.random.default_rng(4)
    made = outputs(labels, "logits")
    boxes = made[0] + rng.normal(0, 1.2, made[0].shape).astype(np.float32)
    scores = made[1] + rng.normal(0, 3.0, made[1].shape).astype(np.float32)
    detector = Detector((0, 1), "pairs", CLASSES, SIZE, squash="sigmoid")
    subject = Subject(task="detection", output=0, detector=detector)
    metric = METRICS.get("box_map")
    good = detector.read(made)
    poor = detector.read([boxes, scores])
    values = metric.per_sample(poor, Reference(objects(labels), good), subject)
    measured = metric.measurement(values, subject)
    expected = by_pycocotools(poor[:, : detector.judged].reshape(60, MOST, COLUMNS), labels)
    assert 5 < measured.value < 95
    assert measured.value == pytest.approx(expected, abs=1e-6)
    assert measured.low is not None and measured.high is not None
    assert measured.low < measured.value < measured.high
    original = metric.per_sample(good, Reference(objects(labels), good), subject)
    lost = metric.loss(values, original, subject)
    assert lost.points == pytest.approx(100 - expected, abs=1e-6)
    assert metric.loss(original, original, subject).points == 0
    # what was found for these numbers is not told of others that lie in the same place
    values[:] = original
    assert metric.measurement(values, subject).value == pytest.approx(100)


def test_pictures_without_boxes_and_answers_without_any() -> None:
    labels = [np.zeros((0, 5), np.float32)] * 3
    detector = Detector((0, 1), "pairs", CLASSES, SIZE)
    subject = Subject(task="detection", output=0, detector=detector)
    answers = detector.read([np.zeros((3, 5, 4), np.float32), np.zeros((3, 5, CLASSES), np.float32)])
    metric = METRICS.get("box_map")
    values = metric.per_sample(answers, Reference(objects(labels), answers), subject)
    assert metric.measurement(values, subject).value == 0.0


def test_doubles_are_one_object_and_other_shapes_none() -> None:
    detector = Detector((0, 1), "pairs", CLASSES, SIZE)
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 10]]], np.float32)
    scores = np.zeros((1, 4, CLASSES), np.float32)
    scores[0, [0, 1, 2], 1] = [0.8, 0.9, 0.5]
    scores[0, 3, 2] = 0.7  # the same place, another class
    found = detector.read([boxes, scores])[:, : detector.judged].reshape(MOST, COLUMNS)
    assert found[found[:, 5] >= 0][:, 4:].tolist() == [
        [pytest.approx(0.9), 1],
        [pytest.approx(0.7), 2],
        [pytest.approx(0.5), 1],
    ]
    assert find_detector([np.zeros((2, 11, 13))], CLASSES, SIZE, pictures(2), 10) is None


def test_what_is_found_in_a_crowd_is_neither_right_nor_wrong() -> None:
    # of each picture's boxes the first of class 0 is a crowd to the labels: the detector finds many in it
    labels = pictures(30, seed=5)
    first = [np.flatnonzero(own[:, 0] == 0)[:1] for own in labels]
    crowds = [own[at] for own, at in zip(labels, first, strict=True)]
    left = [np.delete(own, at, axis=0) for own, at in zip(labels, first, strict=True)]
    found = np.full((len(labels), MOST, COLUMNS), -1.0, np.float32)
    rng = np.random.default_rng(6)
    for row, (own, crowd) in enumerate(zip(left, crowds, strict=True)):
        within = np.repeat(crowd, 3, axis=0)
        within[:, 3:] -= rng.uniform(1, 3, (len(within), 2)).astype(np.float32)
        boxes = np.concatenate([own, within])
        sure = np.concatenate([np.full(len(own), 0.6), np.full(len(within), 0.9)])
        found[row, : len(boxes)] = np.column_stack([boxes[:, 1:], sure, boxes[:, 0]])
    detector = Detector((0, 1), "pairs", CLASSES, SIZE)
    subject = Subject(task="detection", output=0, detector=detector)
    metric = METRICS.get("box_map")
    answers = found.reshape(len(labels), -1)

    def judged(wanted: list[np.ndarray]) -> float:
        return metric.measurement(
            metric.per_sample(answers, Reference(objects(wanted), answers), subject), subject
        ).value

    named = [np.column_stack([-2 - own[:, 0], own[:, 1:]]) for own in crowds]
    told = judged([np.concatenate(pair) for pair in zip(left, named, strict=True)])
    assert told == pytest.approx(by_pycocotools(found, left, crowds), abs=1e-6) == 100.0
    assert judged(left) < 90, "without the crowds they count as wrong"
