"""A plan's damage by layers: each give-back is held against networks that are run by plain onnxruntime."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnxruntime
import pytest
from onnx import helper

from core import messages as m
from core.context import Context
from core.data import open_data
from core.errors import Cancelled
from core.evaluate.judge import Judge
from core.evaluate.metrics import METRICS
from core.formats import open_model
from core.jobs import perform
from core.project import Project
from core.sweep.blame import blame, given_back, in_order, units
from core.sweep.meter import PlanMeter
from core.values import Blame, DataSpec, GiveBack, LayerPlan, Plan, PlanMeasured, Value, digest
from core.workspace import Workspace

PLAN = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=3, activation_bits=8))


def meter_of(folder: Path, labelled: bool = True) -> PlanMeter:
    path = networks.written(networks.cnn(), folder)
    arrays = {"x": networks.pictures(400)}
    if labelled:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        arrays["y"] = session.run(None, arrays)[0].argmax(1)
    np.savez(folder / "data.npz", **arrays)
    opened = open_model(path, Context())
    spec = DataSpec(path=str(folder / "data.npz"), calibration_count=100)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    return PlanMeter(opened, Judge(path, data, Context()), 300, folder / "work")


def answers(meter: PlanMeter, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """What the file of `plan` answers to all judging samples, and their labels."""
    meter.measure(plan, Context(), latency=False)
    session = onnxruntime.InferenceSession(str(meter.path), providers=["CPUExecutionProvider"])
    found, labels = [], []
    for batch in meter.judge.data.batches("judge", 50):
        found.append(session.run(None, {"x": batch.feeds["x"]})[0])
        labels.append(batch.labels)
    return np.concatenate(found), np.concatenate(labels)


def divergence(original: np.ndarray, new: np.ndarray) -> float:
    """Mean KL divergence in nats of softmaxes."""
    p, q = (np.exp(a - a.max(1, keepdims=True)) for a in (original, new))
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    return float((p * np.log(p / q)).sum(1).mean())


def test_what_comes_back_is_the_difference_of_two_files(tmp_path: Path) -> None:
    meter = meter_of(tmp_path)
    published: list[Value] = []
    context = Context(on_partial=published.append)
    found = blame(meter, meter.drawn(300), PLAN, {}, None, context)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    batches = [batch.feeds for batch in meter.judge.data.batches("judge", 50)]
    original = np.concatenate([session.run(None, feeds)[0] for feeds in batches])
    whole, labels = answers(meter, PLAN)
    right = float((whole.argmax(1) == labels).mean())
    assert found.plan.plan == PLAN and found.plan.damage == pytest.approx(
        divergence(original, whole), rel=1e-3
    )
    assert {back.layers for back in found.layers} == {("conv1",), ("conv2",), ("fc",)}
    for back in found.layers:
        without, _ = answers(meter, given_back(PLAN, back.layers))
        points = 100 * (float((without.argmax(1) == labels).mean()) - right)
        assert back.points == pytest.approx(points) and back.count == len(labels) == 300
        assert back.low is not None and back.high is not None and back.low <= back.points <= back.high
        assert back.damage == pytest.approx(
            divergence(original, whole) - divergence(original, without), rel=2e-3, abs=1e-5
        )
        assert back.plan_key == digest(PLAN)
    damages = [back.damage for back in found.layers]
    assert damages == sorted(damages, reverse=True) and damages[0] > 0
    assert isinstance(published[0], PlanMeasured) and set(published[1:]) == set(found.layers)


def test_without_labels_agreement_comes_back(tmp_path: Path) -> None:
    meter = meter_of(tmp_path, labelled=False)
    found = blame(meter, meter.drawn(300), PLAN, {}, None, Context())
    primary = found.plan.outcome.primary
    assert primary is not None and primary.metric == "agreement"
    for back in found.layers:
        rest = meter.measure(given_back(PLAN, back.layers), Context(), latency=False)
        assert back.points == pytest.approx(found.plan.loss - rest.loss)


@pytest.mark.parametrize("name", ["top1", "agreement", "kl", "sqnr_db", "rmse", "mae"])
def test_points_between_two_networks_are_the_difference_of_their_losses(name: str) -> None:
    rng = np.random.default_rng(0)
    metric = METRICS.get(name)
    better, worse = rng.random(500), rng.random(500) + 0.1
    original = rng.random(500)
    if name in ("top1", "agreement"):
        better, worse, original = better < 0.9, worse < 0.9, np.ones(500)
    if name == "sqnr_db":
        signal = rng.random(500) + 3
        better, worse = np.stack([signal, better], 1), np.stack([signal, worse], 1)
    subject = type("Subject", (), {"label_std": 2.0})()
    lost = [metric.loss(np.asarray(v, float), original, subject).points for v in (worse, better)]
    back = metric.between(np.asarray(worse, float), np.asarray(better, float), subject)
    assert back.points == pytest.approx(lost[0] - lost[1]) and lost[0] != lost[1]
    assert back.low is not None and back.high is not None and back.low < back.points < back.high
    same = metric.between(np.asarray(worse, float), np.asarray(worse, float), subject)
    assert same.points == 0 and same.low is not None and same.low <= 0 <= (same.high or 0)


def test_layers_with_one_weight_are_given_back_together(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("MatMul", ["a", "w"], ["b"], name="second"),
        helper.make_node("MatMul", ["b", "v"], ["y"], name="last"),
    ]
    arrays = {"w": weight, "v": weight[:, :4].copy()}
    path = networks.written(networks.model_of(nodes, {"x": ["N", 6]}, {"y": ["N", 4]}, arrays), tmp_path)
    opened = open_model(path, Context())
    plan = Plan(defaults=LayerPlan(weight_bits=4))
    assert units(opened, plan) == [("first", "second"), ("last",)]
    assert units(opened, plan.with_layer("last", keep=True)) == [("first", "second")]
    back = given_back(plan, ("first", "second"))
    assert not back.changes("first") and not back.changes("second") and back.changes("last")


def test_the_coarsest_goes_first_where_nothing_is_known(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    plan = Plan(defaults=LayerPlan(weight_bits=8)).with_layer("conv2", weight_bits=3)
    order = in_order(opened, plan, {}, units(opened, plan))
    assert order[0] == ("conv2",)  # 3 bits before 8; then the smaller layer
    assert order[1:] == [("fc",), ("conv1",)]


def test_where_channels_go_layers_get_their_bits_back(tmp_path: Path) -> None:
    meter = meter_of(tmp_path)
    plan = Plan(defaults=PLAN.defaults, methods={"prune_channels": {"macs": 40.0}})
    found = blame(meter, meter.drawn(300), plan, {}, None, Context())
    assert found.plan.plan == plan and {back.plan_key for back in found.layers} == {digest(plan)}
    smaller, left = meter.changed(plan, Context())
    assert smaller.opened is not meter.opened and not left.restructures
    for back in found.layers:
        rest = smaller.measure(given_back(left, back.layers), Context(), latency=False)
        assert back.points == pytest.approx(found.plan.loss - rest.loss)


def test_it_is_kept_in_the_project_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter_of(tmp_path)
    project = tmp_path / "p.secateur"
    Project(project).close()
    workspace = Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "user")
    request = m.BlamePlan(
        model=str(tmp_path / "model.onnx"),
        data=DataSpec(path=str(tmp_path / "data.npz"), calibration_count=100),
        plan=PLAN,
        samples=300,
        project=str(project),
    )
    first: list[GiveBack] = []

    def stop_at_two(value: Value) -> None:
        if isinstance(value, GiveBack):
            first.append(value)
            if len(first) == 2:
                context.cancel()

    context = Context(on_partial=stop_at_two)
    with pytest.raises(Cancelled):
        perform(request, workspace, context)
    runs: list[Plan] = []
    original = PlanMeter.run
    monkeypatch.setattr(PlanMeter, "run", lambda *a, **k: (runs.append(a[1]), original(*a, **k))[1])
    found = perform(request, workspace, Context())
    assert isinstance(found, Blame) and len(found.layers) == 3
    assert len(runs) == 2  # the plan itself, and the layer that was left
    assert set(first) <= set(found.layers)
    kept = workspace.project(str(project), found_sha(tmp_path)).findings  # type: ignore[union-attr]
    data = workspace.data(request.model, request.data, Context()).info
    values, _ = kept.load(found_sha(tmp_path), data.key)
    assert {value for value in values if isinstance(value, GiveBack)} == set(found.layers)


def found_sha(folder: Path) -> str:
    return open_model(folder / "model.onnx", Context()).info.sha256


def test_the_command_lists_the_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from core.cli import main

    meter = meter_of(tmp_path)
    common = [str(tmp_path / "model.onnx"), "--data", str(tmp_path / "data.npz"), "--quiet"]
    settings = ["--calibration-count", "100", "--sparsity", "0.5", "--weight-bits", "3"]
    command = ["blame", *common, *settings, "--activation-bits", "8", "--samples", "300"]
    assert main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    loss = meter.measure(PLAN, Context(), latency=False).loss
    assert printed[0].startswith(f"{loss:.2f} points lost [") and "on 300 samples" in printed[0]
    assert sorted(line.split()[0] for line in printed[2:]) == ["fc", "w1", "w2"]
