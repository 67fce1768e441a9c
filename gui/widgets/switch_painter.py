"""The marks where a value changes its precision: '32→8' on the edge, a diamond from farther away."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from gui.models.switch_marks import MARK, SwitchMarks, switch_text
from gui.theme import Theme

_PIXELS = 9.5
"""Height of the figures at 100 %."""


def paint_switches(
    painter: QPainter, marks: SwitchMarks, edges: Iterable[int], zoom: float, theme: Theme, written: bool
) -> None:
    """Draw the marks of those of these edges that have one; `written`: with figures, else a diamond."""
    chosen = [index for index in edges if index in marks.by_edge]
    if not chosen:
        return
    font = QFont(painter.font())
    font.setPixelSize(max(5, round(_PIXELS * zoom)))
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    for index in chosen:
        middle = marks.place(index) * zoom
        painter.setBrush(theme.color("panel"))
        painter.setPen(QPen(theme.color("accent"), 1.0))
        if not written:
            painter.setBrush(theme.color("accent"))
            painter.drawPolygon(_diamond(middle, 4.0))
            continue
        words = switch_text(marks.by_edge[index])
        width, height = metrics.horizontalAdvance(words) + 9 * zoom, (MARK[1] - 1) * zoom
        rect = QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)
        painter.drawRoundedRect(rect, height / 2, height / 2)
        painter.setPen(theme.color("text"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)


def _diamond(middle: QPointF, reach: float) -> QPolygonF:
    x, y = middle.x(), middle.y()
    return QPolygonF(
        [QPointF(x, y - reach), QPointF(x + reach, y), QPointF(x, y + reach), QPointF(x - reach, y)]
    )
