"""A person at the screen: pointer and keys go to the window, and reach whatever lies or listens there."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from gui.app import Window
from gui.main_window import MainWindow
from gui.models.layer_table import Column
from gui.views.table_view import TableView
from gui.widgets.layer_delegates import slider_track

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


# ---------------------------------------------------------------- pointer


def click(widget: QWidget, place: QPoint | None = None) -> None:
    """Press and release where the widget is on the screen; what covers it gets the click."""
    top = widget.window()
    where = widget.mapTo(top, place if place is not None else widget.rect().center())
    assert widget.isVisible() and widget.isEnabled(), widget
    assert top.rect().contains(where), f"{widget} lies outside the window"
    QTest.mouseClick(top.windowHandle(), LEFT, Qt.KeyboardModifier.NoModifier, where)


def drag(widget: QWidget, start: QPoint, *stops: QPoint) -> None:
    top = widget.window()
    handle, plain = top.windowHandle(), Qt.KeyboardModifier.NoModifier
    QTest.mousePress(handle, LEFT, plain, widget.mapTo(top, start))
    for stop in stops:
        QTest.mouseMove(handle, widget.mapTo(top, stop))
    QTest.mouseRelease(handle, LEFT, plain, widget.mapTo(top, stops[-1]))


def drop(window: Window, *paths: Path | str) -> None:
    """What Qt does when files are let go over the window; an address with :// stays one."""
    mime = QMimeData()
    mime.setUrls([QUrl(str(p)) if "://" in str(p) else QUrl.fromLocalFile(str(p)) for p in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(window.main, enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(window.main, event)


def button(window: Window, action: str) -> QToolButton:
    """The button of the top bar that now stands for this action."""
    for found in window.main.top_bar.findChildren(QToolButton):
        if found.defaultAction() is not None and found.defaultAction().objectName() == action:
            return found
    raise AssertionError(f"no button for '{action}'")


def cell(table: TableView, layer_id: str, column: Column) -> QRect:
    """Where a layer's cell is in the viewport, scrolled into view."""
    proxy = table.filter
    index = proxy.mapFromSource(table.model.index(table.model.position(layer_id), column))
    table.table.scrollTo(index)
    return table.table.visualRect(index)


def on_track(rect: QRect, share: float) -> QPoint:
    track = slider_track(rect)
    return QPoint(round(track.left() + share * track.width()), round(track.center().y()))


# ---------------------------------------------------------------- keys


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """A key for whatever has the focus, an open menu included."""
    QTest.keyClick(_listening(), key, modifiers)


def type_in(words: str) -> None:
    for letter in words:
        QTest.keyClick(_listening(), letter)


def _listening() -> QWindow:
    """The window that gets the keys. Off screen no window manager passes them on when a dialog closes."""
    if QGuiApplication.focusWindow() is None:
        next(top for top in QApplication.topLevelWidgets() if isinstance(top, MainWindow)).activateWindow()
        QTest.qWait(0)
    return QGuiApplication.focusWindow()


def retype(words: str) -> None:
    press(Qt.Key.Key_A, CONTROL)
    type_in(words)


def tab_to(name: str, limit: int = 80) -> QWidget:
    """Press Tab until the control with this accessible name or text has the focus."""
    for _ in range(limit):
        focused = QApplication.focusWidget()
        if focused is not None and name in (focused.accessibleName(), getattr(focused, "text", str)()):
            return focused
        press(Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not reach '{name}'")


def choose_path(qtbot: QtBot, path: object) -> None:
    """Type a path into the file dialog that is open, and confirm."""
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None and _is_dialog())
    retype(str(path))
    press(Qt.Key.Key_Return)


def _is_dialog() -> bool:
    return QApplication.activeWindow().inherits("QFileDialog")
