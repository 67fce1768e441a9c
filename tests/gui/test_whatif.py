"""A plan is measured by itself after a pause, dropped when it changes, and teaches the prediction."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import (
    Analysis,
    DamageLink,
    KernelTime,
    Latency,
    LatencyTable,
    Measurement,
    Outcome,
    PlanMeasured,
    SensitivityPoint,
    Text,
    TimedNode,
)
from gui.app import Window
from gui.whatif import PAUSE_MS

ACCURACY = Measurement(metric="top1", value=90.0, low=88.0, high=92.0, count=1000, unit="%")
LINK = DamageLink(damages=(0.0, 0.01, 1.0), losses=(0.0, 1.0, 20.0), spreads=(0.05, 0.1, 1.0))


def point(layer: str) -> SensitivityPoint:
    return SensitivityPoint(
        layer_id=layer,
        sparsity=0.5,
        measurement=ACCURACY,
        loss=0.5,
        damage=0.005,
        damage_low=0.004,
        damage_high=0.006,
    )


@pytest.fixture
def analysed(window: Window) -> Window:
    session, engine = window.session, window.engine
    session.open_model("/models/tiny.onnx")
    engine.event.emit(m.Done(id=engine.last(m.OpenModel).id, value=make_model()))
    session.open_data(make_data().spec)
    engine.event.emit(m.Done(id=engine.last(m.OpenData).id, value=make_data()))
    session.analyze()
    asked = engine.last(m.Analyze).id
    for value in (LINK, *(point(layer.id) for layer in session.model.layers)):
        engine.event.emit(m.Partial(id=asked, value=value))
    session.set_defaults("Bits", weight_bits=32, activation_bits=32)
    baseline = Outcome(measurements=(ACCURACY,), size_bytes=4000, zipped_bytes=3000)
    engine.event.emit(m.Done(id=asked, value=Analysis(baseline=baseline)))
    return window


def plans_asked(window: Window) -> list[m.MeasurePlan]:
    return [request for request in window.engine.sent if isinstance(request, m.MeasurePlan)]


def wait_until_asked(window: Window, qtbot: QtBot) -> None:
    plan = window.session.plan
    qtbot.waitUntil(lambda: any(one.plan == plan for one in plans_asked(window)), timeout=20 * PAUSE_MS)


def test_an_edit_is_predicted_with_a_band_at_once_and_measured_after_a_pause(
    analysed: Window, qtbot: QtBot
) -> None:
    session = analysed.session
    session.set_layers(["stem"], "Sparsity", sparsity=0.5)
    predicted = session.estimate().primary
    assert predicted.estimate and predicted.low < predicted.value < predicted.high
    assert predicted.value == pytest.approx(89.5)  # half of the first knot's damage, half of its point
    wait_until_asked(analysed, qtbot)

    request = plans_asked(analysed)[-1]
    after = Outcome(measurements=(ACCURACY,), size_bytes=3333, zipped_bytes=2000)
    measured = PlanMeasured(plan=session.plan, outcome=after, loss=0.4, damage=0.02)
    analysed.engine.event.emit(m.Done(id=request.id, value=measured))
    assert session.plan_is_measured
    assert analysed.main.outcome.size_block.shown.after.startswith("3.3")
    assert not analysed.main.outcome.size_block.shown.estimate
    # four times the damage that was summed: the next prediction near it is pulled up
    assert session.plans[0].summed == pytest.approx(0.005)
    session.set_layers(["middle"], "Sparsity", sparsity=0.5)
    assert not session.plan_is_measured
    assert session.estimate().primary.value < 89.0


def test_a_measurement_of_an_old_plan_is_dropped(analysed: Window, qtbot: QtBot) -> None:
    session = analysed.session
    session.set_layers(["stem"], "Sparsity", sparsity=0.5)
    wait_until_asked(analysed, qtbot)
    asked = plans_asked(analysed)[-1]
    session.set_layers(["stem"], "Sparsity", sparsity=0.25)
    assert analysed.engine.cancelled[-1] == asked.id
    analysed.engine.event.emit(m.Failed(id=asked.id, code="Cancelled", what=Text("Stopped.")))
    wait_until_asked(analysed, qtbot)
    assert session.plan_measured is None


def test_nothing_is_measured_while_a_job_runs(analysed: Window, qtbot: QtBot) -> None:
    session = analysed.session
    session.run()
    before = len(plans_asked(analysed))
    session.set_layers(["stem"], "Sparsity", sparsity=0.5)
    qtbot.wait(2 * PAUSE_MS)
    assert len(plans_asked(analysed)) == before


def test_times_that_come_with_a_measurement_sharpen_the_prediction(analysed: Window, qtbot: QtBot) -> None:
    session = analysed.session
    latency = Latency(median_ms=8.0, low_ms=7.0, high_ms=9.0, runs=50, threads=2)
    session._take(Outcome(measurements=(ACCURACY,), size_bytes=4000, zipped_bytes=3000, latency=latency))
    session.set_layers(["stem"], "Bits", weight_bits=8, activation_bits=8)
    wait_until_asked(analysed, qtbot)
    node = TimedNode(
        name="stem",
        op="Conv",
        kind="layer",
        inputs=("x",),
        output="y",
        conv=True,
        integer=True,
        times=(("float", KernelTime(ms=8.0)), ("int8", KernelTime(ms=2.0, form="integer"))),
    )
    table = LatencyTable(nodes=(node,), outputs=("y",), threads=2)
    analysed.engine.event.emit(m.Partial(id=plans_asked(analysed)[-1].id, value=table))
    # all of the time is in this layer, which is four times as fast in integers
    assert session.estimate().latency.median_ms == pytest.approx(2.0)
    shown = analysed.main.outcome.time_block.shown
    assert shown.estimate and shown.after.startswith("2")
    assert shown.below == "estimate from operations timed on this computer"
    # 16 bits were not timed: the usual factor says so
    session.set_layers(["stem"], "Bits", weight_bits=8, activation_bits=16)
    assert session.estimate().latency.median_ms == pytest.approx(8.0 * 1.8)
    assert analysed.main.outcome.time_block.shown.below == "estimate from the layers' times"
