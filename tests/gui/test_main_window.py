"""The whole window over a fake engine: drops, bars, steps, languages, themes, keyboard, names for all."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import msgspec
import pytest
from person import drop
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QSize, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDragLeaveEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QSplitter,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model, make_result
from shiboken6 import delete

from core import messages as m
from core.values import Catalogue, Described, Exported, LayerPlan, Parameter, Preset, SensitivityPoint, text
from gui.app import Window
from gui.i18n import PSEUDO
from gui.job import Problem
from gui.settings import Settings

CONTROLS = (
    QAbstractButton, QComboBox, QLineEdit, QAbstractSlider, QAbstractSpinBox, QAbstractItemView,
    QPlainTextEdit,
)  # fmt: skip


def load(window: Window) -> None:
    window.session._take(make_model())
    window.session._take(make_data())


def catalogue() -> Catalogue:
    switch = Parameter(name="on", label=text("On"), help=text("Or off."), kind="switch", default=True)
    step = Described(name="step", label=text("Step"), help=text("Does it."), parameters=(switch,))
    preset = Preset(name="p", label=text("Purpose"), help=text("For it."), defaults=LayerPlan())
    return Catalogue(methods=(step,), presets=(preset,))


# ---------------------------------------------------------------- opening


def test_dropped_model_is_opened(window: Window) -> None:
    drop(window, "/models/中文 model.onnx")
    assert window.engine.last(m.OpenModel).model == "/models/中文 model.onnx"


def test_the_window_says_that_it_takes_what_is_dragged(window: Window) -> None:
    hint = window.main._drop_hint
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/models/a.onnx")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(window.main, enter)
    assert hint.isVisible()
    assert hint.rect() == window.main.rect()
    QApplication.sendEvent(window.main, QDragLeaveEvent())
    assert not hint.isVisible()
    drop(window, "/models/a.onnx")
    assert not hint.isVisible()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_of_the_top_bar_overlaps_in_the_narrowest_window(window: Window, language: str) -> None:
    long = "a_very_long_name_of_a_mobilenet_for_cifar10.onnx"
    window.session._take(msgspec.structs.replace(make_model(), name=long))
    window.session._take(make_data())
    window.translations.choose(language)
    window.main.resize(940, 600)
    QApplication.processEvents()
    assert window.main.width() == 940
    bar = window.main.top_bar
    children = [child for child in bar.findChildren(QWidget) if child.parent() is bar and child.isVisible()]
    children = sorted(
        (child for child in children if isinstance(child, QLabel | QAbstractButton)), key=lambda c: c.x()
    )
    for left, right in itertools.pairwise(children):
        assert left.geometry().right() < right.geometry().left(), (left, right)
    assert children[-1].geometry().right() <= bar.width()
    assert bar._title.text() != long
    assert bar._title.toolTip() == f"{long}\n{window.session.model.source_path}"


def test_the_defaults_lead_to_the_method(window: Window, qtbot: QtBot) -> None:
    load(window)
    window.session.catalogue = catalogue()
    window.session.catalogue_changed.emit(window.session.catalogue)
    qtbot.mouseClick(window.main.table.defaults_button, Qt.MouseButton.LeftButton)
    popup = window.main.table.defaults
    qtbot.mouseClick(popup.method, Qt.MouseButton.LeftButton)
    assert not popup.isVisible()
    assert window.main.method.isVisible()
    assert window.main.method.cards.cards[0].hasFocus()


def test_an_analysis_keeps_what_is_known_and_asks_for_the_planned_bits(window: Window) -> None:
    load(window)
    session = window.session
    measured = SensitivityPoint(
        layer_id="stem", sparsity=0.5, loss=1.0, measurement=make_result(session.plan).before.primary
    )
    session.analyze()
    assert window.engine.last(m.Analyze).weight_bits == (8, 4)
    session._on_event(m.Partial(id=session.job.id, value=measured))
    session._on_event(m.Failed(id=session.job.id, code="Cancelled", what=text("Stopped.")))
    session.set_layers(["head"], "x", weight_bits=3)
    session.analyze()
    assert session.points == {"stem": (measured,)}
    assert window.engine.last(m.Analyze).weight_bits == (8, 4, 3)
    again = msgspec.structs.replace(measured, loss=2.0)
    session._on_event(m.Partial(id=session.job.id, value=again))
    assert session.points == {"stem": (again,)}


def test_dropped_folder_becomes_the_data(window: Window, tmp_path: Path) -> None:
    window.session._take(make_model())
    drop(window, tmp_path)
    assert window.engine.last(m.OpenData).data.path == str(tmp_path)
    assert window.main.data_view.isVisible()


def test_data_without_a_model_is_explained(window: Window, tmp_path: Path) -> None:
    drop(window, tmp_path)
    assert window.engine.sent == []
    assert window.main.error_bar.isVisible()
    assert "no model is open" in window.main.error_bar.report()


def test_text_is_not_accepted_as_a_drop(window: Window) -> None:
    mime = QMimeData()
    mime.setText("hello")
    enter = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window.main, enter)
    assert not enter.isAccepted()


def test_opened_model_is_remembered_and_shown(window: Window) -> None:
    assert window.main.start.isVisible()
    window.session._take(make_model("/models/tiny.onnx"))
    assert not window.main.start.isVisible()
    assert window.main.graph.isVisible()
    assert window.main.windowTitle().startswith("tiny.onnx")
    assert window.commands.recent == ["/models/tiny.onnx"]


def test_open_dialog_does_not_block(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    qtbot.keyClick(window.main, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    dialog = window.main.findChild(QFileDialog)
    assert dialog.isVisible()
    dialog.fileSelected.emit(str(tmp_path / "m.onnx"))
    dialog.close()
    assert window.engine.last(m.OpenModel).model == str(tmp_path / "m.onnx")


# ---------------------------------------------------------------- steps and actions


def test_steps_follow_the_work_and_press_what_is_next(window: Window, qtbot: QtBot) -> None:
    steps = window.main.steps._buttons

    def states() -> str:
        return "".join(step.state[0] for step in steps)

    assert states() == "clllll"
    window.session._take(make_model())
    assert states() == "dcllll"
    qtbot.mouseClick(steps[1], Qt.MouseButton.LeftButton)
    assert window.main.data_view.isVisible()
    window.session._take(make_data())
    assert states() == "ddclll"
    qtbot.mouseClick(steps[2], Qt.MouseButton.LeftButton)
    request = window.engine.last(m.Analyze)
    assert not window.main.data_view.isVisible(), "the table shows what is being measured"
    window.session._on_event(m.Failed(id=request.id, code="Cancelled", what=text("Stopped.")))
    window.session._take(make_result(window.session.plan))
    assert states() == "dddddc"
    window.session._take(Exported(path="/out.onnx", sha256="", size_bytes=1000))
    assert states() == "dddddd"


def test_progress_is_told_with_counts_and_time(window: Window) -> None:
    load(window)
    window.actions["analyze"].trigger()
    job = window.session.job
    progress = m.Progress(id=job.id, stage=text("Measuring"), done=3, total=22, seconds_left=38.2)
    window.session._on_event(progress)
    assert window.main.steps._words.full_text == "Measuring · 3 of 22 · about 39 s left"
    assert window.main.steps._bar.isVisible()
    assert (window.main.steps._bar.value(), window.main.steps._bar.maximum()) == (3, 22)
    # of the whole job, once its route is known: also where the stage counts nothing
    for share, left, words in (
        (0.4, 30.0, "Looking · about 30 s left"),
        (0.6, 10.0, "Measuring · 1 of 9 · about 10 s left"),
    ):
        stage, done, total = ("Looking", 0, 0) if share == 0.4 else ("Measuring", 1, 9)
        told = m.Progress(
            id=job.id, stage=text(stage), done=done, total=total, seconds_left=left, share=share
        )
        window.session._on_event(told)
        bar = window.main.steps._bar
        assert bar.value() / bar.maximum() == share
        assert window.main.steps._words.full_text == words


def test_progress_paints_nothing_before_its_turn_has_ended(window: Window, qtbot: QtBot) -> None:
    """Qt repaints a progress bar at once, and with it whatever else of the window is to be painted."""
    load(window)
    window.actions["analyze"].trigger()
    qtbot.wait(50)
    painted: list[QEvent.Type] = []

    class Watch(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.append(event.type())
            return False

    watch = Watch()
    for widget in (window.main.steps._bar, window.main.table.table.viewport()):
        widget.installEventFilter(watch)
    window.main.table.table.viewport().update()
    window.session._on_event(m.Progress(id=window.session.job.id, stage=text("Measuring"), done=3, total=22))
    assert not painted
    qtbot.waitUntil(lambda: len(painted) >= 2)


def test_actions_say_why_they_cannot_be_used(window: Window) -> None:
    assert not window.actions["analyze"].isEnabled()
    assert "Open a model first." in window.actions["analyze"].toolTip()
    window.session._take(make_model())
    assert "Choose data first." in window.actions["run"].toolTip()
    window.session._take(make_data())
    assert window.actions["run"].isEnabled()
    assert not window.actions["export"].isEnabled()
    window.session._take(make_result(window.session.plan))
    assert window.actions["export"].isEnabled()
    window.session.set_defaults("Set bits", weight_bits=4)
    assert "run again first" in window.actions["export"].toolTip()
    window.actions["undo"].trigger()
    assert window.actions["export"].isEnabled(), "undo brings the result's plan back"


def test_plan_without_changes_cannot_run(window: Window) -> None:
    load(window)
    window.session.set_defaults("Leave all", weight_bits=32, activation_bits=32)
    assert "changes nothing" in window.actions["run"].toolTip()


def test_run_becomes_stop_and_escape_stops(window: Window, qtbot: QtBot) -> None:
    load(window)
    qtbot.keyClick(window.main, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    request = window.engine.last(m.Compress)
    assert window.main.top_bar._run.defaultAction() is window.actions["stop"]
    assert window.main.tabs.currentWidget() is window.main.run_view
    qtbot.keyClick(window.main, Qt.Key.Key_Escape)
    assert window.engine.cancelled == [request.id]
    window.session._on_event(m.Failed(id=request.id, code="Cancelled", what=text("Stopped.")))
    assert window.main.top_bar._run.defaultAction() is window.actions["run"]
    assert not window.main.error_bar.isVisible(), "stopping is not a failure"


def test_undo_names_the_edit(window: Window, qtbot: QtBot) -> None:
    load(window)
    window.session.set_layers(["stem"], "Sparsity of stem", sparsity=0.5)
    assert window.actions["undo"].toolTip().startswith("Undo: Sparsity of stem")
    qtbot.keyClick(window.main, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.session.plan.layer("stem").sparsity == 0.0
    assert window.actions["redo"].isEnabled()


# ---------------------------------------------------------------- bars


def test_problem_is_said_in_a_bar_and_can_be_copied(window: Window, qtbot: QtBot) -> None:
    window.session.problem.emit(
        Problem(
            kind="open",
            what=text("'{name}' is empty.", name="<b>x</b>.onnx"),
            why=text("The download was cut off."),
            details="line 1\nline 2",
        )
    )
    bar = window.main.error_bar
    assert bar.isVisible()
    assert bar._what.text() == "'<b>x</b>.onnx' is empty."
    assert bar._what.textFormat() == Qt.TextFormat.PlainText
    assert not bar._details.isVisible()
    qtbot.mouseClick(bar._fold, Qt.MouseButton.LeftButton)
    assert bar._details.isVisible()
    qtbot.mouseClick(bar._copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert "The download was cut off." in copied
    assert "line 2" in copied
    qtbot.mouseClick(bar._close, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_trying_again_takes_the_problem_away(window: Window) -> None:
    window.session.problem.emit(Problem(kind="open", what=text("Broken.")))
    window.session.open_model("/models/other.onnx")
    assert not window.main.error_bar.isVisible()


def test_export_asks_where_and_says_what_came_out(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    load(window)
    window.session._take(make_result(window.session.plan))
    qtbot.keyClick(window.main, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.main.findChild(QFileDialog)
    assert Path(dialog.selectedFiles()[0]).name == "tiny-secateur.onnx"
    dialog.fileSelected.emit(str(tmp_path / "out.onnx"))
    dialog.close()
    request = window.engine.last(m.Export)
    assert request.destination == str(tmp_path / "out.onnx")
    exported = Exported(
        path=request.destination, sha256="", size_bytes=312_400, report_path=str(tmp_path / "r.json")
    )
    window.session._on_event(m.Done(id=request.id, value=exported))
    bar = window.main.export_bar
    assert bar.isVisible()
    assert bar._what.text() == "Exported and checked: 312 kB · Accuracy 90.5 % ± 1.5 on 1,000 samples"
    assert bar._where.full_text == request.destination
    assert bar._report.isVisible()
    assert not bar._warning.isVisible()


def test_a_slower_file_is_exported_with_a_warning(window: Window) -> None:
    load(window)
    window.session._take(make_result(window.session.plan))
    slower = text("It is slower than the original: {ratio} times the time of one run.", ratio=1.4)
    warned = Exported(path="/out.onnx", sha256="", size_bytes=1000, warnings=(slower,))
    window.session._take(warned)
    assert "1.4 times" in window.main.export_bar._warning.text()
    assert window.main.export_bar._warning.isVisible()


# ---------------------------------------------------------------- language, theme, access


def visible_texts(root: QWidget) -> list[tuple[QWidget, str]]:
    found: list[tuple[QWidget, str]] = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or isinstance(widget.parent(), QTabBar):
            continue  # hidden ones are re-read when shown; a tab bar's buttons are Qt's own
        if isinstance(widget, QLabel | QAbstractButton):
            found.append((widget, getattr(widget, "full_text", "") or widget.text()))
        if isinstance(widget, QTabBar):
            found += [(widget, widget.tabText(index)) for index in range(widget.count())]
        if isinstance(widget, QComboBox):
            found += [(widget, widget.itemText(index)) for index in range(widget.count())]
        if isinstance(widget, QLineEdit):
            found.append((widget, widget.placeholderText()))
        found.append((widget, widget.accessibleName()))
    return found


FROM_OUTSIDE = {
    "Secateur",
    "tiny.onnx",
    "stem",
    "middle",
    "head",
    "/data/pets",
    "Conv 3×3",
    "Conv",
    "cat",
    "Conv 3×3 · 4 → 8",
}


def test_every_text_follows_the_language_at_once(window: Window) -> None:
    load(window)
    window.session._take(make_result(window.session.plan))
    window.session.problem.emit(Problem(kind="x", what=text("Broken."), why=text("Why."), details="d"))
    window.session.catalogue_changed.emit(catalogue())
    window.main.method.fold.click()
    window.translations.choose(PSEUDO)
    missed: set[str] = set()
    for screen in (0, 1, 2, "data"):  # not Netron: it would start a browser, and has tests of its own
        if screen == "data":
            window.main.show_data()
        else:
            window.main.tabs.setCurrentIndex(screen)
        QApplication.processEvents()
        missed |= {
            f"{type(widget).__name__}: {shown}"
            for widget, shown in visible_texts(window.main)
            if re.search(r"[A-Za-z]{2,}", shown) and "⟦" not in shown and shown not in FROM_OUTSIDE
        }
    assert not missed
    for action in window.actions:
        assert "⟦" in action.text()


def test_chinese_reaches_the_screen_and_is_remembered(window: Window) -> None:
    chinese = next(action for action in window.actions.languages if action.data() == "zh_CN")
    chinese.trigger()
    assert window.actions["open"].text() == "打开"
    QApplication.processEvents()
    assert window.main.start._title.text() == "您的模型能精简多少？"
    assert window.commands._settings.values.language == "zh_CN"


def test_theme_changes_at_once_and_is_remembered(window: Window, qtbot: QtBot) -> None:
    load(window)
    before = window.main.grab().toImage().pixelColor(3, window.main.height() // 2)
    qtbot.keyClick(window.main, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    after = window.main.grab().toImage().pixelColor(3, window.main.height() // 2)
    assert before == "#F4F5F7"
    assert after == "#12161B"
    assert window.commands._settings.values.theme == "dark"


@pytest.mark.parametrize("screen", ["start", "work", "data"])
def test_every_control_has_a_name(window: Window, screen: str) -> None:
    if screen != "start":
        load(window)
    if screen == "data":
        window.main.show_data()
    nameless = [
        f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"
        for widget in window.main.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and widget.isVisible()
        and not isinstance(widget, QScrollBar | QHeaderView)
        and not isinstance(widget.parent(), QComboBox | QTabBar)
        and not QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
    ]
    assert not nameless


def test_keyboard_alone_reaches_every_control_in_order(window: Window, qtbot: QtBot) -> None:
    load(window)
    main = window.main
    main.top_bar._buttons["open"].setFocus()
    reached: list[QWidget] = []
    while (focused := QApplication.focusWidget()) not in reached:
        reached.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert focused is reached[0], "Tab must come round, not circle in one panel"

    def first(area: QWidget) -> int:
        return next(index for index, widget in enumerate(reached) if area.isAncestorOf(widget))

    order = [first(area) for area in (main.top_bar, main.steps, main.graph, main.table, main.tabs)]
    assert order == sorted(order)
    passed_by = [
        widget.accessibleName() or widget
        for widget in main.findChildren(QAbstractButton)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget not in reached
    ]
    assert not passed_by


def test_start_has_its_focus_on_open(window: Window, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    assert QApplication.focusWidget().text() == "Open a model…"


def test_about_names_version_and_licence(window: Window, qtbot: QtBot) -> None:
    from gui.views.about_dialog import AboutDialog

    window.actions["about"].trigger()
    dialog = window.main.findChild(AboutDialog)
    assert dialog.isVisible()
    assert "Apache License" in dialog._words.text()
    dialog.close()


def test_sizes_of_panels_are_kept_for_next_time(window: Window) -> None:
    load(window)
    splitter = window.main.findChild(QSplitter, "columns")
    splitter.setSizes([400, 1000])
    sizes = splitter.sizes()
    window.main.close()
    assert window.commands._settings.values.splitters["columns"] == sizes
    assert window.commands._settings.values.geometry


def test_window_and_panels_stand_where_they_were_at_the_next_start(
    window: Window, qapp: QApplication, settings: Settings
) -> None:
    load(window)
    window.main.resize(940, 700)  # the screen of the tests is no wider
    QApplication.processEvents()
    kept = {}
    for name in ("columns", "middle"):
        splitter = window.main.findChild(QSplitter, name)
        total = sum(splitter.sizes())
        splitter.setSizes([total * 2 // 5, total * 3 // 5])
        kept[name] = splitter.sizes()
    window.main.close()
    again = Window(qapp, type(window.engine)(qapp), Settings(settings._path), "en")
    again.main.show()
    load(again)
    QApplication.processEvents()
    assert again.main.size() == QSize(940, 700)
    for name, sizes in kept.items():
        assert again.main.findChild(QSplitter, name).sizes() == pytest.approx(sizes, abs=8), name
    again.main.close()
    again.close()
    for part in (again.main, again.session, again.translations, again.theme, again.engine):
        delete(part)


def test_undo_names_the_edit_in_the_language_in_force(window: Window) -> None:
    load(window)
    window.session.set_layers([window.session.model.layers[0].id], "Sparsity", sparsity=0.5)
    assert window.actions["undo"].toolTip() == "Undo: Sparsity (Ctrl+Z)"
    window.translations.choose("zh_CN")
    assert "稀疏度" in window.actions["undo"].toolTip()


def test_findings_go_while_nothing_is_open(window: Window) -> None:
    """For each kind of them every view would look at all layers of the model that comes."""
    session = window.session
    session._take(make_model("/first.onnx"))
    session._take(make_data())
    session._take(make_result(session.plan))
    assert session.result is not None
    seen: list[object] = []
    for signal in (session.result_changed, session.run_changed, session.baseline_changed):
        signal.connect(lambda _value: seen.append(session.model))
    second = msgspec.structs.replace(make_model("/second.onnx"), sha256="other")
    session._take(second)
    assert seen == [None] * 3
    assert (session.model, session.result, session.run_state) == (second, None, "none")
    assert window.main.table.model.rows[0].layer == second.layers[0]
