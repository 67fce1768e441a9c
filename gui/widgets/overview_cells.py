"""How a cell of the overview looks: with its figure, or as a mere strip of colour where rows are low."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPen

from gui.models.overview_table import Cell, cell_text
from gui.theme import Theme
from gui.widgets.axis import small_font

READABLE = 15
"""A lower row has no room for figures or names."""
TICK = 5
"""Points at the left of a low cell that say that the plan holds it."""
_STEPS = 255


class CellPainter:
    """Made for one picture: thousands of cells share the colours of a theme."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._shades: dict[int, QColor] = {}
        self._panel, self._line = theme.color("panel"), QPen(theme.color("line"), 1)
        self._accent, self._text = theme.color("accent"), theme.color("text")
        hatch = theme.color("panel")
        hatch.setAlphaF(0.62)
        self._hatch = QBrush(hatch, Qt.BrushStyle.BDiagPattern)

    def paint(self, painter: QPainter, place: QRectF, cell: Cell, font: QFont, focused: bool = False) -> None:
        """Colour and figure of a cell's loss; hatched and in italics while it is an estimate."""
        if place.height() < READABLE:
            self._paint_low(painter, place, cell, focused)
            return
        box = place.adjusted(1.5, 1.5, -1.5, -1.5)
        known = cell.possible and cell.loss is not None
        color = self._shade(cell.share) if known else self._panel
        # what nobody knows yet is an empty frame: grey would pass for a colour of the scale
        painter.setPen(self._line if cell.possible and not known else Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(box, 4, 4)
        if cell.estimate:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._hatch)
            painter.drawRoundedRect(box, 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if cell.current:
            painter.setPen(QPen(self._accent, 2.2))
            painter.drawRoundedRect(box.adjusted(0.4, 0.4, -0.4, -0.4), 4, 4)
        if focused:
            painter.setPen(QPen(self._text, 1.2, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), 4, 4)
        painter.setFont(small_font(font, 11, italic=cell.estimate))
        painter.setPen(self._theme.text_on(color) if known else self._theme.color("muted"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), cell_text(cell))

    def _paint_low(self, painter: QPainter, place: QRectF, cell: Cell, focused: bool) -> None:
        gap = min(0.5, place.height() / 8)
        box = place.adjusted(gap, gap, -gap, -gap)
        if cell.possible and cell.loss is not None:
            painter.fillRect(box, self._shade(cell.share))
            if cell.estimate:
                painter.fillRect(box, self._hatch)
        elif cell.possible:
            painter.setPen(self._line)
            painter.drawRect(box)
        if cell.current:
            painter.fillRect(QRectF(box.left(), box.top(), TICK, box.height()), self._accent)
        if focused:
            painter.setPen(QPen(self._text, 1.2, Qt.PenStyle.DotLine))
            painter.drawRect(box)

    def _shade(self, share: float) -> QColor:
        step = round(min(max(share, 0.0), 1.0) * _STEPS)
        if step not in self._shades:
            self._shades[step] = self._theme.scale_color("damage", step / _STEPS)
        return self._shades[step]
