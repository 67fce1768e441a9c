"""Choosing, removing and repairing channels, against least squares and costs worked out otherwise."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper

from core.context import Context
from core.errors import PlanError
from core.evaluate.runner import Runner
from core.graph.cost import costs
from core.graph.coupling import channel_groups
from core.graph.normalize import normalize
from core.graph.surgery import remove_channels
from core.methods._channel_costs import ChannelCosts
from core.methods._channel_curves import magnitude
from core.methods._channel_moments import consumers_of, eliminate, measure
from core.methods.prune_channels import Goal, choose_channels, from_plan, multiple_of, prune_channels
from core.methods.repair_channels import repair
from core.values import Plan

RNG = np.random.default_rng


def network(first: np.ndarray, second: np.ndarray, k: int = 1) -> ir.Model:
    """Conv 1×1 → Conv k×k → mean over pixels: (N, in, 6, 6) to (N, out)."""
    weights = {"first": first, "second": second, "b1": np.zeros(len(first)), "b2": np.zeros(len(second))}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "first", "b1"], ["a"], "conv1"),
            helper.make_node("Conv", ["a", "second", "b2"], ["b"], "conv2", pads=[k // 2] * 4),
            helper.make_node("ReduceMean", ["b"], ["y"], "mean", axes=[2, 3], keepdims=0),
        ],
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", first.shape[1], 6, 6])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", len(second)])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = ir.from_proto(helper.make_model(graph, opset_imports=[opset], ir_version=8))
    normalize(model)
    return model


def samples(count: int, channels: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    rng = RNG(seed)
    return [{"x": rng.normal(size=(16, channels, 6, 6)).astype(np.float32)} for _ in range(count)]


def test_magnitude_ranks_channels_by_their_squared_weights() -> None:
    first = np.zeros((4, 3, 1, 1))
    first[:, 0, 0, 0] = [2.0, 0.1, 3.0, 1.0]
    model = network(first, RNG(0).normal(size=(2, 4, 1, 1)))
    (group, _) = channel_groups(model)
    # 4, 0.01, 9 and 1 of 14.01
    np.testing.assert_allclose(magnitude(model, group), np.array([4, 0.01, 9, 1]) / 14.01, rtol=1e-6)
    cuts = choose_channels(model, channel_groups(model), Goal(channels=0.5))
    assert cuts["conv1"].tolist() == [1, 3]


@pytest.mark.parametrize("k", [1, 3])
def test_elimination_costs_what_least_squares_cannot_make_good(k: int) -> None:
    rng = RNG(1)
    model = network(rng.normal(size=(6, 6, 1, 1)), rng.normal(size=(3, 6, k, k)), k)
    (group, _) = channel_groups(model)
    data = samples(4, 6)
    found = measure(model, ["conv2"], lambda: data, Context(), positions=36, damping=1e-9)
    (consumer,), missing = consumers_of(model, group, found)
    assert not missing
    result = eliminate([consumer], 6, 3, snapshots=[2])
    h, w = consumer.quadratic.hessian[0].astype(np.float64), consumer.matrix
    keep = np.setdiff1d(np.arange(w.shape[1]), consumer.columns[result.order[:2]].ravel())
    solved = w @ h[:, keep] @ np.linalg.inv(h[np.ix_(keep, keep)])
    difference = w.copy()
    difference[:, keep] -= solved
    expected = np.einsum("rc,cd,rd->", difference, h, difference) / consumer.energy
    np.testing.assert_allclose(result.damage[2], expected, rtol=1e-5)
    np.testing.assert_allclose(result.snapshots[2]["conv2"][:, keep], solved, rtol=1e-4, atol=1e-6)


def test_a_channel_that_others_can_replace_goes_first() -> None:
    rng = RNG(2)
    first = rng.normal(size=(5, 8, 1, 1))
    first[3] = 5 * (first[0] + first[1])  # large, but says nothing new
    model = network(first, rng.normal(size=(2, 5, 1, 1)))
    (group, _) = channel_groups(model)
    data = samples(3, 8)
    found = measure(model, ["conv2"], lambda: data, Context())
    order = eliminate(consumers_of(model, group, found)[0], 5).order
    assert order[0] in (0, 1, 3)
    assert int(np.argmin(magnitude(model, group))) != 3


def test_repair_brings_back_what_is_a_combination_of_the_rest() -> None:
    rng = RNG(3)
    first = rng.normal(size=(6, 4, 1, 1))  # 6 channels from 4: two can go without loss
    model = network(first, rng.normal(size=(3, 6, 3, 3)), 3)
    data, held_out = samples(4, 4), samples(1, 4, seed=9)
    cuts = {"conv1": np.array([1, 4])}
    cut = remove_channels(model, cuts)
    repaired, log = repair(model, cut, cuts, lambda: data, held_out, Context(), positions=36, damping=1e-8)
    wanted = Runner(model).run(held_out[0])[0]
    before, after = (np.abs(Runner(m).run(held_out[0])[0] - wanted).max() for m in (cut, repaired))
    assert before > 0.1
    assert after < 1e-3 * before
    assert any(entry.kept for entry in log)


def test_costs_are_those_of_the_network_that_results() -> None:
    rng = RNG(4)
    model = network(rng.normal(size=(40, 3, 1, 1)), rng.normal(size=(8, 40, 3, 3)), 3)
    groups = channel_groups(model)
    counted = ChannelCosts(model, groups)
    assert counted.total() == 36 * (40 * 3 + 8 * 40 * 9)
    after = remove_channels(model, {"conv1": range(10)})
    expected = sum(count or 0 for count in costs(after).macs.values())
    assert counted.total({"conv1": 10}) == expected
    assert counted.saved("conv1", {}, 10) == counted.total() - expected


def test_multiples_are_kept_where_the_group_is_large_enough() -> None:
    assert [multiple_of(size) for size in (10, 16, 32, 63, 64, 512)] == [1, 8, 8, 8, 16, 16]
    assert multiple_of(512, 8) == 8
    assert multiple_of(512, 1) == 1
    rng = RNG(5)
    model = network(rng.normal(size=(72, 3, 1, 1)), rng.normal(size=(4, 72, 1, 1)))
    cuts = choose_channels(model, channel_groups(model), Goal(channels=0.5))
    # 36 of 72 left would be no multiple of 16: 48 are
    assert len(cuts["conv1"]) == 24


def test_the_goal_in_work_is_reached_and_what_cannot_be_reached_is_refused() -> None:
    rng = RNG(6)
    model = network(rng.normal(size=(32, 3, 1, 1)), rng.normal(size=(4, 32, 3, 3)), 3)
    result = prune_channels(model, Goal(macs=0.5), score="magnitude")
    assert result.macs_share == pytest.approx(0.5)
    assert len(result.cuts["conv1"]) == 16
    with pytest.raises(PlanError) as error:
        prune_channels(model, Goal(macs=0.99), score="magnitude")
    assert "25 %" in str(error.value.why)


def test_rounds_and_measured_damage_lead_to_the_goal_too() -> None:
    rng = RNG(7)
    model = network(rng.normal(size=(16, 6, 1, 1)), rng.normal(size=(4, 16, 3, 3)), 3)
    data, held_out = samples(2, 6), samples(1, 6, seed=8)
    result = prune_channels(model, Goal(macs=0.5), lambda: data, held_out, rounds=2)
    assert result.macs_share == pytest.approx(0.5)
    assert sorted(result.cuts) == ["conv1"]
    assert len(set(result.cuts["conv1"].tolist())) == 8
    wanted, found = (Runner(m).run(held_out[0])[0] for m in (model, result.model))
    # ten of the sixteen channels are combinations of the six inputs
    assert np.abs(wanted - found).max() < 0.05 * np.abs(wanted).max()


def test_a_plan_says_what_goes() -> None:
    rng = RNG(8)
    model = network(rng.normal(size=(32, 3, 1, 1)), rng.normal(size=(4, 32, 3, 3)), 3)
    assert from_plan(model, Plan(), None, (), Context()) is None
    plan = Plan(methods={"prune_channels": {"channels": 25.0, "multiple": 8}})
    result = from_plan(model, plan, None, (), Context())
    assert result is not None
    assert len(result.cuts["conv1"]) == 8
