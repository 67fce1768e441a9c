"""A colour scale in one line: its lower end in words, the colours, its upper end."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import Theme
from gui.widgets.axis import small_font

THICK = 6
GAP = 9
FONT = 11


def paint_scale(painter: QPainter, theme: Theme, table: str, place: QRectF, low: str, high: str) -> None:
    """Paint the colours of `table` ('damage', 'importance') across `place`, the ends' words beside them."""
    metrics = painter.fontMetrics()
    painter.setPen(theme.color("muted"))
    painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), low)
    painter.drawText(place, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), high)
    left = place.left() + metrics.horizontalAdvance(low) + GAP
    right = place.right() - metrics.horizontalAdvance(high) - GAP
    bar = QRectF(left, place.center().y() - THICK / 2, right - left, THICK)
    gradient = QLinearGradient(QPointF(bar.left(), 0), QPointF(bar.right(), 0))
    for step in range(11):
        gradient.setColorAt(step / 10, theme.scale_color(table, step / 10))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawRoundedRect(bar, THICK / 2, THICK / 2)


class ScaleBar(QWidget):
    """The legend of a heatmap whose cells are in `table`'s colours."""

    def __init__(self, theme: Theme, table: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._table = theme, table
        self._low, self._high = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._recolor)

    def show_ends(self, low: str, high: str) -> None:
        self._low, self._high = low, high
        self.setAccessibleName(f"{low} – {high}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(190, 18)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 18)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small_font(self.font(), FONT))
        paint_scale(painter, self._theme, self._table, QRectF(self.rect()), self._low, self._high)
        painter.end()

    def _recolor(self, _name: str) -> None:
        self.update()
