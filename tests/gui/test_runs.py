"""Runs one after another, shown again later, and told of when nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from person import click
from project_windows import Desk
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shell_values import make_result

from core import messages as m
from core.values import Measurement, Plan, Result, RunPoint, Text
from gui.views.run_bar import RunBar


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qapp, qtbot, tmp_path / "window.json")
    made.start()
    made.make_model(tmp_path / "tiny.onnx")
    made.open(tmp_path / "tiny.onnx")
    made.make_data(tmp_path / "pets")
    made.open(tmp_path / "pets")
    made.window.main.show_work()
    made.window.main.tabs.setCurrentWidget(made.window.main.run_view)
    yield made
    made.end()


def bar_of(desk: Desk) -> RunBar:
    return desk.window.main.run_view.findChild(RunBar)


def plan_with(sparsity: float) -> Plan:
    return Plan().with_defaults(weight_bits=8).with_layer("stem", sparsity=sparsity)


def finish(desk: Desk, size: int = 1000) -> Result:
    """The engine carries the run out that it was asked for last, and keeps it as the real one does."""
    request = desk.window.engine.last(m.Compress)
    figure = Measurement(metric="top1", value=90.0, low=89.0, high=91.0, count=1000, unit="%")
    point = RunPoint(step=1, total=1, layer_id="stem", measurement=figure, loss=0.5)
    result = make_result(request.plan)
    after = msgspec.structs.replace(result.after, size_bytes=size)
    result = msgspec.structs.replace(result, after=after, sha256=f"r{size}")
    project = desk.window.keeper.project
    run_id = project.runs.begin(request.plan, "a", "d")
    project.runs.keep(run_id, point)
    project.runs.finish(run_id, result)
    desk.window.engine.event.emit(m.Partial(id=request.id, value=point))
    desk.window.engine.event.emit(m.Done(id=request.id, value=result))
    QApplication.processEvents()
    return result


def asked(desk: Desk) -> list[Plan]:
    return [one.plan for one in desk.window.engine.sent if isinstance(one, m.Compress)]


def test_plans_are_carried_out_one_after_another(desk: Desk) -> None:
    queue, session = desk.window.queue, desk.window.session
    for sparsity in (0.1, 0.2, 0.3):
        queue.add(plan_with(sparsity), f"at {sparsity}")
    assert asked(desk) == [plan_with(0.1)], "the first at once, one at a time"
    queue.add(plan_with(0.3), "again")
    assert [one.label for one in queue.waiting] == ["at 0.2", "at 0.3"], "the same plan waits once"
    assert bar_of(desk).waiting.full_text == "2 waiting: at 0.2, at 0.3"
    first = finish(desk)
    assert asked(desk) == [plan_with(0.1), plan_with(0.2)]
    assert session.result == first and session.run_state == "running"
    finish(desk, 2000)
    last = finish(desk, 3000)
    assert asked(desk)[-1] == plan_with(0.3) and len(asked(desk)) == 3
    assert (session.result, session.run_state, queue.waiting) == (last, "done", ())
    assert [run.plan for run in desk.window.keeper.runs()] == asked(desk)


def test_stopping_stops_those_behind_it_and_a_failure_does_not(desk: Desk) -> None:
    queue, engine = desk.window.queue, desk.window.engine
    for sparsity in (0.1, 0.2, 0.3):
        queue.add(plan_with(sparsity), "x")
    engine.event.emit(m.Failed(id=engine.last(m.Compress).id, code="PlanError", what=Text("No.")))
    QApplication.processEvents()
    assert asked(desk)[-1] == plan_with(0.2)
    engine.event.emit(m.Failed(id=engine.last(m.Compress).id, code="Cancelled", what=Text("Stopped.")))
    QApplication.processEvents()
    assert asked(desk)[-1] == plan_with(0.2) and queue.waiting == ()


def test_a_changed_plan_can_wait_behind_the_run(desk: Desk) -> None:
    bar, session = bar_of(desk), desk.window.session
    session.run()
    assert not bar.queue_plan.isVisible(), "it is this plan that runs"
    session.set_layers(["head"], "Sparsity", sparsity=0.5)
    click(bar.queue_plan)
    assert [one.plan for one in desk.window.queue.waiting] == [session.plan]
    assert not bar.queue_plan.isVisible() and bar.clear_queue.isVisible()
    click(bar.clear_queue)
    assert desk.window.queue.waiting == () and session.job is not None


def test_chosen_snapshots_are_run_in_turn(desk: Desk) -> None:
    main, session = desk.window.main, desk.window.session
    plans = []
    main.tabs.setCurrentWidget(main.snapshots)
    for sparsity in (0.2, 0.4):
        session.set_layers(["stem"], "Sparsity", sparsity=sparsity)
        plans.append(session.plan)
        click(main.snapshots._take)
    main.snapshots.table.selectAll()
    click(main.snapshots._run)
    assert asked(desk) == plans[:1] and [one.plan for one in desk.window.queue.waiting] == plans[1:]


def test_an_earlier_run_is_read_again_and_its_plan_taken(desk: Desk) -> None:
    bar, session = bar_of(desk), desk.window.session
    session.set_layers(["stem"], "Sparsity", sparsity=0.2)
    first_plan = session.plan
    session.run()
    first = finish(desk, 1000)
    session.set_layers(["stem"], "Sparsity", sparsity=0.6)
    session.run()
    finish(desk, 2000)
    assert bar.runs.count() == 2 and bar.runs.currentIndex() == 0, "the latest first"
    assert "2.0 kB · 90.5 %" in bar.runs.itemText(0)
    bar.runs.setFocus()
    QTest.keyClick(bar.runs, Qt.Key.Key_Down)
    assert session.result == first and [point.loss for point in session.run_points] == [0.5]
    assert not session.result_is_current and bar.take_plan.isVisible()
    click(bar.take_plan)
    assert session.plan == first_plan and session.result_is_current
    session.undo_stack.undo()
    assert session.plan != first_plan


def test_a_stopped_run_is_named_in_the_list_and_its_plan_can_be_taken(desk: Desk) -> None:
    bar, session, engine = bar_of(desk), desk.window.session, desk.window.engine
    session.run()
    first = finish(desk)
    session.set_layers(["stem"], "Sparsity", sparsity=0.6)
    stopped = session.plan
    session.run()
    project = desk.window.keeper.project
    project.runs.end(project.runs.begin(stopped, "a", "d"), "stopped")
    engine.event.emit(m.Failed(id=engine.last(m.Compress).id, code="Cancelled", what=Text("Stopped.")))
    QApplication.processEvents()
    assert bar.runs.currentText().endswith("stopped"), "not the one before, whose result is still there"
    assert session.result == first and not bar.take_plan.isVisible()
    session.undo_stack.undo()
    click(bar.take_plan)
    assert session.plan == stopped


def test_the_end_of_a_run_is_told_unless_the_window_is_in_front_or_it_is_not_wanted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desk.window
    alerted: list[object] = []
    monkeypatch.setattr(QApplication, "alert", lambda widget, *_: alerted.append(widget))
    front = [True]
    monkeypatch.setattr(window.main, "isActiveWindow", lambda: front[0])
    window.session.run()
    finish(desk)
    assert not alerted, "whoever looks sees it"
    front[0] = False
    window.session.run()
    finish(desk)
    assert alerted == [window.main]
    assert window.notifier.last == "The run is done: 1.0 kB, 90.5 %"
    window.actions["notify"].trigger()
    assert not window.actions["notify"].isChecked()
    window.session.run()
    finish(desk)
    assert len(alerted) == 1
    window.actions["notify"].trigger()
    window.session.run()
    request = window.engine.last(m.Compress)
    window.engine.event.emit(m.Failed(id=request.id, code="PlanError", what=Text("It cannot be.")))
    assert window.notifier.last == "The run has failed: It cannot be." and len(alerted) == 2
