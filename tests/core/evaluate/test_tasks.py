"""Metrics of tasks other than one class a sample, each held against sums done another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import DataError
from core.evaluate.answers import Subject, find_subject
from core.evaluate.dense import find_dense, nearest, thinned
from core.evaluate.metric import Metric, Reference
from core.evaluate.metrics import METRICS, metrics_for
from core.values import Measurement


def figures(
    name: str,
    outputs: np.ndarray,
    labels: np.ndarray | None,
    subject: Subject,
    original: np.ndarray | None = None,
) -> tuple[Metric, np.ndarray, Measurement]:
    metric = METRICS.get(name)
    values = metric.per_sample(outputs, Reference(labels, outputs if original is None else original), subject)
    return metric, values, metric.measurement(values, subject)


def names(subject: Subject) -> list[str]:
    return [metric.name for metric in metrics_for(subject)]


# ---------------------------------------------------------------- several labels

SCORES = np.array([[2.0, -1.0, 0.5], [-1.0, 3.0, -2.0], [1.0, 1.0, -0.5], [-3.0, -1.0, 2.0]], np.float32)
LABELS = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1]], np.int8)


def test_f1_and_average_precision_by_hand() -> None:
    subject = find_subject([SCORES], "multilabel", LABELS)
    assert names(subject) == ["f1", "map", "sqnr_db"]
    # given: 00, 02, 11, 20, 21, 32; right: 00, 11, 12, 20, 32: four of both
    _, _, f1 = figures("f1", SCORES, LABELS, subject)
    assert f1.value == pytest.approx(100 * 2 * 4 / (6 + 5))
    # label 0: order 0, 2, 1, 3: both first: 1. label 1: order 1, 2, ...: 1.
    # label 2: order 3, 0, 2, 1: right ones at 1 and 4: (1 + 2/4) / 2
    _, _, precision = figures("map", SCORES, LABELS, subject)
    assert precision.value == pytest.approx(100 * (1 + 1 + 0.75) / 3)
    assert precision.low <= precision.value <= precision.high


def test_f1_loses_what_it_loses_on_the_same_samples() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((300, 5)) < 0.3).astype(np.int8)
    good = (labels * 4 - 2 + rng.standard_normal((300, 5))).astype(np.float32)
    bad = (good + 2 * rng.standard_normal((300, 5))).astype(np.float32)
    subject = find_subject([good], "multilabel", labels)
    metric, before, first = figures("f1", good, labels, subject)
    _, after, second = figures("f1", bad, labels, subject)
    lost = metric.loss(after, before, subject)
    assert lost.points == pytest.approx(first.value - second.value)
    assert lost.low < lost.points < lost.high
    # paired: narrower than the two intervals together
    assert lost.high - lost.low < (first.high - first.low) + (second.high - second.low)
    # against a bootstrap of the difference
    draws = [np.random.default_rng(seed).integers(0, 300, 300) for seed in range(400)]
    spread = np.std(
        [
            100 * (before[d].sum(0)[0] / before[d].sum(0)[1] - after[d].sum(0)[0] / after[d].sum(0)[1])
            for d in draws
        ]
    )
    assert (lost.high - lost.low) / 2 / 1.96 == pytest.approx(spread, rel=0.2)


def test_labels_of_another_number_than_the_outputs_are_refused() -> None:
    with pytest.raises(DataError, match="labels of 2 a sample"):
        find_subject([SCORES], "multilabel", LABELS[:, :2])


# ---------------------------------------------------------------- areas


def maps(labels: np.ndarray, classes: int, last: bool = False) -> np.ndarray:
    """Scores whose likeliest class is the label, (n, classes, h, w) or (n, h, w, classes)."""
    scores = np.eye(classes, dtype=np.float32)[labels] * 5
    return scores if last else np.ascontiguousarray(np.moveaxis(scores, -1, 1))


@pytest.mark.parametrize("last", [False, True])
def test_mean_iou_by_hand(last: bool) -> None:
    labels = np.array([[[0, 0, 1, 1], [0, 0, 1, -1]], [[0, 0, 0, 0], [2, 2, 2, 2]]])
    given = np.array([[[0, 1, 1, 1], [0, 0, 1, 1]], [[0, 0, 0, 0], [2, 2, 0, 0]]])
    answers = maps(given, 3, last)
    subject = find_subject([answers], "segmentation", labels)
    assert names(subject) == ["miou", "pixel_accuracy", "sqnr_db"]
    # class 0: 7 of both, labels 8, given 9, union 10; class 1: 3 of 4 (the last pixel does not count);
    # class 2: 2 of 4
    _, _, miou = figures("miou", answers, labels, subject)
    assert miou.value == pytest.approx(100 * (7 / 10 + 3 / 4 + 2 / 4) / 3)
    _, _, right = figures("pixel_accuracy", answers, labels, subject)
    assert right.value == pytest.approx(100 * 12 / 15)


def test_a_class_that_only_the_answers_hold_costs() -> None:
    labels = np.zeros((4, 2, 2), np.int64)
    worse = labels.copy()
    worse[0, 0, 0] = 1
    subject = find_subject([maps(labels, 3)], "segmentation", labels)
    metric, before, first = figures("miou", maps(labels, 3), labels, subject)
    _, after, second = figures("miou", maps(worse, 3), labels, subject)
    assert first.value == 100.0
    assert second.value == pytest.approx(100 * (15 / 16 + 0) / 2)
    # held against the same classes: the original's made-up class does not count for it
    assert metric.loss(after, before, subject).points == pytest.approx(50 - 100 * (15 / 16) / 2)


def test_more_channels_than_pixels_and_smaller_maps_are_understood() -> None:
    labels = np.zeros((2, 8, 8), np.int64)
    for shape, axis in (((2, 21, 8, 8), 0), ((2, 8, 8, 21), 2), ((2, 21, 4, 4), 0), ((2, 4, 4, 21), 2)):
        dense = find_dense(np.zeros(shape, np.float32), labels)
        assert dense is not None
        assert (dense.axis, dense.classes) == (axis, 21)
    assert nearest((4,), (2,)).tolist() == [1, 3]
    assert nearest((2, 2), (4, 4)).reshape(4, 4).tolist() == [
        [0, 0, 1, 1],
        [0, 0, 1, 1],
        [2, 2, 3, 3],
        [2, 2, 3, 3],
    ]


@pytest.mark.parametrize("last", [False, True])
def test_a_part_of_the_pixels_is_judged_alike(last: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (5, 6, 6))
    answers = rng.standard_normal((5, 6, 6, 3) if last else (5, 3, 6, 6)).astype(np.float32)
    whole = find_dense(answers, labels)
    assert whole is not None
    some = thinned(whole, 30)
    assert some.places == 10
    assert some.part is not None
    kept = answers.reshape(5, -1)[:, some.part]
    places = np.flatnonzero(np.isin(whole.label_at, some.label_at))
    assert (some.predicted(kept) == whole.predicted(answers)[:, places]).all()
    assert (some.labels(labels) == whole.labels(labels)[:, places]).all()


# ---------------------------------------------------------------- language


def test_perplexity_is_that_of_the_probabilities() -> None:
    rng = np.random.default_rng(2)
    logits = rng.standard_normal((6, 7, 11)).astype(np.float32)
    labels = rng.integers(0, 11, (6, 7))
    labels[:, -1] = -1
    subject = find_subject([logits], "language", labels)
    assert names(subject) == ["perplexity", "next_token", "sqnr_db"]
    exact = np.exp(logits.astype(np.float64))
    exact /= exact.sum(axis=2, keepdims=True)
    nats = [-math.log(exact[n, t, labels[n, t]]) for n in range(6) for t in range(6)]
    metric, values, measured = figures("perplexity", logits, labels, subject)
    assert measured.value == pytest.approx(math.exp(np.mean(nats)))
    assert measured.low < measured.value < measured.high
    assert not measured.higher_is_better
    # twice as sure of everything: the loss is the change of the mean in hundredths of a nat
    sharper = np.exp(2 * logits.astype(np.float64))
    sharper /= sharper.sum(axis=2, keepdims=True)
    other = np.mean([-math.log(sharper[n, t, labels[n, t]]) for n in range(6) for t in range(6)])
    after = metric.per_sample(2 * logits, Reference(labels, logits), subject)
    assert metric.loss(after, values, subject).points == pytest.approx(
        100 * (other - np.mean(nats)), rel=1e-5
    )
    assert measured.after(1.0) == pytest.approx(measured.value * 1.01)
    _, _, right = figures("next_token", logits, labels, subject)
    assert right.value == pytest.approx(100 * np.mean((logits.argmax(2) == labels)[:, :6]))


# ---------------------------------------------------------------- embeddings


def test_cosine_and_rank_agreement() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(3)
    original = rng.standard_normal((20, 8)).astype(np.float32)
    changed = original + 0.5 * rng.standard_normal((20, 8)).astype(np.float32)
    subject = find_subject([original], "embedding", None)
    assert names(subject) == ["cosine", "retrieval", "sqnr_db"]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (changed, original)]
    metric, values, cosine = figures("cosine", changed, None, subject, original)
    assert cosine.value == pytest.approx(100 * (unit[0] * unit[1]).sum(1).mean(), rel=1e-5)
    _, same, _ = figures("cosine", original, None, subject, original)
    assert metric.loss(values, same, subject).points == pytest.approx(100 - cosine.value, rel=1e-5)
    _, _, retrieval = figures("retrieval", changed, None, subject, original)
    likeness = [rows @ rows.T for rows in unit]
    others = ~np.eye(20, dtype=bool)
    by_hand = [spearmanr(likeness[0][i][others[i]], likeness[1][i][others[i]])[0] for i in range(20)]
    assert retrieval.value == pytest.approx(100 * np.mean(by_hand), rel=1e-6)
    # turned and scaled, the neighbours stay
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    _, _, turned = figures("retrieval", (3 * original @ turn).astype(np.float32), None, subject, original)
    assert turned.value == pytest.approx(100.0)
