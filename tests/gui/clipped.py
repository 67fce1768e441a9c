"""Which texts have less room than they need. Cut short with …, and told in a tool tip, is allowed."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionSpinBox,
    QTabBar,
    QToolButton,
    QWidget,
)

from gui.widgets.yielding_box import YieldingBox

SLACK = 1
"""Pixels that rounding of font metrics may take."""
INDICATOR = 22
"""What box or circle and gap take before the words of a check box."""


def clipped(widgets: list[QWidget]) -> set[str]:
    found = set()
    for widget in widgets:
        if isinstance(widget.parent(), QTabBar | QComboBox | QAbstractSpinBox | QLineEdit):
            continue
        for words, needed, given in _needs(widget):
            if words and needed > given + SLACK and not _told(widget, words):
                kind = type(widget).__name__
                found.add(f"{kind} {words[:60]!r} needs {needed} has {given} in {_place(widget)}")
        if isinstance(widget, QScrollArea) and _hides_its_side(widget):
            least = widget.widget().minimumSizeHint().width()
            found.add(f"{_place(widget)} is {widget.viewport().width()} wide, its content at least {least}")
        if isinstance(widget, QLabel | QAbstractButton | QComboBox) and _cut_off(widget):
            found.add(f"{type(widget).__name__} {_text(widget)[:60]!r} reaches out of {_place(widget)}")
    return found


def _needs(widget: QWidget) -> Iterator[tuple[str, int, int]]:
    """Words, the pixels that they need, and those that they have."""
    metrics = widget.fontMetrics()
    if isinstance(widget, QLabel):
        words = getattr(widget, "full_text", "") or widget.text()
        room = widget.contentsRect().width() - 2 * widget.margin()
        if widget.wordWrap():
            if words:
                yield words, widget.heightForWidth(widget.width()), widget.height()
                # a line of Chinese breaks between any two letters
                longest = max((word for word in words.split() if word.isascii()), key=len, default="")
                yield longest, metrics.horizontalAdvance(longest), room
        elif not widget.pixmap():
            lines = words.splitlines() or [""]
            yield words, max(metrics.horizontalAdvance(line) for line in lines), room
            yield words, metrics.height() * len(lines), widget.contentsRect().height() + 2
    elif isinstance(widget, QCheckBox | QRadioButton):
        yield widget.text(), metrics.horizontalAdvance(widget.text()) + INDICATOR, widget.width()
    elif isinstance(widget, QAbstractButton):
        yield _text(widget), _of_button(widget), widget.width()
    elif isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        part = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
        )
        icon = widget.iconSize().width() + 4 if not widget.itemIcon(widget.currentIndex()).isNull() else 0
        yield widget.currentText(), metrics.horizontalAdvance(widget.currentText()) + icon, part.width()
    elif isinstance(widget, QAbstractSpinBox):
        option = QStyleOptionSpinBox()
        widget.initStyleOption(option)
        part = widget.style().subControlRect(
            QStyle.ComplexControl.CC_SpinBox, option, QStyle.SubControl.SC_SpinBoxEditField, widget
        )
        yield widget.text(), metrics.horizontalAdvance(widget.text()), part.width()
    elif isinstance(widget, QLineEdit):
        room = widget.width() - 16 - (22 if widget.isClearButtonEnabled() and widget.text() else 0)
        yield widget.placeholderText(), metrics.horizontalAdvance(widget.placeholderText()), room
    elif isinstance(widget, QTabBar):
        for index in range(widget.count()):
            yield (
                widget.tabText(index),
                metrics.horizontalAdvance(widget.tabText(index)),
                widget.tabRect(index).width(),
            )
    elif isinstance(widget, QHeaderView) and widget.isVisible():
        yield from _of_header(widget)


def _of_button(widget: QAbstractButton) -> int:
    words = _text(widget)
    if not words:
        return 0
    # measured as the style draws it: a primary button's words are bold
    needed = max(widget.fontMetrics().horizontalAdvance(line) for line in words.splitlines())
    if not widget.icon().isNull():
        needed += widget.iconSize().width() + 4
    return needed + 6


def _of_header(header: QHeaderView) -> Iterator[tuple[str, int, int]]:
    model = header.model()
    if model is None or header.orientation() != Qt.Orientation.Horizontal:
        return
    for section in range(header.count()):
        if header.isSectionHidden(section):
            continue
        words = str(model.headerData(section, header.orientation(), Qt.ItemDataRole.DisplayRole) or "")
        if model.headerData(section, header.orientation(), Qt.ItemDataRole.ToolTipRole):
            continue
        needed = max((header.fontMetrics().horizontalAdvance(line) for line in words.splitlines()), default=0)
        yield words, needed + 6, header.sectionSize(section)


def _text(widget: QWidget) -> str:
    if isinstance(widget, QToolButton) and widget.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly:
        return "" if not widget.icon().isNull() else widget.text()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    return widget.text() if isinstance(widget, QAbstractButton | QLabel) else ""


def _told(widget: QWidget, words: str) -> bool:
    """Whether it ends in … and a tool tip says the rest; of a field, whether it says what is wanted."""
    if isinstance(widget, YieldingBox):
        return words in widget.tip()
    if isinstance(widget, QToolButton | QLineEdit) and widget.toolTip():
        return True  # Qt cuts these short itself
    plain = widget.toolTip().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return words.strip() in plain


def _cut_off(widget: QWidget) -> bool:
    """Whether a part of it lies outside of what it is in, where no scrolling brings it back."""
    rect = QRect(widget.rect())
    above, child = widget.parentWidget(), widget
    while above is not None and not child.isWindow():
        if isinstance(above, QAbstractScrollArea) or isinstance(above.parentWidget(), QAbstractScrollArea):
            return False
        rect = QRect(child.mapTo(above, rect.topLeft()), rect.size())
        inside = rect.intersected(above.rect())
        if rect.width() - inside.width() > SLACK or rect.height() - inside.height() > SLACK:
            return True
        above, child = above.parentWidget(), above
    return False


def _hides_its_side(area: QScrollArea) -> bool:
    """Whether content is wider than its area, with no bar to get at the rest."""
    off = area.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    return off and area.widget() is not None and area.widget().width() > area.viewport().width() + SLACK


def _place(widget: QWidget) -> str:
    names, above = [], widget.parentWidget()
    while above is not None and len(names) < 3:
        if type(above) is not QWidget:
            names.append(type(above).__name__)
        above = above.parentWidget()
    return " in ".join(names)
