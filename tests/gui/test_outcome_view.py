"""The bottom bar: estimates are marked, measurements carry their evidence, the sentence is honest."""

from __future__ import annotations

import time

import msgspec
import pytest
from layer_values import accuracy, make_outcome, make_session, make_theme
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shell_values import make_data

from core.values import Exported, Result, text
from gui import format as fmt
from gui.job import Job
from gui.session import Session
from gui.views.outcome_view import OutcomeView


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> OutcomeView:
    made = OutcomeView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(1100, 90)
    made.show()
    qtbot.waitExposed(made)
    return made


def take_result(session: Session, **changes: object) -> None:
    after = make_outcome(89.5, size=4000, latency_ms=2.0)
    result = Result(artefact="a", sha256="b", plan=session.plan, before=make_outcome(), after=after)
    session._take(msgspec.structs.replace(result, **changes))


def test_a_plan_is_an_estimate_and_looks_like_one(view: OutcomeView, session: Session) -> None:
    shown = view.accuracy_block.shown
    # eight bits: 0.1, 0.05 and 0.025 points of three layers
    assert shown.after == "89.8 %"
    assert shown.estimate
    assert shown.badge == "estimate"
    assert "italic" in view.accuracy_block._after.styleSheet()
    assert view.time_block.shown.estimate
    assert "estimate" in view.time_block.shown.below


def test_a_result_of_this_plan_is_shown_as_measured(view: OutcomeView, session: Session) -> None:
    take_result(session)
    assert view.size_block.shown.before == "12.0 kB"
    assert view.size_block.shown.after == "4.0 kB"
    assert view.size_block.shown.badge == "3.0× smaller"
    assert view.size_block.shown.below == "zipped 2.0 kB"
    assert view.time_block.shown.badge == "2.0× faster"
    assert view.time_block.shown.title == "Time per sample, this computer, 2 threads"
    assert view.accuracy_block.shown.after == "89.5 %"
    assert view.accuracy_block.shown.badge == "measured"
    assert view.accuracy_block.shown.below == "± 2.0 on 1,000 samples"
    assert "italic" not in view.accuracy_block._after.styleSheet()


def test_once_it_is_written_the_size_is_the_files_with_its_card(view: OutcomeView, session: Session) -> None:
    take_result(session)
    session._take(Exported(path="/tmp/o.onnx", sha256="c", size_bytes=4600))
    assert view.size_block.shown.after == "4.6 kB"
    assert view.size_block.shown.badge == "2.6× smaller"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    shown = [fmt.number(-0.004, 2), fmt.number(-0.006, 2), fmt.number(0.0, 0)]
    assert shown == ["0.00", "−0.01", "0"]


def test_moving_on_from_a_result_goes_back_to_an_estimate(view: OutcomeView, session: Session) -> None:
    take_result(session)
    session.set_layers(["/body/Conv"], "x", sparsity=0.5)
    assert view.accuracy_block.shown.estimate
    session.undo_stack.undo()
    assert view.accuracy_block.shown.badge == "measured"


def test_while_it_is_measured_nobody_is_told_to_press_anything(view: OutcomeView, session: Session) -> None:
    session._set_baseline(None)
    assert view.time_block.shown.below == "measured when you press Analyze or Run"
    session._set_job(Job(kind="compress", id=7))
    assert view.time_block.shown.below == "measured at the end of this run"
    session._set_job(Job(kind="analyze", id=8))
    assert view.time_block.shown.below == "being measured"
    session._set_job(None)
    assert view.time_block.shown.below == "measured when you press Analyze or Run"


def test_it_says_that_zeros_alone_make_nothing_faster(view: OutcomeView, session: Session) -> None:
    session.set_defaults("x", sparsity=0.5, weight_bits=32, activation_bits=32)
    assert view.remark.text().startswith("Zeros alone only make the zipped file smaller")
    assert view.time_block.shown.badge == "unchanged"
    session.set_defaults("x", sparsity=0.0)
    assert view.remark.text().startswith("Nothing is changed yet")


def test_the_notes_of_a_result_come_first(view: OutcomeView, session: Session) -> None:
    notes = (text("Slower than the original on this computer."), text("Second."))
    take_result(session, after=make_outcome(latency_ms=6.0), notes=notes)
    assert view.remark.text() == "Slower than the original on this computer."
    assert "Second." in view.remark.toolTip()
    assert view.time_block.shown.badge == "1.5× slower"
    assert view.time_block.shown.tone == "attention"


def test_what_is_not_measured_says_how_to_measure_it(qapp: QApplication, qtbot: QtBot) -> None:
    view = OutcomeView(make_session(analyzed=False), make_theme())
    qtbot.addWidget(view)
    assert view.accuracy_block.shown.after == "–"
    assert view.accuracy_block.shown.below == "choose data to judge it"
    assert view.time_block.shown.below == "measured when you press Analyze or Run"
    # sizes need no data
    assert view.size_block.shown.after != "–"


def test_decibels_and_missing_intervals_do_not_break_it(view: OutcomeView, session: Session) -> None:
    closeness = accuracy(31.5, metric="sqnr_db", unit="dB", low=None, high=None, count=0)
    take_result(session, after=msgspec.structs.replace(make_outcome(), measurements=(closeness,)))
    assert view.accuracy_block.shown.after == "31.5 dB"
    assert view.accuracy_block.shown.below == ""


def test_it_follows_a_slider_within_a_frame(view: OutcomeView, session: Session, qapp: QApplication) -> None:
    took = []
    for step in range(20):
        began = time.process_time()
        session.set_layers(["/body/Conv"], "x", "drag", sparsity=step / 20)
        qapp.processEvents()
        took.append(time.process_time() - began)
    assert sorted(took)[10] < 0.03


def test_where_there_is_little_room_all_three_figures_give_way_alike(
    view: OutcomeView, qapp: QApplication
) -> None:
    view.resize(1500, 90)
    assert not view.size_block._before.isHidden()
    view.resize(900, 90)
    blocks = (view.size_block, view.time_block, view.accuracy_block)
    assert all(block._before.isHidden() for block in blocks)
    assert view.time_block._title.full_text == "Time per sample · 4.00 ms →"
    qapp.processEvents()
    assert all(block._after.width() >= block._after.sizeHint().width() for block in blocks)


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("unlabelled", "Closeness to the original"),
        ("embedding", "Cosine similarity"),
        ("classification", "Accuracy"),
    ],
)
def test_the_figure_to_come_is_called_by_its_own_name(task: str, title: str) -> None:
    assert fmt.metric_expected(make_data(task=task)) == title
    assert fmt.metric_expected(None) == "Accuracy"
