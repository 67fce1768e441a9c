"""Tab 'Best plans': goals go to the engine, plans come back as points, a click makes one the plan."""

from __future__ import annotations

from itertools import combinations, pairwise

import msgspec
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import (
    BestPlan,
    BestPlans,
    LayerPlan,
    Measurement,
    Outcome,
    Plan,
    PlanMeasured,
    SensitivityPoint,
    text,
)
from gui.app import Window
from gui.widgets.axis import log_ticks


def plan_of(bits: int) -> Plan:
    return Plan().with_layer("stem", weight_bits=bits, activation_bits=8 if bits <= 8 else 32)


def best(bits: int, size: int, loss: float) -> BestPlan:
    return BestPlan(
        plan=plan_of(bits),
        loss=loss,
        loss_low=loss - 0.2,
        loss_high=loss + 0.4,
        size_bytes=size,
        zipped_bytes=size,
    )


@pytest.fixture
def opened(window: Window, qtbot: QtBot) -> Window:
    session, engine = window.session, window.engine
    session.open_model("/models/tiny.onnx")
    engine.event.emit(m.Done(id=engine.last(m.OpenModel).id, value=make_model()))
    session.open_data(make_data().spec)
    engine.event.emit(m.Done(id=engine.last(m.OpenData).id, value=make_data()))
    window.main.tabs.setCurrentWidget(window.main.best)
    return window


def answer(window: Window, found: BestPlans) -> None:
    window.engine.event.emit(m.Done(id=window.session.job.id, value=found))


def test_a_goal_is_asked_for_as_it_was_said(opened: Window, qtbot: QtBot) -> None:
    view = opened.main.best
    view.loss.setValue(1.5)
    view.use_speed.setChecked(True)
    view.speed.setValue(2.5)
    assert not view.zeros.isVisible()  # zeros make only a download smaller
    view.target.setCurrentIndex(1)
    assert view.zeros.isVisible()
    view.zeros.setCurrentIndex(view.zeros.findData("2:4"))
    view.channels.setChecked(False)
    qtbot.mouseClick(view.find_button, Qt.MouseButton.LeftButton)
    asked = opened.engine.last(m.FindPlan)
    assert (asked.goal.max_loss, asked.goal.speedup, asked.goal.max_size_bytes) == (1.5, 2.5, None)
    assert (asked.goal.pattern, asked.goal.channels) == ("2:4", False)
    assert asked.goal.profile == "download" and asked.data == make_data().spec
    assert not view.find_button.isEnabled()  # one job at a time
    answer(opened, BestPlans())
    assert view.find_button.isEnabled()
    for box in (view.use_loss, view.use_speed):
        box.setChecked(False)
    assert not view.find_button.isEnabled()  # no goal, nothing to look for


def test_after_a_search_the_next_step_is_to_choose(opened: Window, qtbot: QtBot) -> None:
    """Every layer was measured for it: "Analyze" is behind, and what is next is said."""
    steps = opened.main.steps

    def states() -> str:
        return "".join(button.state[0] for button in steps._buttons)

    assert states() == "ddclll"
    qtbot.mouseClick(opened.main.best.find_button, Qt.MouseButton.LeftButton)
    answer(opened, BestPlans(chosen=best(4, 1800, 1.2)))
    assert states() == "dddcll"
    assert steps._words.full_text == "Next: choose sparsity and bits, then run"
    # the plan in force has been measured: it is there to be run
    outcome = Outcome(measurements=(), size_bytes=1800)
    opened.session.whatif.take(PlanMeasured(plan=opened.session.plan, outcome=outcome, loss=0.5))
    assert steps._words.full_text == "Next: run the plan, or change it"
    opened.session.set_layers(["stem"], "Bits", weight_bits=3)
    assert steps._words.full_text == "Next: choose sparsity and bits, then run"


