"""Scores that look at samples, against numbers worked out by numpy, torch or hand."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper
from runs import Data

from core.context import Context
from core.errors import Cancelled, DataError, UnsupportedModelError
from core.formats import open_model
from core.importance import SCORES
from core.importance.score import WHOLE
from core.scoring import Scoring, pack, unpack


def scoring_of(model: onnx.ModelProto, samples: np.ndarray, folder: Path, store: object = None) -> Scoring:
    opened = open_model(networks.written(model, folder), Context())
    return Scoring(opened, Data({"x": samples}), store)  # type: ignore[arg-type]


def scores(scoring: Scoring, layer: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(weights, channels) of a layer as its matrix."""
    scoring.measure([layer], name, Context())
    scored = scoring.scored(layer, name)
    score = SCORES.get(name)
    assert score.why_not(scored) is None
    channels = score.channels(scored).values
    return score.weights(scored, WHOLE, channels), channels


INPUTS = np.array([[1, 0, 2], [3, 1, 0], [-1, 2, 2], [1, -1, 4]], np.float32)
WEIGHT = np.array([[1, -2, 0.5], [0.5, 1, -1]], np.float32)


def test_weight_times_activation(tmp_path: Path) -> None:
    scoring = scoring_of(networks.dense(WEIGHT), INPUTS, tmp_path)
    weights, channels = scores(scoring, "fc", "activation")
    # mean squares of the columns: 12/4, 6/4, 24/4
    expected = np.abs(WEIGHT) * np.sqrt([3.0, 1.5, 6.0])
    assert weights == pytest.approx(expected, rel=1e-6)
    assert channels == pytest.approx(expected.sum(axis=1), rel=1e-6)


@pytest.mark.parametrize("bias", [None, np.array([0.5, -1.0])], ids=["no bias", "bias"])
def test_brain_damage_and_surgeon_against_numpy(bias: np.ndarray | None, tmp_path: Path) -> None:
    scoring = scoring_of(networks.dense(WEIGHT, bias), INPUTS, tmp_path)
    x = INPUTS.astype(np.float64)
    # a Gemm can always be given a bias, which makes good the mean: only deviations from it count
    deviations = x - x.mean(axis=0)
    hessian = deviations.T @ deviations / len(x)
    damage, damaged = scores(scoring, "fc", "obd")
    assert damage == pytest.approx(WEIGHT**2 * np.diag(hessian), rel=1e-5)
    assert damaged == pytest.approx((WEIGHT**2 * np.diag(hessian)).sum(axis=1), rel=1e-5)
    damped = hessian + 0.01 * np.diag(hessian).mean() * np.eye(3)
    surgeon, channels = scores(scoring, "fc", "obs")
    assert surgeon == pytest.approx(WEIGHT**2 / np.diag(np.linalg.inv(damped)), rel=1e-5)
    assert channels == pytest.approx(np.einsum("rc,cd,rd->r", WEIGHT, hessian, WEIGHT), rel=1e-5)


def test_brain_damage_is_what_the_outputs_lose(tmp_path: Path) -> None:
    """The score against the layer run with that weight at zero and its bias following."""
    scoring = scoring_of(networks.dense(WEIGHT), INPUTS, tmp_path)
    damage, _ = scores(scoring, "fc", "obd")
    whole = INPUTS @ WEIGHT.T
    for place in np.ndindex(WEIGHT.shape):
        cut = WEIGHT.copy()
        cut[place] = 0
        lost = INPUTS @ cut.T - whole
        assert damage[place] == pytest.approx(((lost - lost.mean(axis=0)) ** 2).mean(axis=0).sum(), rel=1e-4)


