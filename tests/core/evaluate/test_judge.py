"""The judge: the same samples for every model, figures as the arrays give them."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from core.context import Context
from core.errors import Cancelled, DataError
from core.evaluate.batching import BATCH
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner

COUNT = 100


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return networks.written(networks.cnn(), tmp_path)


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """The same network with its last weights disturbed."""
    model = networks.cnn()
    for tensor in model.graph.initializer:
        if tensor.name == "w3":
            array = numpy_helper.to_array(tensor).copy()
            array += 0.2 * np.random.default_rng(5).standard_normal(array.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, "w3"))
    return networks.written(model, tmp_path, "worse.onnx")


def answers(path: Path, count: int = COUNT) -> np.ndarray:
    return Runner(path).run({"x": networks.pictures(count)})[0]


def labelled(path: Path) -> networks.ArrayData:
    """Labels that the original gets right on three samples of four."""
    labels = answers(path).argmax(1)
    labels[::4] = (labels[::4] + 1) % 4
    return networks.ArrayData({"x": networks.pictures(COUNT)}, labels, "classification", ("a", "b", "c", "d"))


def test_the_baseline_is_the_originals_accuracy(original: Path) -> None:
    judge = Judge(original, labelled(original), Context())
    assert [m.metric for m in judge.baseline] == ["top1"]
    assert judge.baseline[0].value == 75.0
    assert judge.count == COUNT


def test_a_worse_model_loses_points_on_the_same_samples(original: Path, worse: Path) -> None:
    data = labelled(original)
    judge = Judge(original, data, Context())
    before, after = answers(original).argmax(1), answers(worse).argmax(1)
    assert data.labels is not None
    expected = 100 * (np.mean(before == data.labels) - np.mean(after == data.labels))
    assert expected > 0
    judgement = judge.measure(worse, Context())
    assert judgement.loss == pytest.approx(expected)
    assert judgement.loss_low is not None and judgement.loss_high is not None
    assert judgement.loss_low < expected < judgement.loss_high
    assert judgement.primary.value == pytest.approx(100 * np.mean(after == data.labels))
    agreement = next(m for m in judgement.measurements if m.metric == "agreement")
    assert agreement.value == pytest.approx(100 * np.mean(before == after))
    assert judgement.kl is not None and judgement.kl > 0


@pytest.mark.parametrize("limit", [1, BATCH - 1, BATCH, BATCH + 5])
def test_a_limit_takes_the_first_samples_for_both(original: Path, worse: Path, limit: int) -> None:
    data = labelled(original)
    judge = Judge(original, data, Context())
    assert data.labels is not None
    labels = data.labels[:limit]
    before, after = answers(original)[:limit].argmax(1), answers(worse)[:limit].argmax(1)
    judgement = judge.measure(worse, Context(), limit)
    assert judgement.primary.count == limit
    assert judgement.loss == pytest.approx(100 * (np.mean(before == labels) - np.mean(after == labels)))
    assert judge.baseline_of(limit)[0].value == pytest.approx(100 * np.mean(before == labels))


def test_the_original_loses_nothing_against_itself(original: Path) -> None:
    judgement = Judge(original, labelled(original), Context()).measure(original, Context())
    assert judgement.loss == 0 and judgement.kl == 0


def test_samples_that_do_not_fit_into_memory_are_read_again(original: Path, worse: Path) -> None:
    data = labelled(original)
    one_batch = BATCH * 3 * 8 * 8 * 4
    small = Judge(original, data, Context(), sample_memory=one_batch + 1)
    reads = data.reads
    first = small.measure(worse, Context())
    assert data.reads > reads
    whole = Judge(original, data, Context())
    reads = data.reads
    assert whole.measure(worse, Context()) == first
    assert data.reads == reads


def test_without_labels_agreement_stands_in(original: Path, worse: Path) -> None:
    data = networks.ArrayData({"x": networks.pictures(COUNT)})
    judge = Judge(original, data, Context())
    assert [(m.metric, m.value) for m in judge.baseline] == [("agreement", 100.0)]
    expected = 100 * np.mean(answers(original).argmax(1) == answers(worse).argmax(1))
    judgement = judge.measure(worse, Context())
    assert judgement.primary.metric == "agreement"
    assert judgement.primary.value == pytest.approx(expected)
    assert judgement.loss == pytest.approx(100 - expected)


def test_outputs_of_any_shape_are_judged_by_sqnr(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((3, 3, 1, 1)).astype(np.float32)

    def conv(factor: float, name: str) -> Path:
        node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
        shape: list[int | str] = ["N", 3, 8, 8]
        model = networks.model_of([node], {"x": shape}, {"y": shape}, {"w": factor * weight})
        return networks.written(model, tmp_path, name)

    data = networks.ArrayData({"x": networks.pictures(40)})
    first = conv(1.0, "one.onnx")
    for memory in (1 << 20, 40 * 20 * 4):  # all of each answer, or twenty numbers of it
        judge = Judge(first, data, Context(), answer_memory=memory)
        judgement = judge.measure(conv(0.9, "two.onnx"), Context())
        # a tenth of the amplitude is missing everywhere: 20 dB, one percent of the power
        assert judgement.primary.metric == "sqnr_db"
        assert judgement.primary.value == pytest.approx(20.0, abs=1e-3)
        assert judgement.loss == pytest.approx(1.0, abs=1e-3)
        assert judgement.kl is None


def test_regression_is_judged_in_the_labels_unit(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32)
    labels = (rows @ np.array([1.0, 2.0])).astype(np.float32)
    data = networks.ArrayData({"x": rows}, labels, "regression")
    exact = networks.written(networks.dense(np.array([[1.0, 2.0]])), tmp_path)
    off = networks.written(networks.dense(np.array([[1.0, 2.0]]), np.array([0.5])), tmp_path, "off.onnx")
    judge = Judge(exact, data, Context())
    judgement = judge.measure(off, Context())
    assert judge.baseline[0].value == pytest.approx(0, abs=1e-6)
    assert judgement.primary.metric == "rmse"
    assert judgement.primary.value == pytest.approx(0.5, abs=1e-5)
    assert judgement.loss == pytest.approx(100 * 0.5 / labels.std(), abs=1e-3)


def test_a_model_with_a_fixed_batch_is_judged_all_the_same(tmp_path: Path) -> None:
    free = networks.written(networks.cnn(), tmp_path)
    fixed = networks.written(networks.cnn(batch=7), tmp_path, "fixed.onnx")
    one = Judge(free, labelled(free), Context()).measure(fixed, Context())
    assert one.loss == 0
    assert Judge(fixed, labelled(free), Context()).baseline[0].value == 75.0


def test_cancelling_stops_at_the_next_batch(original: Path) -> None:
    data = labelled(original)
    context = Context(on_progress=lambda stage, done, total, left: seen.append(done))
    seen: list[int] = []
    judge = Judge(original, data, context)
    assert seen == [32, 64, 96, 100]
    context.cancel()
    with pytest.raises(Cancelled):
        judge.measure(original, context)
    with pytest.raises(Cancelled):
        judge.measure(original, context, stage=None)


def test_more_classes_than_the_model_knows_are_named(original: Path) -> None:
    data = networks.ArrayData({"x": networks.pictures(4)}, np.array([0, 1, 2, 9]), "classification")
    with pytest.raises(DataError) as caught:
        Judge(original, data, Context())
    assert "10 classes" in str(caught.value.why) and "4" in str(caught.value.why)


def test_no_samples_are_an_error(original: Path) -> None:
    with pytest.raises(DataError):
        Judge(original, networks.ArrayData({"x": networks.pictures(0)}), Context())


def test_models_with_other_answers_cannot_be_compared(original: Path, tmp_path: Path) -> None:
    other = networks.written(networks.cnn(classes=3), tmp_path, "other.onnx")
    judge = Judge(original, labelled(original), Context())
    with pytest.raises(DataError) as caught:
        judge.measure(other, Context())
    assert "cannot be compared" in str(caught.value.what)
