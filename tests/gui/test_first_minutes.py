"""The first minutes of a person who knows none of the words: one button leads from the sample to a file."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import onnxruntime
import pytest
from person import CONTROL, choose_path, click, press, tab_to
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QFileDialog
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model, make_result

from core import messages as m
from core.values import BestPlan, BestPlans, Exported, Goal, SensitivityPoint, text
from gui import samples
from gui.app import Window
from gui.models.layer_table import Column
from gui.session_state import DEFAULT_PLAN

SLOW = 120_000
"""Milliseconds after which a step of the engine counts as stuck."""
MOST_CLICKS, MOST_SECONDS = 5, 180


class ClickCounter(QObject):
    """Counts every press of the pointer, whatever lies under it, as Qt hands it to the windows."""

    def __init__(self) -> None:
        super().__init__()
        self.clicks = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress and watched.isWindowType():
            assert isinstance(event, QMouseEvent)
            self.clicks += 1
        return False


def test_five_clicks_lead_from_the_first_screen_to_a_smaller_file(
    program: Window, qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    session, main = program.session, program.main
    program.commands._settings.values.folder = str(tmp_path)  # where the file dialog begins
    counter = ClickCounter()
    qapp.installEventFilter(counter)
    started = time.monotonic()
    try:
        click(main.start.sample_button)
        qtbot.waitUntil(lambda: session.data is not None and session.job is None, timeout=SLOW)
        assert main.steps.next_button.text() == "Find the best plan"
        assert main.steps.goal.currentText() == "at most 1 more mistake in 100"

        click(main.steps.next_button)
        assert main.best.isVisible()
        qtbot.waitUntil(lambda: session.job is None and session.plan != DEFAULT_PLAN, timeout=SLOW)
        assert main.steps.next_button.text() == "Make the smaller model"

        click(main.steps.next_button)
        qtbot.waitUntil(lambda: session.run_state == "done" and session.job is None, timeout=SLOW)
        assert main.steps.next_button.text() == "Save it as a file…"

        click(main.steps.next_button)
        qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), QFileDialog))
        save = QApplication.activeWindow().findChild(QDialogButtonBox).buttons()[0]
        click(save)
        qtbot.waitUntil(lambda: session.last_export is not None and session.job is None, timeout=SLOW)
    finally:
        qapp.removeEventFilter(counter)
    assert counter.clicks == MOST_CLICKS
    assert time.monotonic() - started < MOST_SECONDS
    written = Path(session.last_export.path)
    assert written.parent == tmp_path
    original = Path(samples.model_path(samples.samples()[0]))
    assert written.stat().st_size < original.stat().st_size / 5
    # at most one more mistake in a hundred, within what 800 samples can tell
    before, after = session.result.before.primary, session.result.after.primary
    assert before.value - after.value <= 1.0 + (after.high - after.low) / 2
    onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    assert main.steps.next_button.text() == "See what changed"


# ---------------------------------------------------------------- the button


def load(window: Window) -> None:
    window.session._take(make_model())
    window.session._take(make_data())


def found(window: Window, reached: bool) -> BestPlan:
    """Answer the search that runs."""
    plan = DEFAULT_PLAN.with_layer("stem", weight_bits=4)
    best = BestPlan(plan=plan, loss=2.0, loss_low=1.0, loss_high=3.0, size_bytes=900, zipped_bytes=800)
    value = BestPlans(points=(best,), chosen=best, reached=reached)
    window.session._on_event(m.Done(id=window.session.job.id, value=value))
    window.following.search._on_event(m.Done(id=window.following.search._asked, value=value))
    return best


def test_the_button_follows_the_work(window: Window, qtbot: QtBot) -> None:
    steps, following = window.main.steps, window.following
    assert following.kind == "open" and not steps.next_button.isVisible()
    window.session._take(make_model())
    assert (following.kind, steps.next_button.text()) == ("data", "Choose data…")
    click(steps.next_button)
    assert window.main.data_view.isVisible()
    window.session._take(make_data())
    assert following.kind == "goal" and steps.goal.isVisible()
    click(steps.next_button)
    assert window.main.best.isVisible()
    assert following.kind == "" and not steps.next_button.isVisible(), "while it searches there is Stop"
    best = found(window, reached=True)
    assert window.session.plan == best.plan
    assert following.kind == "run"
    click(steps.next_button)
    request = window.engine.last(m.Compress)
    assert request.plan == best.plan
    window.session._on_event(m.Done(id=request.id, value=make_result(best.plan)))
    assert following.kind == "export"
    window.session._take(Exported(path="/out.onnx", sha256="", size_bytes=1000))
    assert following.kind == "compare"
    click(steps.next_button)
    assert window.main.changed.isVisible()


def test_a_goal_out_of_reach_offers_what_comes_closest(window: Window) -> None:
    load(window)
    click(window.main.steps.next_button)
    best = found(window, reached=False)
    assert window.session.plan == DEFAULT_PLAN
    assert window.following.kind == "closest"
    assert "not reached" in window.main.steps._words.full_text
    click(window.main.steps.next_button)
    assert window.session.plan == best.plan
    assert window.following.kind == "run"
    window.session.undo_stack.undo()
    assert window.session.plan == DEFAULT_PLAN


def test_a_plan_of_ones_own_is_run(window: Window) -> None:
    load(window)
    window.session.set_layers(["stem"], "", sparsity=0.5)
    assert window.following.kind == "run"


def test_what_cannot_be_compressed_has_no_next_step_and_says_why(window: Window) -> None:
    why = (text("There is nothing to compress."),)
    window.session._take(msgspec.structs.replace(make_model(), compressible=False, why_not=why))
    window.session._take(make_data())
    assert not window.main.steps.next_button.isVisible()
    assert "nothing to compress" in window.actions["next"].statusTip()


def test_goals_are_said_in_plain_words_and_in_numbers_alike(window: Window) -> None:
    load(window)  # 4000 bytes
    choice, best = window.main.steps.goal, window.main.best
    choice.setCurrentText("a quarter of the size")
    choice.activated.emit(choice.currentIndex())
    assert (best.use_loss.isChecked(), best.use_size.isChecked()) == (False, True)
    assert best.size.value() == pytest.approx(0.001)
    assert window.following.search.goal.max_size_bytes == 1000
    best.use_size.setChecked(False)
    best.use_speed.setChecked(True)
    assert choice.currentText() == "twice as fast"
    best.speed.setValue(3.5)
    assert choice.currentText() == "as said under Best plans"
    assert window.following.search.goal == Goal(speedup=3.5)
    best.speed.setValue(2.0)
    assert choice.currentText() == "twice as fast"
    assert choice.findText("as said under Best plans") < 0


def test_mistakes_are_spoken_of_where_answers_are_right_or_wrong(window: Window) -> None:
    window.session._take(make_model())
    window.session._take(make_data(task="regression", class_names=()))
    assert window.main.steps.goal.currentText() == "lose at most 1 point"
    window.translations.choose("zh_CN")
    QApplication.processEvents()
    assert window.main.steps.goal.currentText() == "最多损失 1 个百分点"
    assert window.main.steps.next_button.text() == "寻找最佳方案"


def test_the_way_by_keyboard_is_one_key(window: Window, qtbot: QtBot) -> None:
    tab_to("Try the sample")
    load(window)
    for kind in (m.FindPlan, m.Compress):
        press(Qt.Key.Key_Return, CONTROL)
        assert window.engine.last(kind) is not None
        if kind is m.FindPlan:
            best = found(window, reached=True)
    window.session._on_event(m.Done(id=window.session.job.id, value=make_result(best.plan)))
    press(Qt.Key.Key_Return, CONTROL)
    choose_path(qtbot, "/nowhere/out.onnx")
    qtbot.waitUntil(lambda: any(isinstance(request, m.Export) for request in window.engine.sent))


def test_the_strip_fits_the_narrowest_window(window: Window) -> None:
    load(window)
    for language in ("en", "zh_CN"):
        window.translations.choose(language)
        window.main.resize(940, 600)
        QApplication.processEvents()
        steps = window.main.steps
        assert steps.next_button.geometry().right() <= steps.width()
        assert steps.next_button.width() >= steps.next_button.sizeHint().width()
        lefts = [button.x() for button in steps._buttons]
        assert lefts == sorted(lefts)
        assert steps._buttons[-1].geometry().right() < steps.next_button.x()


def test_one_button_alone_has_the_accent(window: Window) -> None:
    load(window)
    main = window.main
    for screen in range(main.tabs.count() + 1):
        if screen == main.tabs.count():
            main.show_data()
        elif main.tabs.widget(screen) is main.netron:
            continue  # it would start a browser
        else:
            main.tabs.setCurrentIndex(screen)
        QApplication.processEvents()
        filled = [
            button.text()
            for button in main.findChildren(QAbstractButton)
            if button.isVisible() and button.property("primary") is True
        ]
        assert filled == ["Find the best plan"] and main.steps.next_button.isVisible()


def test_a_search_tells_what_it_has_found_so_far(window: Window) -> None:
    load(window)
    click(window.main.steps.next_button)
    empty = window.main.best._empty
    assert empty.text() == "Measuring what each layer can spare; the curve follows."
    accuracy = make_result(DEFAULT_PLAN).before.primary
    for layer, loss in (("stem", 0.5), ("middle", 4.0), ("head", 1.0)):
        point = SensitivityPoint(layer_id=layer, weight_bits=4, loss=loss, measurement=accuracy)
        window.session._on_event(m.Partial(id=window.session.job.id, value=point))
    assert empty.text().endswith("Known so far: 3 of 3 layers.\nNeeded most: middle.")


def test_units_in_the_table_follow_the_language_both_ways(window: Window) -> None:
    load(window)
    accuracy = make_result(DEFAULT_PLAN).before.primary
    point = SensitivityPoint(layer_id="stem", weight_bits=4, loss=4.0, measurement=accuracy)
    for language, shown in (("zh_CN", "4.0 点"), ("en", "4.0 pt")):
        window.translations.choose(language)
        QApplication.processEvents()
        window.session._take(point)
        QApplication.processEvents()
        table = window.main.table.model
        assert table.data(table.index(0, Column.SENSITIVITY)) == shown
    window.translations.choose("zh_CN")
    QApplication.processEvents()
    assert table.data(table.index(0, Column.SENSITIVITY)) == "4.0 点"
