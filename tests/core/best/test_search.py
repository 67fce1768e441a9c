"""Goals on a small real network: what is found keeps to them on samples that nobody saw before."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest

from core import messages as m
from core.best.job import frontier_of
from core.best.solve import choose, total
from core.context import Context
from core.errors import DataError, PlanError
from core.jobs import perform
from core.sweep.meter import PlanMeter
from core.values import BestPlan, BestPlans, DataSpec, Goal, LayerPlan, Plan, Value
from core.workspace import Workspace

COUNT = 900


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataSpec, Workspace]:
    folder = tmp_path_factory.mktemp("best")
    path = networks.written(networks.cnn(channels=16), folder)
    x = networks.pictures(COUNT)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"x": x})[0]
    noise = 0.3 * answers.std() * np.random.default_rng(0).standard_normal(answers.shape)
    np.savez(folder / "data.npz", x=x, y=(answers + noise).argmax(1))
    workspace = Workspace(cache_dir=folder / "cache", data_dir=folder / "user")
    return path, DataSpec(path=str(folder / "data.npz"), calibration_count=100), workspace


def found(place: tuple[Path, DataSpec, Workspace], goal: Goal, seen: list[Value] | None = None) -> BestPlans:
    path, data, workspace = place
    context = Context(on_partial=seen.append if seen is not None else None)
    request = m.FindPlan(model=str(path), data=data, goal=goal, samples=300, unseen=400)
    result = perform(request, workspace, context)
    assert isinstance(result, BestPlans)
    return result


def test_a_loss_that_is_allowed_is_kept_to_and_made_use_of(place: tuple[Path, DataSpec, Workspace]) -> None:
    seen: list[Value] = []
    result = found(place, Goal(max_loss=5.0, profile="download"), seen)
    assert result.reached and result.chosen is not None and result.chosen.measured is not None
    assert result.chosen.measured.loss <= 5.0
    assert result.chosen.measured.outcome.primary is not None
    assert result.chosen.measured.outcome.primary.count == 400  # none of which made the curves
    tried = [value for value in seen if isinstance(value, BestPlan)]
    assert 1 <= len(tried) <= 5 and all(plan.measured is not None for plan in tried)
    stricter = found(place, Goal(max_loss=0.5, profile="download"))
    assert stricter.chosen is not None
    assert stricter.chosen.zipped_bytes >= result.chosen.zipped_bytes


def test_a_size_is_kept_to_by_the_file(place: tuple[Path, DataSpec, Workspace]) -> None:
    original = place[0].stat().st_size
    result = found(place, Goal(max_size_bytes=int(0.8 * original)))
    assert result.reached and result.chosen is not None and result.chosen.measured is not None
    assert result.chosen.measured.outcome.size_bytes <= 0.8 * original


def test_the_curve_falls_and_is_no_worse_than_the_same_everywhere(
    place: tuple[Path, DataSpec, Workspace],
) -> None:
    path, data, workspace = place
    request = m.BestCurve(model=str(path), data=data, goal=Goal(profile="download"), samples=300)
    result = perform(request, workspace, Context())
    assert isinstance(result, BestPlans) and len(result.points) > 3
    sizes = [plan.zipped_bytes for plan in result.points]
    damages = [plan.damage for plan in result.points]
    assert sizes == sorted(sizes, reverse=True) and damages == sorted(damages)
    opened = workspace.opened(str(path), Context())
    judge = workspace.judge(str(path), data, Context())
    store = workspace.project(None, opened.info.sha256)
    frontiers, _ = frontier_of(opened, judge, request.goal, request.plan, 300, store, Context())
    frontier = frontiers.whole
    assert len(result.uniform) > 10
    for even in result.uniform:
        # at the size of the even plan the chosen one does at most its damage
        chosen = choose(frontier.options, "damage", {"zipped": even.zipped_bytes - frontier.rest() + 1})
        assert chosen is not None
        assert total(chosen, "damage") <= even.damage * 1.001 + 1e-12


def test_locks_hold(place: tuple[Path, DataSpec, Workspace]) -> None:
    goal = Goal(max_loss=20.0, profile="download", locks={"conv2": LayerPlan(keep=True)})
    result = found(place, goal)
    assert result.chosen is not None
    assert not result.chosen.plan.changes("conv2") and result.chosen.plan.changes("conv1")


def test_goals_that_say_nothing_or_cannot_be_reached(place: tuple[Path, DataSpec, Workspace]) -> None:
    with pytest.raises(PlanError, match="empty"):
        found(place, Goal())
    with pytest.raises(PlanError, match="No plan"):
        found(place, Goal(max_size_bytes=100))
    path, data, workspace = place
    few = m.FindPlan(model=str(path), data=data, goal=Goal(max_loss=1.0), samples=300, unseen=10)
    with pytest.raises(DataError, match="too few"):
        perform(few, workspace, Context())


def test_channels_go_where_bits_are_not_enough(place: tuple[Path, DataSpec, Workspace]) -> None:
    path, data, workspace = place
    opened = workspace.opened(str(path), Context())
    judge = workspace.judge(str(path), data, Context())
    store = workspace.project(None, opened.info.sha256)
    frontiers, _ = frontier_of(
        opened, judge, Goal(max_loss=1.0), Plan(), 300, store, Context(), workspace.run_dir()
    )
    bits_alone = frontiers.whole.rest() + frontiers.whole.least
    assert len(frontiers.members) > 1
    assert frontiers.least < bits_alone
    size = int(0.3 * frontiers.least + 0.7 * bits_alone)
    result = found(place, Goal(max_size_bytes=size))
    assert result.reached and result.chosen is not None and result.chosen.measured is not None
    assert result.chosen.plan.work_removed > 0
    assert result.chosen.measured.outcome.size_bytes <= size
    with pytest.raises(PlanError, match="No plan"):
        found(place, Goal(max_size_bytes=size, channels=False))


def test_a_plan_with_fewer_channels_is_measured_as_it_is(place: tuple[Path, DataSpec, Workspace]) -> None:
    import onnx
    import onnxruntime

    path, data, workspace = place
    judge = workspace.judge(str(path), data, Context())
    meter = PlanMeter(workspace.opened(str(path), Context()), judge, 300, workspace.run_dir())
    plan = Plan(methods={"prune_channels": {"macs": 40.0}}).with_defaults(weight_bits=8, activation_bits=8)
    measured = meter.measure(plan, Context())
    assert measured.plan == plan
    numbers = sum(int(np.prod(tensor.dims)) for tensor in onnx.load(meter.path).graph.initializer)
    before = sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)
    assert numbers < 0.85 * before
    session = onnxruntime.InferenceSession(str(meter.path), providers=["CPUExecutionProvider"])
    right = []
    for batch, _ in judge.pairs(300):
        right.append(session.run(None, batch.feeds)[0].argmax(1) == batch.labels)
    primary = measured.outcome.primary
    assert primary is not None and primary.count == 300
    assert primary.value == pytest.approx(100 * np.concatenate(right).mean(), abs=1e-9)


def test_zeros_stand_in_the_pattern_that_was_asked_for(place: tuple[Path, DataSpec, Workspace]) -> None:
    import onnx
    from onnx import numpy_helper

    # two bits pack better than any zeros
    locks = {name: LayerPlan(weight_bits=4) for name in ("conv1", "conv2", "fc")}
    goal = Goal(max_loss=20.0, profile="download", pattern="2:4", channels=False, locks=locks)
    result = found(place, goal)
    assert result.chosen is not None
    plans = [result.chosen.plan.layer(name) for name in ("conv1", "conv2", "fc")]
    assert any(plan.pattern == "2:4" for plan in plans) and not any(plan.sparsity for plan in plans)
    path, data, workspace = place
    judge = workspace.judge(str(path), data, Context())
    meter = PlanMeter(workspace.opened(str(path), Context()), judge, 300, workspace.run_dir())
    meter.measure(result.chosen.plan, Context())
    weights = [numpy_helper.to_array(tensor) for tensor in onnx.load(meter.path).graph.initializer]
    assert plans[1].pattern == "2:4"
    (second,) = [each for each in weights if each.shape == (16, 16, 3, 3)]
    # of every four neighbours along the inputs of an output at most two are kept
    rows = second.transpose(0, 2, 3, 1).reshape(-1, 4)
    assert np.count_nonzero(rows, axis=1).max() == 2
