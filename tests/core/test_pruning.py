"""Which weights go: by each score, layer by layer or under one limit; masks stay where they were put."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper
from runs import Data

from core.compress import compress
from core.context import Context
from core.errors import DataError, PlanError
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.importance import SCORES
from core.methods.masks import Masks
from core.methods.resolve import resolve
from core.pruning import choose_zeros
from core.scoring import Scoring
from core.values import LayerPlan, Plan

NAMES = [described.name for described, _ in SCORES]


def two_layers(first: np.ndarray, second: np.ndarray) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="one", transB=1),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "v"], ["y"], name="two", transB=1),
    ]
    weights = {"w": first.astype(np.float32), "v": second.astype(np.float32)}
    shapes = {"x": ["N", first.shape[1]]}, {"y": ["N", second.shape[0]]}
    return networks.model_of(nodes, *shapes, weights)


def opened(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


def plan(score: str, scope: str = "layer", **defaults: object) -> Plan:
    methods = {"prune_weights": {"score": score, "scope": scope}, "compensate": {"on": False}}
    return Plan(defaults=LayerPlan(**defaults), methods=methods)  # type: ignore[arg-type]


def masks(model: OpenedModel, wanted: Plan, data: Data | None = None) -> dict[str, np.ndarray]:
    chosen = choose_zeros(model, wanted, resolve(model, wanted), data, None, Context())
    return {name: mask for step in chosen.steps if step.masks for name, mask in step.masks.keep.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_score_prunes_its_least_important_weights(name: str, tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    data = Data({"x": networks.pictures(16)})
    found = masks(model, plan(name, sparsity=0.5), data)
    assert set(found) == {"w1", "w2", "w3"}
    scoring = Scoring(model, data)
    scoring.measure(["conv2"], name, Context())
    (scores,), _ = scoring.weights("conv2", name)
    keep = found["w2"]
    assert keep.shape == scores.shape == (8, 8, 3, 3)
    assert np.count_nonzero(keep) == keep.size // 2
    assert scores[keep].min() >= scores[~keep].max()


def test_the_automatic_choice_is_left_to_what_comes_later(tmp_path: Path) -> None:
    assert masks(opened(networks.cnn(), tmp_path), plan("automatic", sparsity=0.5)) == {}


def test_a_threshold_is_one_of_the_score(tmp_path: Path) -> None:
    model = opened(networks.dense(np.array([[1.0, -2.0], [3.0, 0.5]])), tmp_path)
    assert masks(model, plan("l2", threshold=4.0))["w"].tolist() == [[False, True], [True, False]]
    data = Data({"x": np.array([[4.0, 1.0]], np.float32)})
    # |w|·‖x‖: 4, 2, 12, 0.5
    assert masks(model, plan("activation", threshold=3.0), data)["w"].tolist() == [[True, False]] * 2


def test_a_pattern_keeps_the_best_scores_of_each_few(tmp_path: Path) -> None:
    model = opened(networks.dense(np.array([[1.0, 2.0, 3.0, 4.0]])), tmp_path)
    data = Data({"x": np.array([[9.0, 3.0, 1.0, 1.0]], np.float32)})
    # |w|·‖x‖: 9, 6, 3, 4
    assert masks(model, plan("activation", pattern="2:4"), data)["w"].tolist() == [[True, True, False, False]]
    assert masks(model, plan("activation", pattern="1:4"), data)["w"].tolist() == [[True] + [False] * 3]


def test_one_limit_takes_more_from_the_layer_of_small_weights(tmp_path: Path) -> None:
    first, second = np.arange(1, 13).reshape(3, 4), np.arange(10, 19).reshape(3, 3)
    model = opened(two_layers(first, second), tmp_path)
    wanted = plan("magnitude", "network", sparsity=8 / 21)
    chosen = choose_zeros(model, wanted, resolve(model, wanted), None, None, Context())
    found = {step.layer.id: step for step in chosen.steps}
    # the eight smallest of all 21 are 1 to 8
    assert found["one"].masks is not None and found["two"].masks is not None
    assert found["one"].masks.keep["w"].reshape(-1).tolist() == [False] * 8 + [True] * 4
    assert found["two"].masks.keep["v"].all()
    assert chosen.plan.layer("one").sparsity == pytest.approx(8 / 12)
    assert chosen.plan.layer("two").sparsity == 0.0


def test_a_layer_with_its_own_share_keeps_it_under_one_limit(tmp_path: Path) -> None:
    first, second = np.arange(1, 13).reshape(3, 4), np.arange(10, 19).reshape(3, 3)
    model = opened(two_layers(first, second), tmp_path)
    wanted = plan("magnitude", "network", sparsity=0.5).with_layer("two", sparsity=1 / 3)
    found = masks(model, wanted)
    assert np.count_nonzero(~found["v"]) == 3
    assert np.count_nonzero(~found["w"]) == 6


def test_no_layer_goes_as_a_whole_under_one_limit(tmp_path: Path) -> None:
    model = opened(two_layers(np.full((10, 20), 0.01), np.full((5, 10), 1.0)), tmp_path)
    found = masks(model, plan("magnitude", "network", sparsity=0.8))
    assert np.count_nonzero(found["w"]) == 2


def test_layers_are_compared_by_what_they_change_of_their_own_outputs(tmp_path: Path) -> None:
    """A layer whose numbers are a hundred times larger loses no less under a second-order score."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((16, 16)), rng.standard_normal((16, 16))
    samples = Data({"x": rng.standard_normal((200, 16)).astype(np.float32)})
    plain = masks(opened(two_layers(first, second), tmp_path), plan("obd", "network", sparsity=0.5), samples)
    scaled = opened(two_layers(100 * first, second), tmp_path)
    for name, mask in masks(scaled, plan("obd", "network", sparsity=0.5), samples).items():
        assert np.mean(mask == plain[name]) > 0.99