def test_a_depthwise_convolution_meets_each_channels_own_inputs(tmp_path: Path) -> None:
    weight = np.array([[[[1.0, 2.0]]], [[[3.0, -1.0]]]], np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", group=2)
    model = networks.model_of([node], {"x": ["N", 2, 1, 3]}, {"y": ["N", 2, 1, 2]}, {"w": weight})
    samples = np.array([[[[1, 2, 3]], [[0, 1, 1]]]], np.float32)
    weights, _ = scores(scoring_of(model, samples, tmp_path), "conv", "activation")
    # windows of channel 0: (1 2), (2 3); of channel 1: (0 1), (1 1)
    power = np.array([[(1 + 4) / 2, (4 + 9) / 2], [0.5, 1.0]])
    assert weights == pytest.approx(np.abs(weight.reshape(2, 2)) * np.sqrt(power), rel=1e-6)


def test_share_of_zeros_counted_by_hand(tmp_path: Path) -> None:
    weight = np.array([[[[1.0]]], [[[-1.0]]]], np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 1, 2, 2]}, {"y": ["N", 2, 2, 2]}, {"w": weight})
    samples = np.array([[[[1, -1], [0, 2]]], [[[-3, -1], [-2, 5]]]], np.float32)
    weights, channels = scores(scoring_of(model, samples, tmp_path), "conv", "zeros")
    # above zero: 1, 2, 5 of eight; below: -1, -3, -1, -2
    assert channels.tolist() == [3 / 8, 4 / 8]
    assert weights.tolist() == [[3 / 8], [4 / 8]]


def test_without_an_activation_there_is_no_share_of_zeros(tmp_path: Path) -> None:
    scoring = scoring_of(networks.dense(WEIGHT), INPUTS, tmp_path)
    scoring.measure(["fc"], "zeros", Context())
    values, reason = scoring.weights("fc", "zeros")
    assert reason is not None and "ReLU" in str(reason)
    assert values[0].tolist() == np.abs(WEIGHT).tolist()


def test_taylor_and_fisher_against_torch(tmp_path: Path) -> None:
    """All samples alike and sure of their class, so that one backward pass by hand says it all."""
    torch = pytest.importorskip("torch")
    # two classes of which each sample's own answer is certain: the drawn answer is then known
    weight = np.array([[30.0, 0.0], [0.0, 30.0]], np.float32)
    x = np.array([[1.0, 0.2]], np.float32)
    scoring = scoring_of(networks.dense(weight), np.repeat(x, 8, axis=0), tmp_path)
    taylor, channels = scores(scoring, "fc", "taylor")
    w = torch.tensor(weight, requires_grad=True)
    torch.nn.functional.cross_entropy(torch.tensor(x) @ w.T, torch.tensor([0])).backward()
    expected = (weight * w.grad.numpy()) ** 2
    assert taylor == pytest.approx(expected, rel=1e-4, abs=1e-30)
    assert channels == pytest.approx(expected.sum(axis=1), rel=1e-4, abs=1e-30)
    fisher, _ = scores(scoring, "fc", "fisher")
    # eight alike samples in a batch: n·ḡ² is eight times each one's square
    assert fisher == pytest.approx(0.5 * expected * 8, rel=1e-4, abs=1e-30)


def test_random_scores_are_the_same_in_every_part_and_differ_by_seed(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.dense(np.ones((60, 70))), tmp_path), Context())
    scoring, score = Scoring(opened), SCORES.get("random")
    one = scoring.scored("fc", "random", seed=1)
    whole = score.weights(one, WHOLE, np.zeros(60))
    part = score.weights(one, (slice(10, 20), slice(30, None)), np.zeros(10))
    assert np.array_equal(whole[10:20, 30:], part)
    assert not np.array_equal(whole, score.weights(scoring.scored("fc", "random", 2), WHOLE, np.zeros(60)))
    assert whole.min() >= 0 and whole.max() < 1
    assert whole.mean() == pytest.approx(0.5, abs=0.02)
    assert np.histogram(whole, 10, (0, 1))[0].min() > 350


def test_batch_norm_scale_survives_folding(tmp_path: Path) -> None:
    gamma = np.array([0.5, -2.0, 0.0], np.float32)
    weights = {
        "w": np.arange(1, 7, dtype=np.float32).reshape(3, 2, 1, 1),
        "g": gamma,
        "b": np.zeros(3, np.float32),
        "m": np.zeros(3, np.float32),
        "v": np.full(3, 4.0, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["y"], name="bn"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 2, 2, 2]}, {"y": ["N", 3, 2, 2]}, weights)
    opened = open_model(networks.written(model, tmp_path), Context())
    scoring, score = Scoring(opened), SCORES.get("batch_norm")
    scored = scoring.scored("conv", "batch_norm")
    assert score.why_not(scored) is None
    channels = score.channels(scored).values
    assert channels.tolist() == [0.5, 2.0, 0.0]
    # a channel's weights share its scale: 3:4 of 2.0 in the second
    shares = score.weights(scored, WHOLE, channels)
    assert shares == pytest.approx(np.array([[1 / 6, 2 / 6], [6 / 7, 8 / 7], [0, 0]]), rel=1e-6)


