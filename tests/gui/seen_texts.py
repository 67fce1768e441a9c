"""Every text that a person can meet in a window: of widgets, menus, models, tool tips, and painted ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QTabBar,
    QToolTip,
    QWidget,
)

ROLES = (
    Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole,
    Qt.ItemDataRole.AccessibleDescriptionRole, Qt.ItemDataRole.StatusTipRole,
)  # fmt: skip
ROWS = 40
"""Of a long table the first so many: the others are written by the same lines of code."""
GRID = 24
"""Points between two places where a tool tip is asked for."""

Seen = set[tuple[str, str]]
"""Where it stands (class of the widget and what it is there), and the text."""


def texts_of(widgets: list[QWidget]) -> Seen:
    """What these widgets say by their properties, models and menus."""
    seen: Seen = set()
    for widget in widgets:
        if _of_qt(widget):
            continue
        kind = type(widget).__name__
        for what, words in _properties(widget):
            if words:
                seen.add((f"{kind} {what}", words))
    return seen


def _of_qt(widget: QWidget) -> bool:
    """Parts that Qt makes inside its own widgets, named by Qt's own translation."""
    parent = widget.parent()
    return isinstance(parent, QTabBar | QComboBox | QAbstractSpinBox) or widget.objectName().startswith("qt_")


def _properties(widget: QWidget) -> Iterator[tuple[str, str]]:
    yield "name", widget.accessibleName()
    yield "description", widget.accessibleDescription()
    yield "tip", widget.toolTip()
    yield "status", widget.statusTip()
    if widget.isWindow():
        yield "title", widget.windowTitle()
    if isinstance(widget, QLabel | QAbstractButton):
        yield "text", getattr(widget, "full_text", "") or widget.text()
    if isinstance(widget, QGroupBox):
        yield "title", widget.title()
    if isinstance(widget, QLineEdit):
        yield "hint", widget.placeholderText()
    if isinstance(widget, QPlainTextEdit):
        yield "hint", widget.placeholderText()
    if isinstance(widget, QProgressBar):
        yield "format", widget.text()
    if isinstance(widget, QTabBar):
        for index in range(widget.count()):
            yield "tab", widget.tabText(index)
            yield "tab tip", widget.tabToolTip(index)
    if isinstance(widget, QAbstractSpinBox) and not isinstance(widget, QComboBox):
        yield "value", widget.text()
    if isinstance(widget, QComboBox):
        for index in range(widget.count()):
            yield "item", widget.itemText(index)
            yield "item tip", str(widget.itemData(index, Qt.ItemDataRole.ToolTipRole) or "")
    elif isinstance(widget, QAbstractItemView) and not isinstance(widget, QHeaderView):
        yield from _model_texts(widget)
    for action in widget.actions():
        if action.parent() is widget:
            yield from _action(action)
    for menu in widget.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly):
        yield from _menu(menu)


def _model_texts(view: QAbstractItemView) -> Iterator[tuple[str, str]]:
    model = view.model()
    if model is None:
        return
    # a list has one; Qt keeps its columnCount to itself
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())
    for role in ROLES:
        for column in range(columns):
            yield "header", str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
            for row in range(min(model.rowCount(QModelIndex()), ROWS)):
                yield "cell", str(model.index(row, column).data(role) or "")


def _action(action: QAction) -> Iterator[tuple[str, str]]:
    if action.isSeparator():
        return
    yield "action", action.text()
    yield "action tip", action.toolTip()


def _menu(menu: QMenu) -> Iterator[tuple[str, str]]:
    menu.aboutToShow.emit()
    yield "menu", menu.title()
    for action in menu.actions():
        yield from _action(action)
        if action.menu() is not None:
            yield from _menu(action.menu())


@contextmanager
def painted() -> Iterator[Seen]:
    """Collects what is painted as text, and what tool tips say, while it lasts."""
    seen: Seen = set()
    draw, tell = QPainter.drawText, QToolTip.showText

    def drawing(painter: QPainter, *arguments: object) -> object:
        for words in arguments:
            if isinstance(words, str) and words:
                device = painter.device()
                seen.add((f"painted on {type(device).__name__}", words))
        return draw(painter, *arguments)

    def telling(place: QPoint, words: str, *rest: object) -> None:
        if words:
            seen.add(("tool tip", words))

    QPainter.drawText, QToolTip.showText = drawing, telling
    try:
        yield seen
    finally:
        QPainter.drawText, QToolTip.showText = draw, tell


def ask_for_tips(widgets: list[QWidget]) -> None:
    """Rest the pointer on a grid of places of these widgets, where Qt would show a tool tip."""
    for widget in widgets:
        if type(widget).event is QWidget.event and not hasattr(type(widget), "viewportEvent"):
            continue
        area = widget.rect()
        for x in range(GRID // 2, area.width(), GRID):
            for y in range(GRID // 2, min(area.height(), 400), GRID):
                place = QPoint(x, y)
                event = QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place))
                QApplication.sendEvent(widget, event)
