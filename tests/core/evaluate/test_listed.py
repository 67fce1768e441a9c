"""Lists of boxes, as many as were found: read from outputs of every known form, and compared."""

from __future__ import annotations

import numpy as np
import pytest
from test_detection import CLASSES, SIZE, objects, pictures

from core.evaluate.answers import Subject
from core.evaluate.detector import COLUMNS, MOST, Detector, find_listed, overlaps
from core.evaluate.listed import features
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS, metrics_for

SCALE = np.array([*SIZE, *SIZE], np.float32)
FORMS = ("torchvision", "tensorflow", "end2end", "numbered", "rows", "selected")


def outputs(labels: list[np.ndarray], form: str) -> list[list[np.ndarray]]:
    """By batch what a perfect detector of this form answers. Unlabelled rows: one unlikely box a picture."""
    rng = np.random.default_rng(2)
    rows = []
    for own in labels:
        boxes = np.concatenate([own[:, 1:], [[1.0, 1, 3, 3]]]).astype(np.float32)
        scores = np.append(rng.uniform(0.7, 0.99, len(own)), 0.02).astype(np.float32)
        rows.append((boxes, scores, np.append(own[:, 0], 0).astype(np.int64)))
    if form == "torchvision":  # one picture at a time, the first class means nothing
        return [[boxes, kinds + 1, scores] for boxes, scores, kinds in rows]
    if form == "numbered":
        return [[np.column_stack([np.zeros(len(b)), b, k, s]).astype(np.float32)] for b, s, k in rows]
    if form == "rows":
        return [[np.column_stack([b, s, k])[None].astype(np.float32)] for b, s, k in rows]
    if form == "selected":
        made = []
        for boxes, scores, kinds in rows:
            table = np.zeros((1, CLASSES, len(boxes)), np.float32)
            table[0, kinds, np.arange(len(boxes))] = scores
            picked = np.column_stack([np.zeros(len(boxes)), kinds, np.arange(len(boxes))])
            made.append([boxes[None], table, picked.astype(np.int64)])
        return made
    places = max(len(scores) for _, scores, _ in rows)
    boxes = np.zeros((len(rows), places, 4), np.float32)
    scores, kinds = np.zeros((2, len(rows), places), np.float32)
    for row, (b, s, k) in enumerate(rows):
        boxes[row, : len(b)], scores[row, : len(b)], kinds[row, : len(b)] = b, s, k
    if form == "tensorflow":  # fractions, the height first, classes from 1 on, and how many there are
        counts = np.array([len(s) for _, s, _ in rows], np.float32)
        return [[(boxes / SCALE)[:, :, [1, 0, 3, 2]], kinds + 1, scores, counts]]
    return [[boxes, scores, kinds.astype(np.int32)]]


def read(detector: Detector, batches: list[list[np.ndarray]]) -> np.ndarray:
    return np.concatenate([detector.read([b[i] for i in detector.outputs]) for b in batches])


def found_by(form: str, labels: list[np.ndarray]) -> tuple[Detector, np.ndarray]:
    batches = outputs(labels, form)
    counts = [len(labels) // len(batches)] * len(batches)
    detector = find_listed(batches, counts, CLASSES, SIZE, labels)
    assert detector is not None
    return detector, read(detector, batches)


@pytest.mark.parametrize("form", FORMS)
def test_the_lists_of_every_form_are_the_labels(form: str) -> None:
    labels = pictures()
    detector, answers = found_by(form, labels)
    for own, wanted in zip(answers[:, : detector.judged].reshape(-1, MOST, COLUMNS), labels, strict=True):
        sure = own[own[:, 4] > 0.5]
        assert len(sure) == len(wanted)
        if len(wanted):
            best = overlaps(wanted[:, 1:], sure[:, :4])
            assert best.max(axis=1) == pytest.approx(1.0, abs=1e-3)
            assert (sure[best.argmax(axis=1), 5] == wanted[:, 0]).all()
    subject = Subject(task="detection", output=detector.outputs[0], detector=detector)
    metric = METRICS.get("box_map")
    values = metric.per_sample(answers, Reference(objects(labels), answers), subject)
    assert metric.measurement(values, subject).value == pytest.approx(100.0)


@pytest.mark.parametrize("form", FORMS)
def test_without_labels_the_lists_are_compared(form: str) -> None:
    labels = pictures()
    batches = outputs(labels, form)
    counts = [len(labels) // len(batches)] * len(batches)
    detector = find_listed(batches, counts, 0, SIZE, None)
    assert detector is not None
    subject = Subject(task="unlabelled", output=detector.outputs[0], detector=detector)
    assert metrics_for(subject)[0].name == "sqnr_db"
    answers = read(detector, batches)
    metric = METRICS.get("sqnr_db")
    same = metric.per_sample(answers, Reference(None, answers), subject)
    assert metric.loss(same, same, subject).points == 0


def test_numbers_that_are_no_boxes_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(2, 7, 6)).astype(np.float32)  # logits of six classes for words
    assert find_listed([[tokens]], [2], 0, SIZE, None) is None
    assert find_listed([[rng.normal(size=(5, 4)).astype(np.float32)]], [5], 0, SIZE, None) is None


def test_order_and_length_do_not_matter_but_boxes_do() -> None:
    boxes = np.array([[[0, 0, 16, 16], [32, 8, 48, 24], [0, 0, 0, 0]]], np.float32)
    scores = np.array([[[0.9, 0], [0, 0.8], [0, 0]]], np.float32)
    whole = features(boxes, scores, SIZE)
    np.testing.assert_allclose(features(boxes[:, [1, 0]], scores[:, [1, 0]], SIZE), whole, atol=1e-6)

    def apart(other: np.ndarray) -> float:
        return float(((other - whole) ** 2).sum())

    moved = [features(boxes + np.float32(step), scores, SIZE) for step in (0.5, 2, 8)]
    distances = [apart(one) for one in moved]
    assert 0 < distances[0] < distances[1] < distances[2]
    # as the kernel has it: a box that is gone is its score squared away, up to the features' chance
    assert apart(features(boxes[:, :1], scores[:, :1], SIZE)) == pytest.approx(0.64, rel=0.25)
    assert apart(features(boxes, scores * np.float32(0.9), SIZE)) < 0.05
    assert not features(boxes[:, :0], scores[:, :0], SIZE).any()


def test_a_picture_on_which_nothing_is_found() -> None:
    detector, _ = found_by("torchvision", pictures())
    nothing = [np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)]
    answers = detector.read([nothing[i] for i in detector.outputs])
    assert answers.shape == (1, detector.judged + 256)
    assert (answers[:, : detector.judged].reshape(MOST, COLUMNS)[:, 5] == -1).all()
