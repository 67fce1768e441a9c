"""Snapshots: taken, told apart, renamed, restored, deleted and brought back, by key and by pointer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from person import CONTROL, click, press, retype
from project_windows import Desk
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shell_values import make_result

from core import messages as m
from core.project import Project
from core.values import Latency, Measurement, Outcome, Plan, PlanMeasured
from gui.models.snapshot_table import Column
from gui.views.snapshots_view import SnapshotsView

LATENCY = Latency(median_ms=0.125, low_ms=0.1, high_ms=0.2, runs=50, threads=2)


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qapp, qtbot, tmp_path / "window.json")
    made.start()
    made.make_model(tmp_path / "tiny.onnx")
    made.open(tmp_path / "tiny.onnx")
    made.make_data(tmp_path / "pets")
    made.open(tmp_path / "pets")
    made.window.main.show_work()
    yield made
    made.end()


@pytest.fixture
def view(desk: Desk) -> SnapshotsView:
    desk.window.main.tabs.setCurrentWidget(desk.window.main.snapshots)
    return desk.window.main.snapshots


def texts(view: SnapshotsView, row: int) -> list[str]:
    return [view.model.index(row, column).data() for column in Column]


def names(desk: Desk) -> list[str]:
    return [one.label for one in desk.window.keeper.snapshots]


def set_sparsity(desk: Desk, sparsity: float) -> Plan:
    desk.window.session.set_layers(["stem"], "Sparsity", sparsity=sparsity)
    return desk.window.session.plan


def test_a_key_takes_one_and_shows_it(desk: Desk, view: SnapshotsView) -> None:
    desk.window.main.tabs.setCurrentIndex(0)
    plan = set_sparsity(desk, 0.5)
    press(Qt.Key.Key_S, CONTROL)
    assert desk.window.main.tabs.currentWidget() is view
    (taken,) = desk.window.keeper.snapshots
    assert (taken.label, taken.plan, taken.model_sha256, taken.data_sha256) == ("Snapshot 1", plan, "a", "d")
    assert view.chosen() == taken
    assert view._said.full_text == "This is the plan in force"


def test_a_plan_that_was_run_has_its_figures_and_others_an_estimate(desk: Desk, view: SnapshotsView) -> None:
    session = desk.window.session
    set_sparsity(desk, 0.5)
    click(view._take)
    guessed = texts(view, 0)
    assert guessed[Column.SIZE].startswith("≈ ")
    assert not desk.window.keeper.snapshots[0].measured
    # a run of just that plan measures the snapshot too
    accuracy = Measurement(metric="top1", value=90.5, low=89.0, high=92.0, count=1000, unit="%")
    after = Outcome(measurements=(accuracy,), size_bytes=1234, zipped_bytes=1000, latency=LATENCY)
    session._take(msgspec.structs.replace(make_result(session.plan), after=after))
    assert texts(view, 0)[Column.SIZE : Column.WHEN] == ["1.2 kB", "0.13 ms", "90.5 % ± 1.5"]
    click(view._take)
    assert texts(view, 1)[Column.SIZE : Column.WHEN] == ["1.2 kB", "0.13 ms", "90.5 % ± 1.5"]
    again = Project(desk.window.keeper.project.path, create=False)
    assert [one.outcome for one in again.snapshots.all()] == [after, after]
    again.close()


def test_the_column_is_called_as_what_the_network_is_judged_by(desk: Desk, view: SnapshotsView) -> None:
    def head(role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> str:
        return view.model.headerData(Column.ACCURACY, Qt.Orientation.Horizontal, role)

    session = desk.window.session
    assert head() == "Accuracy"
    session._take(msgspec.structs.replace(session.data, task="detection"))
    assert head() == "Mean average precision of boxes"
    found = Measurement(metric="box_map", value=41.0, unit="%", count=9)
    session._take(Outcome(measurements=(found,), size_bytes=1, zipped_bytes=1))
    assert (head(), head(Qt.ItemDataRole.ToolTipRole)) == (
        "Precision (mAP)",
        "Mean average precision of boxes",
    )


def test_a_plan_that_was_measured_by_itself_counts_as_measured(desk: Desk, view: SnapshotsView) -> None:
    session = desk.window.session
    plan = set_sparsity(desk, 0.5)
    click(view._take)
    few = Measurement(metric="top1", value=88.0, low=85.0, high=91.0, count=512, unit="%")
    outcome = Outcome(measurements=(few,), size_bytes=1300)
    session.whatif.take(PlanMeasured(plan=plan, outcome=outcome, loss=3.0))
    assert desk.window.keeper.snapshots[0].outcome == outcome
    # a run on more samples says more, and a measurement on fewer does not take that away again
    session._take(make_result(plan))
    session.whatif.take(PlanMeasured(plan=plan, outcome=outcome, loss=3.0))
    assert desk.window.keeper.snapshots[0].outcome.primary.count == 1000


def test_restoring_is_one_step_that_undo_takes_back(desk: Desk, view: SnapshotsView) -> None:
    session = desk.window.session
    first = set_sparsity(desk, 0.5)
    click(view._take)
    second = set_sparsity(desk, 0.9)
    click(view._restore)
    assert session.plan == first
    assert session.undo_stack.undoText() == "Snapshot “Snapshot 1”"
    press(Qt.Key.Key_Z, CONTROL)
    assert session.plan == second
    view.table.setFocus()
    press(Qt.Key.Key_Return)
    assert session.plan == first


def test_names_and_notes_are_written_in_place(desk: Desk, view: SnapshotsView) -> None:
    click(view._take)
    view.table.setFocus()
    press(Qt.Key.Key_F2)
    retype("half of stem")
    press(Qt.Key.Key_Return)
    assert names(desk) == ["half of stem"]
    view.model.setData(view.model.index(0, Column.NOTE), "为手机 for phones\n" + "x" * 5000)
    assert desk.window.keeper.snapshots[0].note.startswith("为手机 for phones x")
    assert len(desk.window.keeper.snapshots[0].note) == 2000
    assert not view.model.setData(view.model.index(0, Column.NAME), "   ")
    assert names(desk) == ["half of stem"]
    click(view._rename)
    press(Qt.Key.Key_Escape)
    assert names(desk) == ["half of stem"]


def test_renaming_among_the_points_shows_where_to_write_and_bears_a_second_click(
    desk: Desk, view: SnapshotsView, qtlog: object
) -> None:
    click(view._take)
    click(view.as_points)
    assert not view.table.isVisible()
    click(view._rename)
    click(view._rename)
    assert view.table.isVisible()
    retype("for phones")
    press(Qt.Key.Key_Return)
    assert names(desk) == ["for phones"]
    assert not [one.message for one in qtlog.records if "editing failed" in one.message]


def test_a_deleted_one_can_be_brought_back(desk: Desk, view: SnapshotsView) -> None:
    for sparsity in (0.1, 0.2, 0.3):
        set_sparsity(desk, sparsity)
        click(view._take)
    view.show_taken(desk.window.keeper.snapshots[1].id)
    view.table.setFocus()
    press(Qt.Key.Key_Delete)
    assert names(desk) == ["Snapshot 1", "Snapshot 3"]
    assert view.chosen().label == "Snapshot 3"
    assert view._said.full_text == "“Snapshot 2” was deleted"
    click(view._back)
    assert names(desk) == ["Snapshot 1", "Snapshot 2", "Snapshot 3"]
    assert not view._back.isVisible()


def test_they_are_there_after_a_restart_and_in_the_named_project(
    desk: Desk, view: SnapshotsView, tmp_path: Path
) -> None:
    set_sparsity(desk, 0.5)
    click(view._take)
    desk.window.keeper.save_as(tmp_path / "p.secateur")
    desk.end()
    desk.start()
    desk.open(tmp_path / "p.secateur")
    assert names(desk) == ["Snapshot 1"]
    assert desk.window.main.snapshots.model.rowCount() == 1


def test_figures_of_an_earlier_model_are_told_apart(desk: Desk, tmp_path: Path) -> None:
    view = desk.window.main.snapshots
    desk.window.session._take(make_result(desk.window.session.plan))
    click_in = desk.window.keeper.take_snapshot("measured")
    assert click_in.measured
    desk.window.keeper.save_as(tmp_path / "p.secateur")
    desk.end()
    desk.start()
    desk.make_model(tmp_path / "tiny.onnx", "changed")
    desk.open(tmp_path / "p.secateur")
    click(desk.way("Use the changed file"))
    view = desk.window.main.snapshots
    index = view.model.index(0, Column.ACCURACY)
    assert index.data(Qt.ItemDataRole.FontRole).italic()
    assert "earlier version of the model" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_a_name_has_its_room_also_where_the_window_is_narrow(desk: Desk, view: SnapshotsView) -> None:
    desk.window.main.resize(940, 600)
    desk.window.actions["snapshot"].trigger()
    assert names(desk) == ["Snapshot 1"]
    needed = view.table.fontMetrics().horizontalAdvance("Snapshot 1") + 2 * 8  # the padding
    assert view.table.columnWidth(Column.NAME) >= needed


def test_without_a_model_there_is_nothing_to_take(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qapp, qtbot, tmp_path / "window.json")
    window = desk.start()
    assert not window.actions["snapshot"].isEnabled()
    assert not window.main.snapshots._take.isEnabled()
    desk.end()


def test_hostile_names_stay_plain(desk: Desk, view: SnapshotsView) -> None:
    click(view._take)
    view.model.setData(view.model.index(0, Column.NAME), "<b>x</b>")
    tip = view.model.index(0, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;" in tip
    assert texts(view, 0)[Column.NAME] == "<b>x</b>"
    assert isinstance(desk.window.engine.sent[0], m.OpenModel)


def measured(size: int, accuracy: float) -> Outcome:
    figure = Measurement(
        metric="top1", value=accuracy, low=accuracy - 1, high=accuracy + 1, count=1000, unit="%"
    )
    return Outcome(measurements=(figure,), size_bytes=size, latency=LATENCY)


def test_as_points_and_told_apart_in_words(desk: Desk, view: SnapshotsView) -> None:
    session = desk.window.session
    plans = []
    for sparsity, size, accuracy in ((0.25, 3000, 91.0), (0.75, 1500, 85.0)):
        plans.append(set_sparsity(desk, sparsity))
        session._take(
            msgspec.structs.replace(
                make_result(plans[-1]), before=measured(4000, 92.0), after=measured(size, accuracy)
            )
        )
        click(view._take)
    click(view.as_points)
    chart = view.chart
    assert chart.isVisible() and view.across.isVisible()
    assert [(dot.label, dot.across, dot.measurement.value) for dot in chart.dots] == [
        ("original", 4000, 92.0), ("Snapshot 1", 3000, 91.0), ("Snapshot 2", 1500, 85.0)
    ]  # fmt: skip
    first, second = chart.dots[1], chart.dots[2]
    # smaller stands further left, better further up
    assert chart.place(second).x() < chart.place(first).x()
    assert chart.place(second).y() > chart.place(first).y()
    click(chart, chart.place(first).toPoint())
    assert view.chosen().label == "Snapshot 1"
    assert view.difference.text == ("From “Snapshot 1” to the plan in force:\nstem: zeros 25 % → 75 %")
    chart.setFocus()
    press(Qt.Key.Key_Left)
    assert view.chosen().label == "Snapshot 2"
    assert view.difference.text.endswith("no difference")
    view.across.setCurrentIndex(1)
    assert [dot.across for dot in chart.dots] == [0.125] * 3
    click(view.as_table)
    assert view.table.isVisible()
    view.table.selectAll()
    assert view.difference.text == "From “Snapshot 1” to “Snapshot 2”:\nstem: zeros 25 % → 75 %"


def test_an_estimate_is_a_hollow_point_and_says_so(
    desk: Desk, view: SnapshotsView, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = desk.window.session
    session._set_baseline(measured(4000, 92.0))
    guess = Measurement(metric="top1", value=90.0, unit="%", estimate=True)
    outcome = Outcome(measurements=(guess,), size_bytes=2000, estimate=True)
    monkeypatch.setattr(session, "estimate", lambda: outcome)
    set_sparsity(desk, 0.5)
    click(view._take)
    click(view.as_points)
    dot = view.chart.dots[-1]
    assert not dot.measured and dot.words.endswith("(estimate)")


@pytest.mark.parametrize("size", [(940, 600), (1024, 700)])
def test_in_a_low_window_the_buttons_keep_their_lines(
    desk: Desk, view: SnapshotsView, size: tuple[int, int]
) -> None:
    """They scroll with the table, which stood over their last line."""
    desk.window.commands.take_snapshot()
    desk.window.main.resize(*size)
    for _ in range(5):
        QApplication.processEvents()
    whole = view._take.parentWidget()
    pair = view.as_points.parentWidget()
    bottom = pair.mapTo(whole, pair.rect().bottomLeft()).y()
    assert bottom < view._pages.mapTo(whole, view._pages.rect().topLeft()).y()
    assert view._pages.height() >= view.chart.minimumHeight()