def test_a_search_that_was_stopped_leaves_the_analysis_to_be_done(opened: Window, qtbot: QtBot) -> None:
    qtbot.mouseClick(opened.main.best.find_button, Qt.MouseButton.LeftButton)
    job = opened.session.job
    opened.engine.event.emit(m.Failed(id=job.id, code="Cancelled", what=text("Stopped.")))
    assert opened.main.steps._buttons[2].state == "current"


def test_a_search_that_failed_after_measuring_all_layers_leaves_nothing_to_analyze(
    opened: Window, qtbot: QtBot
) -> None:
    qtbot.mouseClick(opened.main.best.find_button, Qt.MouseButton.LeftButton)
    job = opened.session.job
    measured = Measurement(metric="top1", value=80.0, low=78.0, high=82.0, count=100, unit="%")
    guess = msgspec.structs.replace(measured, estimate=True, low=None, high=None, count=0)
    layers = [layer.id for layer in opened.session.model.layers]
    failed = m.Failed(id=job.id, code="PlanError", what=text("No plan reaches this."))
    for layer in layers:
        figure = measured if layer != layers[-1] else guess
        point = SensitivityPoint(layer_id=layer, weight_bits=4, measurement=figure, loss=1.0)
        opened.engine.event.emit(m.Partial(id=job.id, value=point))
    opened.engine.event.emit(failed)
    assert opened.main.steps._buttons[2].state == "current", "one is an estimate still"
    qtbot.mouseClick(opened.main.best.find_button, Qt.MouseButton.LeftButton)
    job = opened.session.job
    point = SensitivityPoint(layer_id=layers[-1], weight_bits=4, measurement=measured, loss=1.0)
    opened.engine.event.emit(m.Partial(id=job.id, value=point))
    opened.engine.event.emit(msgspec.structs.replace(failed, id=job.id))
    assert opened.main.steps._buttons[2].state == "done"


