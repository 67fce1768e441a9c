"""Gradient sums and saliency: against gradients worked out by hand and sample by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from example_networks import NETWORKS, Writer
from onnx import TensorProto

from core.context import Context
from core.data import open_data
from core.data.dataset import Batch
from core.errors import Cancelled, DataError, UnsupportedModelError
from core.formats import open_model
from core.gradients.gradients import loss_gradients
from core.gradients.saliency import saliency
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.values import DataSpec


def opened(model: ir.Model, folder: Path) -> OpenedModel:
    path = folder / "model.onnx"
    onnx.save(ir.serde.serialize_model(model), str(path))
    return open_model(path, Context())


def classifier(folder: Path) -> OpenedModel:
    """logits = W·x + b with three classes and four inputs."""
    w = Writer(seed=1)
    out = w.dense("x", 4, 3)
    return opened(w.model({"x": (TensorProto.FLOAT, ["N", 4])}, out), folder)


def batches(feeds: np.ndarray, labels: np.ndarray | None, size: int) -> list[Batch]:
    return [
        Batch(
            {"x": feeds[i : i + size]},
            None if labels is None else labels[i : i + size],
            np.arange(len(feeds))[i : i + size],
        )
        for i in range(0, len(feeds), size)
    ]


def probabilities(model: OpenedModel, x: np.ndarray) -> tuple[np.ndarray, str, str]:
    layer = model.info.layers[0]
    node = next(iter(model.model.graph))
    weight, bias = node.inputs[1], node.inputs[2]
    assert weight is not None and bias is not None and weight.const_value and bias.const_value
    logits = x @ weight.const_value.numpy().T + bias.const_value.numpy()
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True), layer.weights[0], bias.name or ""


def test_gradient_with_labels_is_that_of_softmax_regression(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(6, 4)).astype(np.float32), np.array([0, 1, 2, 2, 1, 0])
    sums = loss_gradients(model, batches(x, labels, 2), Context(), "labels")
    p, weight, bias = probabilities(model, x)
    error = p - np.eye(3)[labels]
    # batches of two: squares of their mean gradients, times two for a single sample
    pairs = np.stack([error[i : i + 2].T @ x[i : i + 2] / 2 for i in (0, 2, 4)])
    np.testing.assert_allclose(sums[weight].fisher, 2 * (pairs**2).mean(0), rtol=1e-4, atol=1e-7)
    means = error.reshape(3, 2, 3).mean(1)
    np.testing.assert_allclose(sums[bias].fisher, 2 * (means**2).mean(0), rtol=1e-4, atol=1e-7)
    w = model.model.graph.initializers[weight].const_value
    assert w is not None
    np.testing.assert_allclose(sums[weight].taylor, ((pairs * w.numpy()) ** 2).mean(0), rtol=1e-4, atol=1e-7)


def test_own_answers_give_the_curvature_of_the_divergence(tmp_path: Path) -> None:
    """Fisher of a weight of class c is E[p(1-p)x²]: within the noise of 400 batches."""
    model = classifier(tmp_path)
    rng = np.random.default_rng(0)
    x = np.tile(rng.normal(size=(4, 4)).astype(np.float32), (800, 1))
    sums = loss_gradients(model, batches(x, None, 8), Context())
    p, weight, _ = probabilities(model, x[:4])
    expected = (p * (1 - p)).T @ x[:4] ** 2 / 4
    np.testing.assert_allclose(sums[weight].fisher, expected, rtol=0.3)


def test_size_of_the_batch_does_not_change_what_is_estimated(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    x = np.random.default_rng(0).normal(size=(3200, 4)).astype(np.float32)
    weight = model.info.layers[0].weights[0]
    one = loss_gradients(model, batches(x[:1600], None, 4), Context())[weight].fisher
    other = loss_gradients(model, batches(x, None, 32), Context(), seed=1)[weight].fisher
    np.testing.assert_allclose(one.sum(), other.sum(), rtol=0.2)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_saliency_lies_as_the_heatmaps_do(name: str, tmp_path: Path) -> None:
    model, feeds = NETWORKS[name]()
    network = opened(model, tmp_path)
    array = feeds["x"]
    found = saliency(network, [Batch({"x": array}, None, np.arange(len(array)))] * 2, Context())
    assert set(found) == {layer.id for layer in network.info.layers}
    for layer in network.info.layers:
        one = found[layer.id]
        assert one.taylor.shape == one.fisher.shape
        # a recurrent layer's input and recurrent weights lie side by side
        assert one.taylor.size == sum(array.size for array in get_weights(network.model, layer))
        assert (one.taylor >= 0).all() and (one.fisher >= 0).all()
        assert one.channels("fisher").shape == (len(one.fisher),)
        assert one.fisher.sum() > 0


def test_a_weight_without_effect_scores_zero(tmp_path: Path) -> None:
    w = Writer(seed=2)
    x = w.add("Relu", w.dense("x", 4, 6))
    out = w.dense(x, 6, 3)
    last = next(name for name, value in w.weights.items() if value.shape == (3, 6))
    w.weights[last][:, 2] = 0
    network = opened(w.model({"x": (TensorProto.FLOAT, ["N", 4])}, out), tmp_path)
    feeds = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    first = saliency(network, batches(feeds, None, 8), Context())[network.info.layers[0].id]
    assert first.channels("fisher")[2] == 0
    assert first.channels("taylor")[2] == 0
    assert first.channels("fisher").sum() > 0


def test_answers_without_gradients_are_refused(tmp_path: Path) -> None:
    w = Writer(seed=2)
    best = w.add("ArgMax", w.dense("x", 4, 3), axis=1, keepdims=0)
    network = opened(w.model({"x": (TensorProto.FLOAT, ["N", 4])}, best), tmp_path)
    with pytest.raises(UnsupportedModelError, match="no gradients"):
        loss_gradients(network, batches(np.zeros((2, 4), np.float32), None, 2), Context())


def test_labels_and_samples_are_asked_for(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    feeds = np.zeros((2, 4), np.float32)
    with pytest.raises(DataError, match="no labels"):
        loss_gradients(model, batches(feeds, None, 2), Context(), "labels")
    with pytest.raises(DataError, match="no samples"):
        loss_gradients(model, [], Context())


def test_cancelling_is_obeyed(tmp_path: Path) -> None:
    model, context = classifier(tmp_path), Context()
    context.cancel()
    with pytest.raises(Cancelled):
        loss_gradients(model, batches(np.zeros((2, 4), np.float32), None, 2), context)


SHARED = [
    "basic_pitch_nmp",
    "ch_ppocr_mobile_v2.0_cls_infer",
    "magika_standard_v3_3",
    "mobilenet_cifar10",
    "resnet20_cifar10",
    "silero_vad",
    "silero_vad_op18_ifless",
]


@pytest.mark.parametrize("name", SHARED)
def test_real_networks_have_saliency(name: str, shared_models: Path) -> None:
    network = open_model(shared_models / f"{name}.onnx", Context())
    # two seconds of sound are enough work for one sample
    count = 1 if name == "basic_pitch_nmp" else 4
    spec = DataSpec(path="random", calibration_count=count, judge_count=2)
    data = open_data(spec, network.info.inputs, network.info.outputs, Context())
    found = saliency(network, data.batches("calibration", 2), Context())
    # a voice detector runs only the branch of its sample rate
    used = len(network.info.layers) // (2 if name.startswith("silero") else 1)
    assert sum(bool(one.fisher.sum() > 0) for one in found.values()) >= used - 2
    for one in found.values():
        assert np.isfinite(one.taylor).all() and np.isfinite(one.fisher).all()
