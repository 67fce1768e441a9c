"""Channels by every score: summed over coupled members, chosen, removed; rounds with a limit."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper
from runs import Data

from core.context import Context
from core.errors import DataError
from core.formats import open_model
from core.graph.batchnorm import SCALE
from core.graph.coupling import channel_groups
from core.graph.opened import OpenedModel
from core.graph.surgery import remove_channels
from core.graph.weights import find_node
from core.importance import SCORES
from core.methods.prune_channels import Goal, prune_channels
from core.pipeline import run
from core.scoring import Scoring
from core.unit_scores import unit_scores, units_by
from core.values import Plan

NAMES = [described.name for described, _ in SCORES]


def opened(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


def residual(first: np.ndarray, second: np.ndarray, last: np.ndarray) -> onnx.ModelProto:
    """conv a and conv b are added, so their channels go together; a third layer reads the sum."""
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["ya"], name="a"),
        helper.make_node("Conv", ["x", "b"], ["yb"], name="b"),
        helper.make_node("Add", ["ya", "yb"], ["s"], name="add"),
        helper.make_node("Relu", ["s"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "c"], ["y"], name="c"),
    ]
    weights = {"a": first, "b": second, "c": last}
    shapes = {"x": ["N", first.shape[1], 4, 4]}, {"y": ["N", last.shape[0], 4, 4]}
    return networks.model_of(
        nodes, *shapes, {name: array.astype(np.float32) for name, array in weights.items()}
    )


def test_coupled_members_count_each_as_shares_of_their_own(tmp_path: Path) -> None:
    first = np.array([1.0, 2.0, 5.0]).reshape(3, 1, 1, 1)
    second = np.array([30.0, -10.0, 10.0]).reshape(3, 1, 1, 1)
    model = opened(residual(first, second, np.ones((2, 3, 1, 1))), tmp_path)
    (group,) = [group for group in channel_groups(model.model) if group.removable]
    known = {layer.id for layer in model.info.layers}
    found = unit_scores(group, Scoring(model), "magnitude", 0, known)
    assert found == pytest.approx(np.array([1 / 8 + 3 / 5, 2 / 8 + 1 / 5, 5 / 8 + 1 / 5]))


def test_scores_of_the_networks_answers_add_up_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((4, 2, 1, 1), (4, 2, 1, 1), (3, 4, 1, 1))]
    model = opened(residual(*arrays), tmp_path)
    data = Data({"x": rng.standard_normal((16, 2, 4, 4)).astype(np.float32)})
    scoring = Scoring(model, data)
    scoring.measure(["a", "b"], "taylor", Context())
    (group,) = [group for group in channel_groups(model.model) if group.removable]
    found = unit_scores(group, scoring, "taylor", 0, {"a", "b", "c"})
    expected = sum(scoring.weights(name, "taylor")[0][0].sum(axis=(1, 2, 3)) for name in ("a", "b"))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_every_score_removes_its_least_important_channels(name: str, tmp_path: Path) -> None:
    model = opened(networks.cnn(channels=8), tmp_path)
    data = Data({"x": networks.pictures(24)})
    units = units_by(model, data, name, 0, Context())
    groups = {group.id: group for group in channel_groups(model.model) if group.removable}
    curves = units(model.model, list(groups.values()))
    result = prune_channels(model.model, Goal(channels=0.5), units=units)
    assert set(result.cuts) == {"conv1", "conv2"}
    for key, gone in result.cuts.items():
        assert np.array_equal(gone, np.sort(curves[key].order[:4]))
        assert (np.diff(curves[key].damage) >= 0).all()


def test_a_score_that_needs_samples_says_so(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    plan = Plan(methods={"prune_channels": {"channels": 50.0, "score": "taylor"}})
    with pytest.raises(DataError, match="not available"):
        run(model, None, None, plan, tmp_path / "out", None, Context())


def test_batch_norm_scales_go_with_their_channels(tmp_path: Path) -> None:
    gamma = np.array([0.5, 2.0, 1.0, 3.0], np.float32)
    weights = {
        "w": np.ones((4, 3, 1, 1), np.float32), "g": gamma, "b": np.zeros(4, np.float32),
        "m": np.zeros(4, np.float32), "s": np.ones(4, np.float32), "v": np.ones((2, 4, 1, 1), np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", "g", "b", "m", "s"], ["n"], name="bn"),
        helper.make_node("Relu", ["n"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "v"], ["y"], name="last"),
    ]
    model = opened(networks.model_of(nodes, {"x": ["N", 3, 4, 4]}, {"y": ["N", 2, 4, 4]}, weights), tmp_path)
    units = units_by(model, None, "batch_norm", 0, Context())
    result = prune_channels(model.model, Goal(channels=0.5), units=units, rounds=2)
    assert result.cuts["conv"].tolist() == [0, 2]
    cut = remove_channels(model.model, {"conv": [0, 2]})
    assert find_node(cut, "conv").meta[SCALE].tolist() == [2.0, 3.0]


def test_rounds_stop_before_too_many_answers_change(tmp_path: Path) -> None:
    network = networks.cnn(channels=32)
    for tensor in network.graph.initializer:
        if tensor.name in ("w1", "b1", "w2"):
            # half of the channels hardly do anything
            array = onnx.numpy_helper.to_array(tensor).copy()
            array[::2] *= 1e-3
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    model = opened(network, tmp_path)
    held_out = [{"x": networks.pictures(64, seed=5)}]
    options = {"held_out": held_out, "score": "magnitude", "rounds": 6}
    free = prune_channels(model.model, Goal(channels=0.9), **options)
    assert free.rounds == 6 and free.refused is None
    limited = prune_channels(model.model, Goal(channels=0.9), most_changed=0.3, **options)
    assert 0 < limited.rounds < 6
    assert limited.refused is not None and limited.refused > 0.3
    assert 0 < sum(map(len, limited.cuts.values())) < sum(map(len, free.cuts.values()))
    # what came back is within the limit
    from core.methods.repair_channels import Answers

    assert Answers(model.model, held_out).changed(limited.model) <= 0.3
    whole = opened(networks.cnn(channels=32), tmp_path)
    none = prune_channels(
        whole.model, Goal(channels=0.9), held_out=held_out, score="magnitude", most_changed=0.01
    )
    assert none.rounds == 0 and none.cuts == {} and none.macs_share == 1.0
    assert none.refused is not None and none.refused > 0.01
