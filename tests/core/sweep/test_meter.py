"""A whole plan measured before any run: the figures are those of the file that is there."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnxruntime
import pytest

from core.context import Context
from core.data import open_data
from core.errors import PlanError
from core.evaluate.judge import Judge
from core.formats import open_model
from core.sweep.meter import PlanMeter
from core.values import DataSpec, LayerPlan, Plan


@pytest.fixture
def meter(tmp_path: Path) -> PlanMeter:
    path = networks.written(networks.cnn(), tmp_path)
    x = networks.pictures(400)
    np.savez(tmp_path / "data.npz", x=x, y=np.random.default_rng(0).integers(0, 4, 400))
    opened = open_model(path, Context())
    data = open_data(
        DataSpec(path=str(tmp_path / "data.npz"), calibration_count=100),
        opened.info.inputs,
        opened.info.outputs,
        Context(),
    )
    return PlanMeter(opened, Judge(path, data, Context()), 512, tmp_path / "work")


def test_the_figures_are_those_of_the_file(meter: PlanMeter) -> None:
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=4, activation_bits=8))
    found = meter.measure(plan, Context(), latency=False)
    path = meter.path
    assert found.plan == plan and found.outcome.size_bytes == path.stat().st_size
    assert not found.outcome.estimate and found.outcome.latency is None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    right, total = 0, 0
    for batch in meter.judge.data.batches("judge", 50):
        (name,) = batch.feeds
        answers = session.run(None, {session.get_inputs()[0].name: batch.feeds[name]})[0]
        assert batch.labels is not None
        right += int((answers.argmax(1) == batch.labels).sum())
        total += len(batch.labels)
    primary = found.outcome.primary
    assert primary is not None and primary.count == total == meter.judge.count
    assert primary.value == pytest.approx(100 * right / total)
    assert found.damage > 0


def test_a_second_plan_makes_only_what_changed(meter: PlanMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    import core.sweep.meter as module

    made = []
    original = module.make
    monkeypatch.setattr(module, "make", lambda *a: (made.append(a[1].layer.id), original(*a))[1])
    plan = Plan(defaults=LayerPlan(sparsity=0.5))
    first = meter.measure(plan, Context(), latency=False)
    assert sorted(made) == ["conv1", "conv2", "fc"]
    made.clear()
    meter.measure(plan.with_layer("fc", sparsity=0.75), Context(), latency=False)
    assert made == ["fc"]
    made.clear()
    again = meter.measure(plan, Context(), latency=False)
    assert made == [] and again == first


def test_a_plan_that_cannot_be_followed_says_so(meter: PlanMeter) -> None:
    with pytest.raises(PlanError, match="nobody"):
        meter.measure(Plan().with_layer("nobody", sparsity=0.5), Context())
    found = meter.measure(Plan(), Context())
    assert found.loss == 0.0 and found.outcome.latency is not None and found.outcome.latency.runs >= 10
    assert found.original is not None and found.original.runs == found.outcome.latency.runs, "in turns"