def test_a_click_on_a_point_takes_its_plan_and_can_be_undone(opened: Window, qtbot: QtBot) -> None:
    view, session = opened.main.best, opened.session
    qtbot.mouseClick(view.draw_button, Qt.MouseButton.LeftButton)
    assert opened.engine.last(m.BestCurve).goal.profile == "cpu"
    points = (best(32, 4000, 0.0), best(8, 2500, 0.1), best(4, 1800, 1.2))
    answer(opened, BestPlans(points=points, uniform=(best(4, 1900, 3.0),)))
    before = session.plan
    at = view.chart.place(points[1]).toPoint()
    qtbot.mouseMove(view.chart, at)
    assert "likely" in view.caption.full_text
    qtbot.mouseClick(view.chart, Qt.MouseButton.LeftButton, pos=at)
    assert session.plan == points[1].plan
    session.undo_stack.undo()
    assert session.plan == before
    qtbot.mouseClick(view.chart, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    assert session.plan == before  # beside all points


def test_points_are_reached_by_keyboard(opened: Window, qtbot: QtBot) -> None:
    view = opened.main.best
    qtbot.mouseClick(view.draw_button, Qt.MouseButton.LeftButton)
    points = (best(32, 4000, 0.0), best(8, 2500, 0.1))
    answer(opened, BestPlans(points=points))
    view.chart.setFocus()
    qtbot.keyClick(view.chart, Qt.Key.Key_Home)
    qtbot.keyClick(view.chart, Qt.Key.Key_Return)
    assert opened.session.plan == points[1].plan  # the smallest
    qtbot.keyClick(view.chart, Qt.Key.Key_Right)
    qtbot.keyClick(view.chart, Qt.Key.Key_Space)
    assert opened.session.plan == points[0].plan


def test_a_search_shows_what_it_tried_and_says_when_the_goal_is_not_reached(
    opened: Window, qtbot: QtBot
) -> None:
    view = opened.main.best
    qtbot.mouseClick(view.find_button, Qt.MouseButton.LeftButton)
    accuracy = Measurement(metric="top1", value=88.0, count=2000, unit="%")
    outcome = Outcome(measurements=(accuracy,), size_bytes=2000, zipped_bytes=1500)
    tried = BestPlan(
        plan=Plan(defaults=LayerPlan(weight_bits=8)), loss=0.5, loss_low=0.0, loss_high=1.0, size_bytes=2100,
        zipped_bytes=1600, measured=PlanMeasured(plan=plan_of(8), outcome=outcome, loss=2.25),
    )  # fmt: skip
    opened.engine.event.emit(m.Partial(id=opened.session.job.id, value=tried))
    assert view.chart.nearest(view.chart.place(tried)) == tried
    answer(opened, BestPlans(chosen=tried, reached=False))
    assert "not reached" in view.caption.full_text and "2.25" in view.caption.full_text
    assert "2,000" in view.caption.full_text


def test_a_plan_that_reaches_the_goal_is_taken_and_can_be_undone(opened: Window, qtbot: QtBot) -> None:
    session, view = opened.session, opened.main.best
    before = session.plan
    qtbot.mouseClick(view.find_button, Qt.MouseButton.LeftButton)
    accuracy = Measurement(metric="top1", value=88.0, count=2000, unit="%")
    outcome = Outcome(measurements=(accuracy,), size_bytes=2000, zipped_bytes=1500)
    measured = PlanMeasured(plan=plan_of(4), outcome=outcome, loss=0.5)
    found = msgspec.structs.replace(best(4, 2000, 0.5), measured=measured)
    answer(opened, BestPlans(chosen=found))
    assert session.plan == plan_of(4) != before
    assert session.plan_measured == measured  # nothing is measured twice
    session.undo_stack.undo()
    assert session.plan == before


def test_halving_the_size_is_as_far_everywhere(opened: Window) -> None:
    chart = opened.main.best.chart
    plans = [best(8, size, 0.1) for size in (8000, 4000, 2000, 1000)]
    chart.show_plans(plans, (), (), zipped=False)
    places = [chart.place(plan).x() for plan in plans]
    steps = [left - right for left, right in pairwise(places)]
    assert steps[0] > 20 and steps == pytest.approx([steps[0]] * 3)
    assert log_ticks(900, 9000, 4) == [1000, 2000, 5000]
    assert log_ticks(10_000, 500_000, 6) == [10_000, 20_000, 50_000, 100_000, 200_000, 500_000]


def test_a_layer_that_is_touched_is_measured_next(opened: Window, qtbot: QtBot) -> None:
    session, engine = opened.session, opened.engine
    session.analyze()
    job = session.job.id
    session.set_layers(["stem"], "", sparsity=0.5)
    assert engine.preferred[-1] == (job, ("stem",))
    layer = session.model.layers[-1].id
    session.select(layer)
    assert engine.preferred[-1] == (job, (layer,))
    told = len(engine.preferred)
    engine.event.emit(m.Failed(id=job, code="Cancelled", what=text("Stopped.")))
    session.select("stem")
    assert len(engine.preferred) == told  # nothing is under way


def test_in_a_low_window_nothing_lies_over_anything_else(opened: Window, qtbot: QtBot) -> None:
    view, main = opened.main.best, opened.main
    main.resize(main.minimumSize())
    main.show()
    qtbot.waitExposed(main)
    controls = (
        view.use_loss, view.loss, view.use_size, view.size, view.use_speed, view.speed, view.target,
        view.channels, view.draw_button, view.find_button, view._pages, view.caption,
    )  # fmt: skip
    qtbot.waitUntil(lambda: view.find_button.height() > 20)
    places = [QRect(control.mapTo(view, QPoint()), control.size()) for control in controls]
    for place, other in combinations(places, 2):
        assert not place.intersects(other)


def test_few_samples_lead_to_a_run_and_not_to_a_search_that_must_fail(opened: Window) -> None:
    """64 judging samples: half find a plan and half check it; with fewer the engine refuses."""
    session, step = opened.session, opened.main.steps._following
    session._take(make_data(judge_count=64))
    assert step.kind == "goal"
    session._take(make_data(judge_count=63))
    assert step.kind == "run" and step.label == "Make the smaller model"
