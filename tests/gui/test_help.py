"""What the Help menu brings: a tour that is never in the way, a glossary, and a page of keys."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

import pytest
from person import CONTROL, click, press, tab_to, type_in
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QAction, QHelpEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model, make_result

from core import messages as m
from core.values import Exported
from gui.app import Window
from gui.glossary import entries, explained
from gui.i18n import LANGUAGES, PSEUDO
from gui.tour_stops import STOPS, words
from gui.views.glossary_dialog import GlossaryDialog
from gui.views.shortcuts_dialog import ShortcutsDialog, native, panel_keys

GUI = Path(__file__).parents[2] / "gui"
TERMS_OF_THE_FIELD = {
    "sparsity", "calibration", "per_channel", "quantisation", "scale", "zero_point", "kl_divergence", "sqnr",
    "pareto", "fine_tuning", "depthwise", "coupling", "latency", "opset", "confidence_interval", "blame",
    "pattern", "bits", "float", "activation", "weight", "layer", "channel", "point", "plan",
}  # fmt: skip


@pytest.fixture
def touring(window: Window, qtbot: QtBot) -> Window:
    window.help.greet()
    qtbot.waitUntil(lambda: window.help.tour.active and window.help.tour.bubble.isVisible())
    return window


def load(window: Window) -> None:
    window.session._take(make_model())
    window.session._take(make_data())


# ---------------------------------------------------------------- tour


def test_the_tour_begins_at_the_first_start_only_and_leaves_the_keys(touring: Window) -> None:
    tour = touring.help.tour
    assert tour.stop == "start"
    assert not tour.bubble.isAncestorOf(QApplication.focusWidget())
    click(tour.bubble.skip)
    assert not tour.active
    touring.help.greet()
    assert not tour.active, "once is enough"
    assert touring.help._settings.values.greeted
    press(Qt.Key.Key_F1)
    assert tour.active and tour.stop == "start"


def test_the_tour_goes_along_with_the_work(touring: Window) -> None:
    tour, session = touring.help.tour, touring.session
    seen = [tour.stop]
    click(touring.main.start.sample_button)  # the bubble does not cover what it points at
    assert touring.engine.last(m.OpenModel)
    session._on_event(m.Partial(id=session.job.id, value=make_model()))
    session._on_event(m.Done(id=session.job.id, value=make_model()))
    seen.append(tour.stop)
    session._on_event(m.Done(id=session.job.id, value=make_data()))
    seen.append(tour.stop)
    click(touring.main.steps.next_button)
    seen.append(tour.stop)
    session._on_event(m.Failed(id=session.job.id, code="Cancelled", what=None))
    session.set_layers(["stem"], "", sparsity=0.5)
    seen.append(tour.stop)
    click(touring.main.steps.next_button)
    seen.append(tour.stop)
    session._on_event(m.Done(id=session.job.id, value=make_result(session.plan)))
    seen.append(tour.stop)
    session._take(Exported(path="/out.onnx", sha256="", size_bytes=1000))
    seen.append(tour.stop)
    assert seen == ["start", "data", "goal", "measure", "plan", "run", "export", "end"]
    assert not tour.bubble.next.isVisible()
    assert tour.bubble.skip.text() == "Close"


def test_the_tour_by_keyboard(window: Window, qtbot: QtBot) -> None:
    load(window)
    tour = window.help.tour
    press(Qt.Key.Key_F1)
    assert tour.stop == "goal"
    assert QApplication.focusWidget() is tour.bubble.next
    press(Qt.Key.Key_Space)
    assert tour.stop == "find"
    tab_to("Back")
    press(Qt.Key.Key_Space)
    press(Qt.Key.Key_Space)
    assert tour.stop == "data"
    press(Qt.Key.Key_Escape)
    assert not tour.active
    assert window.engine.cancelled == [], "Escape was the bubble's"


@pytest.mark.parametrize("size", [(940, 600), (1440, 900)])
@pytest.mark.parametrize("language", [*LANGUAGES, PSEUDO])
def test_no_stop_hides_its_control_or_what_comes_next(
    window: Window, qtbot: QtBot, size: tuple[int, int], language: str
) -> None:
    window.translations.choose(language)
    window.main.resize(*size)
    load(window)
    window.help.show("tour")
    tour = window.help.tour
    small = ("steps", "top_bar")
    while tour.at:
        tour.back()
    for _ in STOPS:
        tour._look()
        QApplication.processEvents()
        bubble, ring = tour.bubble.geometry(), tour._ring.geometry()
        assert window.main.rect().contains(bubble), (tour.stop, bubble)
        bars = [getattr(window.main, name).geometry() for name in small]
        assert not any(bar.intersects(bubble.adjusted(10, 10, -10, -10)) for bar in bars), tour.stop
        assert ring.intersects(window.main.rect())
        for label in (tour.bubble._title, tour.bubble._words):
            assert label.height() >= label.heightForWidth(label.width()), (tour.stop, label.text())
        assert (tour.bubble._title.text(), tour.bubble._words.text()) == words(tour.stop)
        tour.forward()


def test_the_tour_keeps_to_its_control_when_panels_move(window: Window, qtbot: QtBot) -> None:
    load(window)
    window.help.show("tour")
    tour = window.help.tour
    while tour.stop != "outcome":
        tour.forward()
    before = tour._ring.geometry()
    window.main.resize(1200, 700)
    qtbot.waitUntil(lambda: tour._ring.geometry() != before)
    outcome = window.main.outcome
    assert tour._ring.geometry().center().x() == pytest.approx(
        outcome.mapTo(window.main, outcome.rect().center()).x(), abs=6
    )
    window.theme.toggle()
    window.translations.choose("zh_CN")
    qtbot.waitUntil(lambda: tour.bubble._title.text() == "得到什么，付出什么")


def test_the_tour_takes_no_click_meant_for_the_window(touring: Window) -> None:
    tour = touring.help.tour
    assert tour._ring.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    load(touring)
    click(touring.main.top_bar._buttons["data"])
    assert touring.main.data_view.isVisible()
    assert tour.active


def test_beside_the_data_screen_the_bubble_leaves_its_words_free(touring: Window, qtbot: QtBot) -> None:
    """Of a large panel it names where to begin: nothing of the sentence above is covered."""
    touring.main.resize(1280, 720)
    touring.session._take(make_model())
    click(touring.main.top_bar._buttons["data"])
    tour, data = touring.help.tour, touring.main.data_view
    qtbot.waitUntil(lambda: tour.stop == "data" and data.isVisible())
    tour._look()
    first = QRect(data.first_choice.mapTo(touring.main, QPoint()), data.first_choice.size())
    bubble = tour.bubble.geometry().adjusted(10, 10, -10, -10)
    assert tour._ring.geometry().contains(first)
    assert bubble.top() > first.bottom()


# ---------------------------------------------------------------- glossary


def terms_used() -> dict[str, str]:
    """Keys that sources say, and where."""
    used = {}
    for path in GUI.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            called = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2]
            if called in ("explain", "explained"):
                literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                used |= {key: f"{path.name}:{node.lineno}" for key in literals if isinstance(key, str)}
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TERMS":
                values = node.value.values if isinstance(node.value, ast.Dict) else node.value.elts
                keys = [one.value for each in values for one in each.elts]
                used |= dict.fromkeys(keys, f"{path.name}:{node.lineno}")
    return used


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_that_is_used_has_an_entry(language: str) -> None:
    known = entries(language)
    used = terms_used()
    assert len(used) > 20, "the test has lost sight of them"
    assert not {key: place for key, place in used.items() if key not in known}
    assert set(known) >= TERMS_OF_THE_FIELD
    assert set(known) == set(entries("en"))
    for one in known.values():
        assert one.term and one.meaning
        assert set(one.see) <= set(known) - {one.key}
        assert one.see == entries("en")[one.key].see


def test_chinese_entries_are_chinese() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    for key, one in entries("zh_CN").items():
        assert han.search(one.meaning), key
        assert one.meaning != entries("en")[key].meaning


def tip_of(widget: QWidget) -> str:
    """What stands under the pointer, without its tags."""
    event = QHelpEvent(QEvent.Type.ToolTip, QPoint(1, 1), widget.mapToGlobal(QPoint(1, 1)))
    QApplication.sendEvent(widget, event)
    return html.unescape(re.sub("<[^>]+>", " ", QToolTip.text()))


def test_a_term_explains_itself_where_it_stands(window: Window) -> None:
    load(window)
    table = window.main.table.model
    tip = str(table.headerData(5, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole))
    assert "Drag the slider" in tip and entries("en")["sparsity"].meaning in html.unescape(tip)
    channels = window.main.best.channels
    tip = tip_of(channels)
    assert channels.toolTip() in tip and entries("en")["channel"].meaning in tip
    window.translations.choose("zh_CN")
    assert entries("zh_CN")["channel"].meaning in tip_of(channels)
    QToolTip.hideText()


def test_a_tooltip_cannot_smuggle_tags_in() -> None:
    assert "&lt;3 layers" in explained("<3 layers", "layer")


def test_the_glossary_is_searched_and_followed_by_keys(window: Window, qtbot: QtBot) -> None:
    press(Qt.Key.Key_G, CONTROL)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), GlossaryDialog))
    dialog = QApplication.activeWindow()
    type_in("rounding numbers")
    assert dialog.key == "quantisation"
    assert "8 bits most networks" in dialog.meaning.toPlainText()
    dialog.search.clear()
    type_in("zip")
    shown = [
        dialog.terms.item(row).text()
        for row in range(dialog.terms.count())
        if not dialog.terms.item(row).isHidden()
    ]
    assert "Zipped size" in shown and dialog.key == "zipped"
    press(Qt.Key.Key_Up)
    assert dialog.key != "zipped"
    type_in("qqq")
    assert dialog.key == "" and "No term" in dialog.meaning.toPlainText()
    dialog._follow(dialog.meaning.source().fromUserInput("scale"))
    window.translations.choose("zh_CN")
    qtbot.waitUntil(lambda: dialog.windowTitle() == "术语解释")
    press(Qt.Key.Key_Escape)
    assert not window.help.dialogs


def test_the_glossary_opens_once(window: Window, qtbot: QtBot) -> None:
    window.help.show("glossary")
    window.help.show("glossary")
    assert len(window.main.findChildren(GlossaryDialog)) == 1
    window.main.findChild(GlossaryDialog).close()


# ---------------------------------------------------------------- keys


def test_no_two_actions_share_keys(window: Window) -> None:
    seen: dict[str, str] = {}
    for action in window.main.findChildren(QAction) + list(window.actions):
        if action.shortcutContext() == Qt.ShortcutContext.WidgetShortcut:
            continue  # works only in its own widget
        for keys in action.shortcuts():
            name = action.objectName() or action.text()
            assert seen.setdefault(keys.toString(), name) == name, keys.toString()
    for shortcut in window.main.findChildren(QShortcut):
        if shortcut.context() != Qt.ShortcutContext.WidgetShortcut:
            assert shortcut.key().toString() not in seen, shortcut.key().toString()


def test_the_page_of_keys_has_every_action_with_keys(window: Window, qtbot: QtBot) -> None:
    window.help.show("keys")
    dialog = window.main.findChild(ShortcutsDialog)
    table = dialog.table
    rows = {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())}
    for action in window.actions:
        if not action.shortcut().isEmpty():
            assert rows[action.text()] == native(action.shortcut().toString())
    for _panel, keys in panel_keys():
        for what, pressed in keys:
            assert what in rows and pressed
    window.translations.choose("zh_CN")
    qtbot.waitUntil(lambda: dialog.windowTitle() == "快捷键")
    dialog.close()


def test_menus_and_tooltips_show_the_keys(window: Window) -> None:
    for action in window.actions:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        if keys:
            assert f"({keys})" in action.toolTip().partition("\n")[0]
            assert action.isShortcutVisibleInContextMenu()


def test_labels_with_a_term_have_dots_under_their_text(window: Window, qtbot: QtBot) -> None:
    load(window)
    heading = window.main.graph.heading
    qtbot.waitUntil(heading.updatesEnabled)
    image = heading.grab().toImage()
    dots = next(child for child in heading.children() if type(child).__name__ == "_Dots")
    dots.hide()
    assert heading.grab().toImage() != image
