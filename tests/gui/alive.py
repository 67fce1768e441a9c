"""Whether every panel of the window still answers, and the engine behind it.

A panel is dead if, brought to the screen, it no longer gets what the pointer does on it, no longer paints, or
no longer says something else when the language changes; the panels in which something is chosen must also
choose it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from person import cell, click
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTabWidget, QWidget
from seen_texts import texts_of
from shiboken6 import isValid
from workbench import shown

from core import messages as m
from gui import samples
from gui.app import Window
from gui.models.layer_table import Column

PATIENCE_SECONDS = 120
SILENT = ("NetronView",)
"""The browser's page paints and hears by itself, and has tests of its own."""


class _Ear(QObject):
    """What arrives at a panel or in it."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self.heard: set[QEvent.Type] = set()
        # on the panel's own parts alone: one on the program would meet objects that are half gone
        self._parts = [panel, *panel.findChildren(QWidget)]
        for part in self._parts:
            part.installEventFilter(self)

    def eventFilter(self, target: QObject, event: QEvent) -> bool:
        self.heard.add(event.type())
        return False

    def leave(self) -> None:
        for part in self._parts:
            if isValid(part):
                part.removeEventFilter(self)


def dead_parts(window: Window) -> list[str]:
    """Names of panels, and of other parts, that do not answer. A model and samples are opened anew."""
    dead: list[str] = []
    session, main = window.session, window.main
    main.resize(1440, 900)
    if not _until(lambda: session.job is None):
        return ["a job that cannot be stopped"]
    if not _engine_answers(window):
        return ["the engine"]
    sample = samples.samples()[-1]
    session.open_model(samples.model_path(sample), samples.data_spec(sample))
    opened = _until(
        lambda: session.job is None and session.data is not None and session.model.name.startswith("iris")
    )
    if not opened:
        return ["opening"]
    window.translations.choose("en")
    if window.help.tour.active:  # its bubble lies over panels until it is skipped
        click(window.help.tour.bubble.skip)
        if window.help.tour.active:
            dead.append("the tour does not end")
    main.show_work()
    for panel in (main.top_bar, main.steps, main.graph, main.table, main.outcome):
        dead += signs(window, panel)
    tabs: QTabWidget = main.tabs
    for index in range(tabs.count()):
        if not tabs.isTabEnabled(index) or type(tabs.widget(index)).__name__ in SILENT:
            continue
        _turn_to(tabs, index)
        if tabs.currentIndex() != index:
            dead.append(f"tab {tabs.tabText(index)}")
        dead += signs(window, tabs.widget(index))
    dead += _choosing(window)
    main.show_data()
    dead += signs(window, main.data_view)
    main.show_work()
    return dead + _working(window)


def _turn_to(tabs: QTabWidget, index: int) -> None:
    """Click the tab; one that is behind the bar's arrows, where names are long, is reached by keys."""
    bar = tabs.tabBar()
    handle = tabs.window().windowHandle()
    place = bar.tabRect(index).center()
    if bar.visibleRegion().contains(place) and bar.childAt(place) is None:
        at = bar.mapTo(tabs.window(), place)
        QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        return
    bar.setFocus()
    for _ in range(2 * bar.count()):
        if tabs.currentIndex() == index:
            break
        QTest.keyClick(handle, Qt.Key.Key_Right if tabs.currentIndex() < index else Qt.Key.Key_Left)


def signs(window: Window, panel: QWidget, patience: float = 10) -> list[str]:
    """What of hearing, painting and following the language the panel lacks; it must be on the screen."""
    name = type(panel).__name__
    QTest.qWait(20)
    if not panel.isVisible():
        return [f"{name} is not shown"]
    ear = _Ear(panel)
    # the middle button starts nothing
    at = panel.mapTo(window.main, panel.rect().center())
    obstacle = _obstacle(window, panel, at)
    handle, middle = window.main.windowHandle(), Qt.MouseButton.MiddleButton
    QTest.mousePress(handle, middle, Qt.KeyboardModifier.NoModifier, at)
    QTest.mouseRelease(handle, middle, Qt.KeyboardModifier.NoModifier, at)
    before = {words for _, words in texts_of(shown(panel))}
    window.translations.choose("zh_CN")
    QTest.qWait(20)
    after = {words for _, words in texts_of(shown(panel))}
    window.translations.choose("en")
    panel.update()
    _until(lambda: QEvent.Type.Paint in ear.heard, patience)
    ear.leave()
    wrong = []
    if QEvent.Type.MouseButtonPress not in ear.heard:
        wrong.append(f"{name} does not hear the pointer{obstacle}")
    if QEvent.Type.Paint not in ear.heard:
        wrong.append(f"{name} does not paint")
    if before and not after - before:
        wrong.append(f"{name} does not follow the language")
    return wrong


def _obstacle(window: Window, panel: QWidget, at: QPoint) -> str:
    """What is in the pointer's way to a panel, in brackets; empty for nothing."""
    top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
    if top is not None:
        return f" ({type(top).__name__} is open)"
    there = window.main.childAt(at)
    if there is panel or (there is not None and panel.isAncestorOf(there)):
        return ""
    return f" ({type(there).__name__} lies there)"


def _choosing(window: Window) -> list[str]:
    """A click on a layer chooses it, keys in the graph go on from there, the inspector follows."""
    session, main = window.session, window.main
    wrong = []
    main.table.search.clear()
    if main.table.changed_only.isChecked():
        main.table.changed_only.click()
    for layer in session.model.layers[:2]:
        click(main.table.table.viewport(), cell(main.table, layer.id, Column.NAME).center())
        if session.selection != layer.id:
            wrong.append("the table chooses no layer")
        elif not _until(lambda: session.layer_view is not None, 30):
            wrong.append("the inspector is not told of the layer")
    session.select(session.model.layers[0].id)
    main.graph.canvas.setFocus()
    for _ in range(4):
        QTest.keyClick(main.windowHandle(), Qt.Key.Key_Down)
    if session.selection == session.model.layers[0].id:
        wrong.append("keys in the graph choose no layer")
    return wrong


def _working(window: Window) -> list[str]:
    """An edit, its undoing, and a run to its end."""
    session = window.session
    before = session.plan
    layer = session.model.layers[0].id
    session.set_layers([layer], "Bits", weight_bits=4 if before.layer(layer).weight_bits != 4 else 6)
    edited = session.plan
    window.actions["undo"].trigger()
    if edited == before or session.plan != before:
        return ["undo"]
    session.set_defaults("Bits", weight_bits=8, sparsity=0.0)
    session.reset_parameters("Plan")
    session.reset_layers([each.id for each in session.model.layers], "Plan")
    window.actions["run"].trigger()
    if not _until(lambda: session.run_state == "done" and session.job is None):
        return [f"a run ({session.run_state})"]
    return []


def _engine_answers(window: Window) -> bool:
    answers: set[int] = set()

    def take(event: object) -> None:
        if isinstance(event, m.Done):
            answers.add(event.id)

    window.engine.event.connect(take)
    asked = window.engine.send(m.Describe())
    heard = _until(lambda: asked.id in answers)
    window.engine.event.disconnect(take)
    return heard


def _until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        QTest.qWait(10)
    return True