def test_weights_that_are_zero_already_go_first(tmp_path: Path) -> None:
    weight = np.array([[5.0, 0.0, 4.0, 0.0], [0.0, 3.0, 0.0, 2.0]])
    model = opened(networks.dense(weight), tmp_path)
    assert np.array_equal(masks(model, plan("random", sparsity=0.5))["w"], weight != 0)


def test_layers_that_share_a_weight_keep_the_same(tmp_path: Path) -> None:
    weights = {"w": np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)}
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="one", transB=1),
        helper.make_node("Gemm", ["a", "w"], ["y"], name="two", transB=1),
    ]
    model = opened(networks.model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 4]}, weights), tmp_path)
    wanted = plan("activation", sparsity=0.5)
    data = Data({"x": np.ones((4, 4), np.float32)})
    steps = choose_zeros(model, wanted, resolve(model, wanted), data, None, Context()).steps
    assert steps[0].masks == steps[1].masks and steps[0].masks is not None


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    with pytest.raises(PlanError, match="no importance score 'nonsense'"):
        masks(model, plan("nonsense", sparsity=0.5))
    with pytest.raises(DataError, match="not available"):
        masks(model, plan("obs", sparsity=0.5))
    wanted = plan("batch_norm", sparsity=0.5)
    steps = choose_zeros(model, wanted, resolve(model, wanted), None, None, Context()).steps
    assert all("batch normalisation" in str(step.note) for step in steps)


def test_masks_with_the_same_bits_are_the_same() -> None:
    one, other = (Masks({"w": np.array([True, False])}) for _ in range(2))
    assert one == other and hash(one) == hash(other)
    assert one != Masks({"w": np.array([True, True])})


@pytest.mark.parametrize("compensated", [False, True])
@pytest.mark.parametrize("bits", [32, 4])
def test_the_zeros_of_the_file_are_the_scores(compensated: bool, bits: int, tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    data = Data({"x": networks.pictures(32)})
    methods = {"prune_weights": {"score": "activation"}, "compensate": {"on": compensated}}
    wanted = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=bits), methods=methods)
    result = compress(model, data, None, wanted, tmp_path / "out", None, Context())
    expected = masks(model, wanted, data)
    for tensor in onnx.load(result.artefact).graph.initializer:
        if tensor.name in expected:
            array = onnx.numpy_helper.to_array(tensor)
            # rounding may add zeros, none of those chosen may be missing
            assert not array[~expected[tensor.name]].any()
            if bits == 32:
                assert array[expected[tensor.name]].all()


def test_compensation_refits_what_a_score_leaves(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((12, 12))
    samples = (rng.standard_normal((300, 12)) @ mixing).astype(np.float32)
    weight = rng.standard_normal((6, 12)).astype(np.float32)
    model = opened(networks.dense(weight, np.zeros(6)), tmp_path)
    data = Data({"x": samples})

    def error(on: bool) -> float:
        methods = {"prune_weights": {"score": "activation"}, "compensate": {"on": on}}
        wanted = Plan(defaults=LayerPlan(sparsity=0.5), methods=methods)
        result = compress(model, data, None, wanted, tmp_path / "out", None, Context())
        after = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(result.artefact).graph.initializer}
        return float(np.square(samples @ weight.T - samples @ after["w"].T - after.get("b", 0)).mean())

    assert error(True) < 0.8 * error(False)


def test_chosen_zeros_decide_what_is_kept_of_a_layer(tmp_path: Path) -> None:
    step = resolve(opened(networks.cnn(), tmp_path), Plan(defaults=LayerPlan(sparsity=0.5)))[0]
    masks = [Masks({"w1": np.arange(216).reshape(8, 3, 3, 3) % 2 == rest}) for rest in (0, 0, 1)]
    keys = [replace(step, masks=each).weight_key for each in masks]
    assert keys[0] == keys[1] != keys[2]
    assert step.weight_key not in keys
