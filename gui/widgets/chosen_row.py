"""Rows of plain tables and lists: the chosen one has a bar besides its ground, which alone hardly shows."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.theme import Theme

BAR = 3


class ChosenRow(QStyledItemDelegate):
    """Paints each cell as usual, then the bar at the row's first cell."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        if index.column() != 0 or not option.state & QStyle.StateFlag.State_Selected:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("accent"))
        cell = option.rect
        painter.drawRoundedRect(QRectF(cell.left(), cell.top() + 3, BAR, cell.height() - 6), 1.5, 1.5)
        painter.restore()
