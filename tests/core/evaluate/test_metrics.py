"""Each metric on a handful of answers, worked out by hand or by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

from core.evaluate.answers import Subject, find_subject
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS, metrics_for
from core.values import JUDGED_BY, Measurement

LOGITS = np.array([[2, 1, 0], [0, 3, 1], [1, 0, 2], [5, 4, 3]], dtype=np.float32)
CLASSES = Subject(task="classification", output=0, classes=3)
NUMBERS = Subject(task="regression", output=0, label_std=2.0)


def figure(
    name: str, output: np.ndarray, original: np.ndarray, labels: np.ndarray | None, subject: Subject
) -> Measurement:
    metric = METRICS.get(name)
    return metric.measurement(metric.per_sample(output, Reference(labels, original), subject), subject)


def points(
    name: str, output: np.ndarray, original: np.ndarray, labels: np.ndarray | None, subject: Subject
) -> float:
    metric = METRICS.get(name)
    reference = Reference(labels, original)
    own = metric.per_sample(original, reference, subject)
    return metric.loss(metric.per_sample(output, reference, subject), own, subject).points


def test_top1_counts_the_likeliest_class() -> None:
    measured = figure("top1", LOGITS, LOGITS, np.array([0, 1, 2, 1]), CLASSES)
    assert (measured.value, measured.count, measured.unit) == (75.0, 4, "%")
    expected = stats.binomtest(3, 4).proportion_ci(0.95, method="wilson")
    assert (measured.low, measured.high) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_top1_loses_a_point_for_each_hundredth_that_turned_wrong() -> None:
    changed = LOGITS[:, [1, 0, 2]]  # predicts 1, 0, 2, 1
    assert points("top1", changed, LOGITS, np.array([0, 1, 2, 1]), CLASSES) == 25.0


def test_an_answer_that_is_not_a_number_is_wrong() -> None:
    broken = LOGITS.copy()
    broken[0, 1] = np.nan
    labels = np.array([0, 1, 2, 0])
    assert figure("top1", broken, LOGITS, labels, CLASSES).value == 75.0
    assert figure("agreement", broken, LOGITS, None, CLASSES).value == 75.0
    assert np.isfinite(figure("kl", broken, LOGITS, None, CLASSES).value)
    # of the whole power of 70, the 5 of that sample are lost
    assert figure("sqnr_db", broken, LOGITS, None, CLASSES).value == pytest.approx(10 * np.log10(70 / 5))


def test_top5_looks_at_the_five_likeliest() -> None:
    wide = np.tile(np.arange(8, dtype=np.float32), (2, 1))
    subject = Subject(task="classification", output=0, classes=8)
    assert figure("top5", wide, wide, np.array([3, 2]), subject).value == 50.0


def test_top5_needs_more_than_five_classes() -> None:
    names = {m.name for m in metrics_for(Subject(task="classification", output=0, classes=5))}
    assert "top5" not in names and "top1" in names
    six = Subject(task="classification", output=0, classes=6)
    assert [m.name for m in metrics_for(six)][:2] == ["top1", "top5"]


def test_agreement_needs_no_labels() -> None:
    changed = LOGITS[:, [1, 0, 2]]
    # from 0 1 2 0 to 1 0 2 1
    assert figure("agreement", changed, LOGITS, None, CLASSES).value == 25.0
    assert points("agreement", changed, LOGITS, None, CLASSES) == 75.0


@pytest.mark.parametrize("probabilities", [False, True])
def test_kl_agrees_with_scipy_for_logits_and_for_probabilities(probabilities: bool) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    p, q = softmax(before, axis=1), softmax(after, axis=1)
    given = (p, q) if probabilities else (before, after)
    subject = find_subject([given[0]], "unlabelled", None)
    assert subject.probabilities is probabilities
    measured = figure("kl", given[1], given[0], None, subject)
    assert measured.value == pytest.approx(stats.entropy(p, q, axis=1).mean())
    assert measured.unit == "nat" and not measured.higher_is_better
    assert figure("kl", given[0], given[0], None, subject).value == 0.0


def test_sqnr_of_a_known_noise() -> None:
    original = np.full((10, 2, 3), 10.0)
    noisy = original + 1.0  # power 100 against 1: 20 dB, one point
    subject = Subject(task="unlabelled", output=0)
    assert figure("sqnr_db", noisy, original, None, subject).value == pytest.approx(20.0)
    assert points("sqnr_db", noisy, original, None, subject) == pytest.approx(1.0)
    assert figure("sqnr_db", original, original, None, subject).value == 150.0


def test_the_interval_of_sqnr_holds_a_bootstraps() -> None:
    rng = np.random.default_rng(1)
    original = rng.standard_normal((300, 8))
    noisy = original + 0.1 * rng.standard_normal((300, 8)) * rng.random((300, 1))
    measured = figure("sqnr_db", noisy, original, None, Subject(task="unlabelled", output=0))
    signal, noise = (original**2).sum(1), ((noisy - original) ** 2).sum(1)
    picks = rng.integers(0, 300, (2000, 300))
    drawn = 10 * np.log10(signal[picks].sum(1) / noise[picks].sum(1))
    assert (measured.low, measured.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.15)


def test_rmse_and_mae_in_the_labels_unit() -> None:
    labels = np.array([1.0, 2.0, 3.0, 4.0])
    output = np.array([[1.0], [4.0], [3.0], [0.0]])
    assert figure("rmse", output, output, labels, NUMBERS).value == pytest.approx(np.sqrt(5))
    assert figure("mae", output, output, labels, NUMBERS).value == pytest.approx(1.5)
    assert not figure("rmse", output, output, labels, NUMBERS).higher_is_better


def test_a_point_of_regression_loss_is_a_hundredth_of_the_labels_spread() -> None:
    labels = np.array([0.0, 0.0])
    before, after = np.array([[1.0], [1.0]]), np.array([[1.5], [1.5]])
    # from 1 to 1.5 with a standard deviation of 2
    assert points("rmse", after, before, labels, NUMBERS) == pytest.approx(25.0)
    assert points("mae", after, before, labels, NUMBERS) == pytest.approx(25.0)


def test_what_counts_depends_on_labels_and_outputs() -> None:
    def first(task: str, output: np.ndarray, labels: np.ndarray | None = None) -> str:
        return metrics_for(find_subject([output], task, labels))[0].name  # type: ignore[arg-type]

    assert first("classification", LOGITS, np.array([0, 1, 2, 0])) == "top1"
    assert first("regression", LOGITS[:, :1], np.array([0.0, 1, 2, 3])) == "rmse"
    assert first("unlabelled", LOGITS) == "agreement"
    assert first("unlabelled", LOGITS[:, :1]) == "sqnr_db"
    assert first("unlabelled", np.zeros((2, 3, 8, 8), np.float32)) == "sqnr_db"


def test_a_single_column_tells_two_classes_apart() -> None:
    logit = np.array([[-1.0], [2.0], [0.5]], dtype=np.float32)
    subject = find_subject([logit], "classification", np.array([0, 1, 0]))
    assert figure("top1", logit, logit, np.array([0, 1, 0]), subject).value == pytest.approx(200 / 3)
    probability = np.array([[0.1], [0.9], [0.7]], dtype=np.float32)
    subject = find_subject([probability], "classification", np.array([0, 1, 0]))
    assert subject.probabilities
    assert figure("top1", probability, probability, np.array([0, 1, 0]), subject).value == pytest.approx(
        200 / 3
    )


def test_every_metric_is_described() -> None:
    for described, metric in METRICS:
        assert described.name == metric.name
        assert str(described.label) and str(described.help)


@pytest.mark.parametrize("task", JUDGED_BY)
def test_each_task_has_its_figure_and_that_comes_first(task: str) -> None:
    classes = 6 if task == "classification" else 0
    first = metrics_for(Subject(task=task, output=0, classes=classes))[0]  # type: ignore[arg-type]
    assert first.name == JUDGED_BY[task]  # type: ignore[index]


def test_of_classes_without_labels_the_agreement_counts() -> None:
    assert metrics_for(Subject(task="unlabelled", output=0, classes=6))[0].name == "agreement"