def test_without_a_batch_norm_the_reason_is_said(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.dense(WEIGHT), tmp_path), Context())
    values, reason = Scoring(opened).weights("fc", "batch_norm")
    assert reason is not None and "batch normalisation" in str(reason)
    assert values[0].tolist() == np.abs(WEIGHT).tolist()


@pytest.mark.parametrize("name", ["activation", "obd", "obs", "taylor", "fisher", "zeros"])
def test_without_samples_it_is_said_what_is_missing(name: str, tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    scoring = Scoring(opened)
    assert "choose data" in str(scoring.why_not(name))
    assert scoring.to_measure(["conv1"], name) == []
    with pytest.raises(DataError, match="not available"):
        scoring.measure(["conv1"], name, Context())


def test_an_operator_without_gradients_is_named_and_the_rest_works(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="fc", transB=1),
        helper.make_node("RandomNormalLike", ["a"], ["r"], name="noise", scale=0.0),
        helper.make_node("Add", ["a", "r"], ["y"], name="add"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 3]}, {"y": ["N", 2]}, {"w": WEIGHT})
    scoring = scoring_of(model, INPUTS, tmp_path)
    assert "RandomNormalLike" in str(scoring.why_not("taylor"))
    with pytest.raises(UnsupportedModelError):
        scoring.measure(["fc"], "taylor", Context())
    scores(scoring, "fc", "activation")


def test_layers_that_are_no_product_give_the_reason(tmp_path: Path) -> None:
    hidden = 3
    weights = {
        "w": np.ones((1, 4 * hidden, 2), np.float32),
        "r": np.ones((1, 4 * hidden, hidden), np.float32),
    }
    # samples first: a form that nothing here takes apart
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], name="lstm", hidden_size=hidden, layout=1)
    model = networks.model_of([node], {"x": ["N", 5, 2]}, {"y": ["N", 5, 1, hidden]}, weights)
    opened = open_model(networks.written(model, tmp_path), Context())
    scoring = Scoring(opened, Data({"x": np.ones((4, 5, 2), np.float32)}))
    scoring.measure(["lstm"], "obs", Context())
    values, reason = scoring.weights("lstm", "obs")
    assert reason is not None and "in its usual form" in str(reason)
    assert [value.shape for value in values] == [(1, 12, 2), (1, 12, 3)]


def test_what_was_measured_is_found_again(tmp_path: Path) -> None:
    store: dict[str, bytes] = {}

    class Store:
        get = store.get
        put = store.__setitem__

    model, samples = networks.cnn(), networks.pictures(16)
    first = scoring_of(model, samples, tmp_path, Store())
    before, _ = scores(first, "conv2", "obs")
    scores(first, "conv2", "taylor")
    again = scoring_of(model, samples, tmp_path, Store())
    data = again.data
    assert isinstance(data, Data)
    assert again.to_measure(["conv2", "conv1"], "obs") == ["conv1"]
    assert np.array_equal(scores(again, "conv2", "obs")[0], before)
    scores(again, "conv1", "taylor")
    assert data.reads == 0
    assert unpack(b"not an archive") is None
    packed = unpack(pack(again.scored("conv2", "obs").statistics))
    assert packed is not None and packed.samples == 16


def test_the_layers_measured_beside_it_change_nothing(tmp_path: Path) -> None:
    model, samples = networks.cnn(), networks.pictures(24)
    alone, _ = scores(scoring_of(model, samples, tmp_path), "conv2", "obs")
    together = scoring_of(model, samples, tmp_path)
    together.measure(["conv1", "conv2", "fc"], "obs", Context())
    assert scores(together, "conv2", "obs")[0] == pytest.approx(alone, rel=1e-6)


def test_measuring_stops_when_asked_to(tmp_path: Path) -> None:
    context = Context()
    context.cancel()
    scoring = scoring_of(networks.cnn(), networks.pictures(8), tmp_path)
    for name in ("obs", "taylor", "zeros"):
        with pytest.raises(Cancelled):
            scoring.measure(["conv1"], name, context)
    assert scoring.to_measure(["conv1"], "obs") == ["conv1"]
