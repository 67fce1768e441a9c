"""The fewest layers to give back: checked against every set of layers, measured one by one."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import networks
import numpy as np
import onnxruntime
import pytest

from core import messages as m
from core.best.rescue import changed, keeps, less_damage, one_notch, rescue
from core.cli import main
from core.context import Context
from core.data import open_data
from core.errors import DataError
from core.evaluate.judge import Judge
from core.formats import open_model
from core.jobs import perform
from core.sweep.meter import PlanMeter
from core.sweep.samples import draw
from core.values import DataSpec, GiveBack, LayerPlan, Plan, Rescue, Value
from core.workspace import Workspace

PLAN = Plan(defaults=LayerPlan(sparsity=0.6, weight_bits=2, activation_bits=8))
LAYERS = (("conv1",), ("conv2",), ("fc",))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx and data.npz, labelled by the network itself: what it loses are answers that change."""
    folder = tmp_path_factory.mktemp("rescue")
    path = networks.written(networks.cnn(channels=16), folder)
    x = networks.pictures(900)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    np.savez(folder / "data.npz", x=x, y=session.run(None, {"x": x})[0].argmax(1))
    return folder


@pytest.fixture(scope="module")
def meter(place: Path) -> PlanMeter:
    opened = open_model(place / "model.onnx", Context())
    spec = DataSpec(path=str(place / "data.npz"), calibration_count=100)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    return PlanMeter(opened, Judge(place / "model.onnx", data, Context()), 400, place / "work")


def losses(meter: PlanMeter, start: int) -> dict[frozenset[tuple[str, ...]], float]:
    """Points lost with each set of layers given back, on 400 samples from `start` on."""
    samples = draw(meter.judge, 400, start=start)
    found = {}
    for size in range(4):
        for chosen in itertools.combinations(LAYERS, size):
            plan = changed(PLAN, chosen)
            found[frozenset(chosen)] = meter.run(plan, samples, Context(), quiet=True).figures().loss
    return found


def test_no_smaller_set_reaches_the_goal(meter: PlanMeter) -> None:
    seen, unseen = draw(meter.judge, 400), draw(meter.judge, 400, start=400)
    own, judged = losses(meter, 0), losses(meter, 400)
    assert judged[frozenset(LAYERS)] == 0.0 < judged[frozenset()]
    for goal in sorted({0.0, judged[frozenset()] / 4, judged[frozenset()] / 2}):
        found = rescue(meter, seen, unseen, PLAN, goal, {}, None, Context())
        assert found.reached and found.before.loss == pytest.approx(judged[frozenset()])
        assert found.after.loss <= goal + 1e-6
        fewest = min(
            len(chosen) for chosen in judged if judged[chosen] <= goal + 1e-6 and own[chosen] <= goal + 1e-6
        )
        assert len(found.layers) <= fewest
        assert set(found.milder) <= set(found.layers)
        again = meter.run(found.after.plan, unseen, Context(), quiet=True).figures()
        assert again.loss == pytest.approx(found.after.loss)
        for ids in found.layers:
            given = found.after.plan.layer(ids[0])
            assert given.weight_bits == (8 if ids in found.milder else 32) and given.zeros == 0
        untouched = [ids for ids in LAYERS if ids not in found.layers]
        assert all(found.after.plan.layer(ids[0]) == PLAN.layer(ids[0]) for ids in untouched)


def test_a_plan_that_keeps_to_the_goal_stays(meter: PlanMeter) -> None:
    seen, unseen = draw(meter.judge, 400), draw(meter.judge, 400, start=400)
    found = rescue(meter, seen, unseen, PLAN, 100.0, {}, None, Context())
    assert found.reached and found.layers == () and found.after == found.before


def test_a_notch_is_eight_bits_or_half_the_zeros() -> None:
    eight = one_notch(PLAN, "fc")
    assert eight is not None
    own = eight.layer("fc")
    assert (own.weight_bits, own.activation_bits, own.zeros) == (8, 8, 0.0)
    zeros = one_notch(Plan(defaults=LayerPlan(sparsity=0.6)), "fc")
    assert zeros is not None and zeros.layer("fc").zeros == pytest.approx(0.3)
    assert one_notch(Plan(defaults=LayerPlan(weight_bits=8)), "fc") is None
    pattern = one_notch(Plan(defaults=LayerPlan(pattern="2:4", weight_bits=8)), "fc")
    assert pattern is not None
    assert (pattern.layer("fc").pattern, pattern.layer("fc").zeros) == ("unstructured", 0.25)


def test_the_job_verifies_on_samples_that_it_did_not_search_on(place: Path, tmp_path: Path) -> None:
    workspace = Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "user")
    published: list[Value] = []
    request = m.RescuePlan(
        model=str(place / "model.onnx"),
        data=DataSpec(path=str(place / "data.npz"), calibration_count=100),
        plan=PLAN,
        max_loss=1.0,
        samples=300,
        unseen=350,
    )
    found = perform(request, workspace, Context(on_partial=published.append))
    assert isinstance(found, Rescue) and found.reached and found.after.loss <= 1.0
    primary = found.after.outcome.primary
    assert primary is not None and primary.count == 350
    backs = [value for value in published if isinstance(value, GiveBack)]
    assert {back.layers for back in backs} == set(LAYERS) and backs[0].count == 300
    few = m.RescuePlan(model=request.model, data=request.data, plan=PLAN, max_loss=1.0, unseen=10)
    with pytest.raises(DataError, match="too few"):
        perform(few, workspace, Context())


def test_the_command_writes_the_plan(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["blame", str(place / "model.onnx"), "--data", str(place / "data.npz"), "--quiet"]
    settings = ["--calibration-count", "100", "--sparsity", "0.6", "--weight-bits", "2"]
    out = tmp_path / "plan.json"
    goal = ["--activation-bits", "8", "--samples", "300", "--max-loss", "1", "--out", str(out)]
    assert main([*common, *settings, *goal]) == 0
    printed = capsys.readouterr().out
    assert "give back" in printed and "it has not seen" in printed
    written = json.loads(out.read_text())
    assert written["defaults"]["weight_bits"] == 2 and written["exceptions"]


def test_a_miss_asks_for_less_damage_in_proportion_and_never_for_points_below_none() -> None:
    assert less_damage(0.1, 1.0, 2.0) == pytest.approx(0.05)
    assert less_damage(0.1, 1.0, 1.01) == pytest.approx(0.09)
    assert less_damage(0.1, 0.0, 5.0) == pytest.approx(0.04)
    assert keeps((0.2, 0.1), (0.2, 0.1)) and keeps((-1.0, 0.0), (0.0, math.inf))
    assert not keeps((0.3, 0.1), (0.2, 0.1)) and not keeps((0.2, 0.2), (0.2, 0.1))
