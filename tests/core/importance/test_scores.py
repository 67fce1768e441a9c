"""Scores worked out by hand, and the way of channels to the layers that read them."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import find_node, get_weights, matrix_view
from core.importance import SCORES
from core.importance.score import WHOLE, ChannelScores, ScoredLayer


def scored(opened: OpenedModel, layer_id: str) -> ScoredLayer:
    node, layer = find_node(opened.model, layer_id), opened.info.layer(layer_id)
    matrix = matrix_view(layer, node, get_weights(opened.model, layer)[0])
    return ScoredLayer(opened.model, layer, node, matrix)


def channels(model: onnx.ModelProto, folder: Path, layer_id: str, score: str = "neuron") -> ChannelScores:
    opened = open_model(networks.written(model, folder), Context())
    return SCORES.get(score).channels(scored(opened, layer_id))


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def test_magnitude_of_weights_and_channels(tmp_path: Path) -> None:
    model = networks.dense(np.array([[1.0, -2.0], [0.0, 0.5]]))
    opened = open_model(networks.written(model, tmp_path), Context())
    layer = scored(opened, "fc")
    l1, l2 = SCORES.get("magnitude"), SCORES.get("l2")
    assert l1.channels(layer).values.tolist() == [3.0, 0.5]
    assert l2.channels(layer).values.tolist() == [5.0, 0.25]
    assert l1.weights(layer, WHOLE, np.zeros(2)).tolist() == [[1, 2], [0, 0.5]]
    assert l2.weights(layer, WHOLE, np.zeros(2)).tolist() == [[1, 4], [0, 0.25]]


def test_a_neuron_counts_as_much_as_the_next_layer_uses_it(tmp_path: Path) -> None:
    weights = {"w": np.array([[1, 1], [2, 2]], np.float32), "v": np.array([[1, -3], [2, 0.5]], np.float32)}
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="one", transB=1),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "v"], ["y"], name="two", transB=1),
    ]
    model = networks.model_of(nodes, {"x": ["N", 2]}, {"y": ["N", 2]}, weights)
    assert channels(model, tmp_path, "one").values.tolist() == [3.0, 3.5]
    opened = open_model(tmp_path / "model.onnx", Context())
    paths = SCORES.get("neuron").weights(scored(opened, "one"), WHOLE, np.array([3.0, 3.5], np.float32))
    assert paths.tolist() == [[3, 3], [7, 7]]


def test_the_last_layer_says_why_its_own_weights_stand_in(tmp_path: Path) -> None:
    found = channels(networks.cnn(), tmp_path, "fc")
    own = channels(networks.cnn(), tmp_path, "fc", "magnitude")
    assert found.note is not None and "answers" in str(found.note)
    assert np.array_equal(found.values, own.values)


def test_through_convolutions_pooling_and_flattening(tmp_path: Path) -> None:
    model = networks.cnn()
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    first, second = channels(model, tmp_path, "conv1"), channels(model, tmp_path, "conv2")
    assert first.note is None and second.note is None
    assert first.values == pytest.approx(np.abs(weights["w2"]).sum(axis=(0, 2, 3)), rel=1e-5)
    assert second.values == pytest.approx(np.abs(weights["w3"]).sum(axis=0), rel=1e-5)


def test_flattened_pictures_add_up_all_positions(tmp_path: Path) -> None:
    weights = {"w": random(4, 3, 1, 1), "v": random(4 * 4, 5)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Flatten", ["c"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "v"], ["y"], name="fc"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 3, 2, 2]}, {"y": ["N", 5]}, weights)
    expected = np.abs(weights["v"]).sum(axis=1).reshape(4, 4).sum(axis=1)
    assert channels(model, tmp_path, "conv").values == pytest.approx(expected, rel=1e-5)


def test_every_branch_that_reads_a_channel_counts(tmp_path: Path) -> None:
    """A residual sum, a depthwise convolution and a concatenation behind another tensor."""
    weights = {
        "w": random(4, 3, 1, 1),
        "d": random(4, 1, 3, 3),
        "g": random(4, 4, 1, 1),
        "v": random(5, 8, 1, 1),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv"),
        helper.make_node("Conv", ["a", "d"], ["b"], name="depthwise", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["b", "g"], ["e"], name="mix"),
        helper.make_node("Add", ["e", "a"], ["s"], name="add"),
        helper.make_node("Concat", ["b", "s"], ["k"], name="concat", axis=1),
        helper.make_node("Conv", ["k", "v"], ["y"], name="last"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 3, 4, 4]}, {"y": ["N", 5, 4, 4]}, weights)
    total = {name: np.abs(array) for name, array in weights.items()}
    per_input = total["v"].sum(axis=(0, 2, 3))
    # conv is read by the depthwise one and, through the sum, by the second half of the last one's inputs
    expected = total["d"].sum(axis=(1, 2, 3)) + per_input[4:]
    found = channels(model, tmp_path, "conv")
    assert found.values == pytest.approx(expected, rel=1e-5)
    assert found.note is None
    # the depthwise one is read by mix, and by the first half
    expected = total["g"].sum(axis=(0, 2, 3)) + per_input[:4]
    assert channels(model, tmp_path, "depthwise").values == pytest.approx(expected, rel=1e-5)


def test_through_a_mean_over_positions_without_known_shapes(tmp_path: Path) -> None:
    weights = {"w": random(4, 3, 1, 1), "v": random(6, 4), "axes": np.array([2, 3], dtype=np.int64)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("ReduceMean", ["c", "axes"], ["m"], name="mean", keepdims=0),
        helper.make_node("Gemm", ["m", "v"], ["y"], name="fc", transB=1),
    ]
    model = networks.model_of(nodes, {"x": ["N", 3, "H", "W"]}, {"y": ["N", 6]}, weights, opset=18)
    expected = np.abs(weights["v"]).sum(axis=0)
    assert channels(model, tmp_path, "conv").values == pytest.approx(expected, rel=1e-5)


def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    weights = {"w": random(4, 3, 1, 1), "v": random(5, 1, 1, 1)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("DepthToSpace", ["c"], ["d"], name="shuffle", blocksize=2),
        helper.make_node("Conv", ["d", "v"], ["y"], name="last"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 3, 4, 4]}, {"y": ["N", 5, 8, 8]}, weights)
    found = channels(model, tmp_path, "conv")
    assert found.note is not None and "not known" in str(found.note)
    assert np.array_equal(found.values, channels(model, tmp_path, "conv", "magnitude").values)


def test_removing_a_neuron_without_outgoing_weights_changes_nothing(tmp_path: Path) -> None:
    """A score of zero is true: the network answers the same without the channel."""
    from core.evaluate.runner import Runner

    model = networks.cnn()
    arrays = {t.name: onnx.numpy_helper.to_array(t).copy() for t in model.graph.initializer}
    arrays["w2"][:, 3] = 0

    def answers() -> np.ndarray:
        for tensor in model.graph.initializer:
            tensor.CopyFrom(onnx.numpy_helper.from_array(arrays[tensor.name], tensor.name))
        return Runner(model.SerializeToString()).run({"x": networks.pictures(4)})[0]

    before = answers()
    assert channels(model, tmp_path, "conv1").values[3] == 0
    arrays["w1"][3] = 0
    arrays["b1"][3] = 0
    assert np.array_equal(answers(), before)


def test_every_layer_of_the_cifar_networks_is_understood(shared_models: Path) -> None:
    for name in ("resnet20_cifar10", "mobilenet_cifar10"):
        opened = open_model(shared_models / f"{name}.onnx", Context())
        score = SCORES.get("neuron")
        notes = [layer.id for layer in opened.info.layers if score.channels(scored(opened, layer.id)).note]
        assert notes == [opened.info.layers[-1].id]
