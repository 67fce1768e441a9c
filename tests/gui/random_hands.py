"""Seeded random clicks, wheels, drags, keys and words, wherever the window can take them."""

from __future__ import annotations

import random
from collections import Counter

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QWheelEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from random_matter import KEYS, WORDS
from shiboken6 import isValid
from watching import Watch

from gui.app import Window

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
PLAIN = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
MODIFIERS = (PLAIN, PLAIN, PLAIN, SHIFT, CONTROL, CONTROL | SHIFT, ALT)


class RandomHands:
    def __init__(self, window: Window, watch: Watch, chance: random.Random) -> None:
        self._window = window
        self._watch = watch
        self._random = chance
        self._seldom = window.actions["theme"]
        """It takes as long as a hundred other events."""
        self.done: Counter[str] = Counter()
        """How often each kind of event was."""

    def _note(self, name: str) -> None:
        self.done[name.split(" ")[0] if name.startswith("dialog") else name] += 1
        self._watch.recent.append(name)

    def _add(self, what: str) -> None:
        """More about what is done, for whoever reads a fault."""
        if self._watch.recent:
            self._watch.recent[-1] += f" {what}"

    # ------------------------------------------------------------ pointer

    def _area(self) -> QWidget:
        """A part of the window, each as likely as the other however small it is."""
        main = self._window.main
        parts = (
            main.top_bar, main.steps, main.graph, main.table, main.inspector, main.tabs.tabBar(),
            main.tabs.currentWidget(), main.tabs.currentWidget(), main.data_view, main.start, main.outcome,
            main.error_bar, main.export_bar, main.conversion_bar, main.card_bar, main,
        )  # fmt: skip
        return self._random.choice([part for part in parts if part is not None and part.isVisible()])

    def _some_widget(self, area: QWidget) -> QWidget:
        widgets = [area, *area.findChildren(QWidget)]
        for _ in range(40):
            widget = self._random.choice(widgets)
            if not widget.isVisible() or widget.window() is not area.window():
                continue
            if (
                getattr(widget, "defaultAction", lambda: None)() is self._seldom
                and self._random.random() < 0.9
            ):
                continue
            if not widget.visibleRegion().isEmpty():
                return widget
        return area

    def _place(self, widget: QWidget) -> QPoint:
        """A point of what is seen of a widget, in it."""
        rects = list(widget.visibleRegion()) or [widget.rect()]
        rect = self._random.choice(rects)
        return QPoint(
            self._random.randint(rect.left(), max(rect.left(), rect.right())),
            self._random.randint(rect.top(), max(rect.top(), rect.bottom())),
        )

    def _mouse(self, widget: QWidget, what: str, button: Qt.MouseButton) -> None:
        top = widget.window()
        handle = top.windowHandle()
        if handle is None:
            return
        self._add(f"{type(widget).__name__} {widget.accessibleName()[:30]!r}")
        where = widget.mapTo(top, self._place(widget))
        modifiers = self._random.choice(MODIFIERS)
        if what == "double":
            QTest.mouseDClick(handle, button, modifiers, where)
        else:
            QTest.mouseClick(handle, button, modifiers, where)

    def _click(self) -> None:
        self._mouse(self._some_widget(self._area()), "click", LEFT)

    def _double_click(self) -> None:
        self._mouse(self._some_widget(self._area()), "double", LEFT)

    def _right_click(self) -> None:
        widget = self._some_widget(self._area())
        self._mouse(widget, "click", RIGHT if self._random.random() < 0.8 else MIDDLE)
        # off screen the platform makes no context menu of a right click
        if isValid(widget) and widget.isVisible() and QApplication.activePopupWidget() is None:
            place = self._place(widget)
            event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place))
            QApplication.sendEvent(widget, event)

    def _wheel(self) -> None:
        widget = self._some_widget(self._area())
        self._add(type(widget).__name__)
        for _ in range(self._random.randint(1, 4)):
            if not isValid(widget) or not widget.isVisible():
                return
            place = self._place(widget)
            top = widget.window()
            target = top.childAt(widget.mapTo(top, place)) or widget
            steps = self._random.choice((-120, 120, -1200, 1200, 15))
            delta = QPoint(0, steps) if self._random.random() < 0.8 else QPoint(steps, 0)
            event = QWheelEvent(
                QPointF(target.mapFrom(top, widget.mapTo(top, place))), QPointF(widget.mapToGlobal(place)),
                QPoint(), delta, Qt.MouseButton.NoButton, self._random.choice(MODIFIERS),
                Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(target, event)

    def _drag(self) -> None:
        widget = self._some_widget(self._area())
        other = widget if self._random.random() < 0.7 else self._some_widget(self._area())
        self._add(f"{type(widget).__name__} to {type(other).__name__}")
        top = widget.window()
        handle = top.windowHandle()
        if handle is None:
            return
        button = self._random.choice((LEFT, LEFT, LEFT, MIDDLE, RIGHT))
        modifiers = self._random.choice(MODIFIERS)
        last = widget.mapTo(top, self._place(widget))
        QTest.mousePress(handle, button, modifiers, last)
        for _ in range(self._random.randint(1, 6)):
            # what was pressed may have scrolled it out of the window
            seen = isValid(other) and other.window() is top and not other.visibleRegion().isEmpty()
            if seen:
                last = other.mapTo(top, self._place(other))
            QTest.mouseMove(handle, last)
        QTest.mouseRelease(handle, button, modifiers, last)

    def _move(self) -> None:
        widget = self._some_widget(self._area())
        handle = widget.window().windowHandle()
        if handle is not None:
            QTest.mouseMove(handle, widget.mapTo(widget.window(), self._place(widget)))

    def _resize(self) -> None:
        self._window.main.resize(self._random.randint(900, 1700), self._random.randint(560, 1100))

    # ------------------------------------------------------------ keys

    def _keyboard(self) -> QWindow:
        if QGuiApplication.focusWindow() is None:
            self._window.main.activateWindow()
            QTest.qWait(0)
        return QGuiApplication.focusWindow() or self._window.main.windowHandle()

    def _press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        self._add(key.name)
        QTest.keyClick(self._keyboard(), key, modifiers)

    def _key(self) -> None:
        modifiers = self._random.choice(MODIFIERS)
        for _ in range(self._random.choice((1, 1, 1, 2, 5))):
            self._press(self._random.choice(KEYS), modifiers)

    def _shortcut(self) -> None:
        actions = [
            action
            for action in self._window.main.findChildren(type(self._window.actions["run"]))
            if not action.shortcut().isEmpty()
        ]
        action = self._random.choice([*self._window.actions, *actions])
        if action is self._seldom and self._random.random() < 0.9:
            return
        if action is self._window.actions["quit"] or action.shortcut().isEmpty():
            return
        combination = action.shortcut()[0]
        self._add(action.objectName() or action.text())
        QTest.keyClick(self._keyboard(), combination.key(), combination.keyboardModifiers())

    def _type(self) -> None:
        kinds = (QLineEdit, QAbstractSpinBox, QPlainTextEdit)
        fields = [
            field
            for field in self._window.main.findChildren(QWidget)
            if isinstance(field, kinds) and field.isVisible() and field.isEnabled()
        ]
        if not fields:
            return
        field = self._random.choice(fields)
        field.setFocus()
        words = self._random.choice(WORDS)
        self._add(f"{field.accessibleName()[:30]!r} {words[:20]!r}")
        QTest.keyClick(self._keyboard(), Qt.Key.Key_A, CONTROL)
        if words.isascii():
            for letter in words:
                QTest.keyClick(self._keyboard(), letter)
        elif isinstance(field, QLineEdit):
            field.insert(words)
        QTest.keyClick(
            self._keyboard(), self._random.choice((Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_A))
        )

    def _combo(self) -> None:
        boxes = [
            box for box in self._window.main.findChildren(QComboBox) if box.isVisible() and box.isEnabled()
        ]
        if not boxes:
            return
        box = self._random.choice(boxes)
        self._add(box.accessibleName()[:40])
        box.setFocus()
        for _ in range(self._random.randint(1, 4)):
            self._press(
                self._random.choice((Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_End, Qt.Key.Key_Home))
            )
