"""Which controls have no name, and which no key reaches."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QSplitterHandle,
    QTabBar,
    QWidget,
)

CONTROLS = (
    QAbstractButton, QComboBox, QLineEdit, QAbstractSlider, QAbstractSpinBox, QAbstractItemView,
    QPlainTextEdit, QTabBar,
)  # fmt: skip
HANDLERS = ("mousePressEvent", "mouseReleaseEvent", "mouseDoubleClickEvent", "mouseMoveEvent")
MOST_TABS = 400


def told(widget: QWidget) -> str:
    parents = []
    above = widget.parentWidget()
    while above is not None and len(parents) < 4:
        parents.append(type(above).__name__)
        above = above.parentWidget()
    name = widget.accessibleName() or getattr(widget, "text", lambda: "")()
    return f"{type(widget).__name__} {name!r} in {' in '.join(parents)}"


def takes_the_pointer(widget: QWidget) -> bool:
    """A view of ours that answers clicks or drags by itself."""
    return any(_ours(widget, handler) for handler in HANDLERS)


def has_keys(widget: QWidget) -> bool:
    return _ours(widget, "keyPressEvent") or isinstance(widget, CONTROLS)


def _ours(widget: QWidget, method: str) -> bool:
    """Written in this program, not inherited from Qt."""
    return any(
        method in kind.__dict__ for kind in type(widget).__mro__ if kind.__module__.split(".")[0] == "gui"
    )


def interactive(widgets: list[QWidget]) -> list[QWidget]:
    """What a person can press, drag, or type into, without the parts that Qt's own controls are made of."""
    return [
        widget
        for widget in widgets
        if (isinstance(widget, CONTROLS) or takes_the_pointer(widget))
        and not isinstance(widget, QScrollBar | QHeaderView | QSplitterHandle)
        and not isinstance(widget.parent(), QComboBox | QTabBar | QAbstractSpinBox | QLineEdit)
        and not widget.objectName().startswith("qt_")
    ]


def nameless(widgets: list[QWidget]) -> list[str]:
    return [
        told(widget)
        for widget in interactive(widgets)
        if not (QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)).strip()
        and not isinstance(widget, QTabBar)  # its tabs are named
    ]


def reached_by_tab(window: QWidget) -> list[QWidget]:
    """All that Tab comes to, from where the focus is until it is there again."""
    reached: list[QWidget] = []
    for _ in range(MOST_TABS):
        focused = QApplication.focusWidget()
        if focused is not None and focused not in reached:
            reached.append(focused)
        elif len(reached) > 1 and focused is reached[0]:
            return reached  # a table goes from cell to cell by Tab before it lets go
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come round: {[told(each) for each in reached[-6:]]}")


def unreached(widgets: list[QWidget], reached: list[QWidget]) -> list[str]:
    """Enabled controls that neither Tab comes to, nor the arrows of a group that Tab comes to."""
    groups = {each.group() for each in reached if isinstance(each, QAbstractButton) and each.group()}
    neighbours = {
        each.parentWidget() for each in reached if isinstance(each, QAbstractButton) and each.autoExclusive()
    }
    return [
        told(widget)
        for widget in interactive(widgets)
        if widget.isEnabled()
        and widget not in reached
        and widget.focusProxy() not in reached
        and not any(widget.isAncestorOf(each) for each in reached)
        # a map on a view is for the pointer: the view's own keys go wherever it leads
        and not any(each.isAncestorOf(widget) and _ours(each, "keyPressEvent") for each in reached)
        and not (isinstance(widget, QAbstractButton) and widget.group() in groups)
        and not (
            isinstance(widget, QAbstractButton)
            and widget.autoExclusive()
            and widget.parentWidget() in neighbours
        )
    ]
