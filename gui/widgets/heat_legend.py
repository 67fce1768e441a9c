"""The legend under a coloured picture: a scale with its ends and unit, or a few swatches."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import Theme

BAR = 8
SWATCH = 12
LINE = 18
"""Pixels a line of text takes: Chinese letters stand taller than the font says."""


@dataclass(frozen=True)
class Swatch:
    """A colour of a legend in steps, by its place on the scale."""

    label: str
    share: float


@dataclass(frozen=True)
class Legend:
    """Either a scale from `low` to `high`, or `swatches`."""

    caption: str = ""
    low: str = ""
    high: str = ""
    swatches: tuple[Swatch, ...] = ()
    state: str = ""
    """'not measured yet', '12 of 22 layers measured', 'as planned'; empty when all is known."""
    estimate: bool = False
    known: bool = True
    """Whether any layer has a figure."""
    scale: str = "damage"
    """The colours: see `Theme.table`."""


class HeatLegend(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._legend = Legend()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    @property
    def legend(self) -> Legend:
        return self._legend

    def show_legend(self, legend: Legend) -> None:
        self._legend = legend
        words = (legend.low, legend.caption, legend.high, *(s.label for s in legend.swatches), legend.state)
        self.setAccessibleName(" ".join(word for word in words if word))
        self.setToolTip(legend.caption)
        self.update()

    def _on_theme(self, _name: str) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, BAR + 5 + 2 * LINE)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        if self._legend.swatches:
            top = self._draw_swatches(painter)
        else:
            top = self._draw_scale(painter)
        self._draw_state(painter, top)
        painter.end()

    def _draw_scale(self, painter: QPainter) -> float:
        """Draw the bar and its ends; return where the next line begins."""
        bar = QRectF(0.5, 0.5, self.width() - 1, BAR)
        if self._legend.known:
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            for step in range(11):
                gradient.setColorAt(step / 10, self._theme.scale_color(self._legend.scale, step / 10))
            painter.setBrush(gradient)
            painter.setPen(Qt.PenStyle.NoPen)
        else:
            painter.setBrush(QBrush(self._theme.color("original"), Qt.BrushStyle.BDiagPattern))
            painter.setPen(self._theme.color("line"))
        painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        painter.setPen(self._theme.color("muted"))
        metrics = painter.fontMetrics()
        line = QRectF(0, BAR + 5, self.width(), LINE)
        low = self._legend.low if self._legend.known else ""
        high = self._legend.high if self._legend.known else ""
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, high)
        side = max(metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)) + 8
        middle = line.adjusted(side, 0, -side, 0)
        caption = metrics.elidedText(self._legend.caption, Qt.TextElideMode.ElideRight, int(middle.width()))
        painter.drawText(middle, Qt.AlignmentFlag.AlignHCenter, caption)
        return line.bottom()

    def _draw_swatches(self, painter: QPainter) -> float:
        metrics = painter.fontMetrics()
        x = 0.5
        for swatch in self._legend.swatches:
            painter.setPen(self._theme.color("line"))
            painter.setBrush(self._theme.scale_color(self._legend.scale, swatch.share))
            painter.drawRoundedRect(QRectF(x, 0.5, SWATCH, SWATCH), 3, 3)
            painter.setPen(self._theme.color("muted"))
            painter.drawText(
                QRectF(x + SWATCH + 5, (SWATCH - metrics.height()) / 2 + 0.5, 60, metrics.height()),
                Qt.AlignmentFlag.AlignLeft,
                swatch.label,
            )
            x += SWATCH + 5 + metrics.horizontalAdvance(swatch.label) + 14
        line = QRectF(0, SWATCH + 5, self.width(), LINE)
        caption = metrics.elidedText(self._legend.caption, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, caption)
        return line.bottom()

    def _draw_state(self, painter: QPainter, top: float) -> None:
        if not self._legend.state:
            return
        font = painter.font()
        font.setItalic(self._legend.estimate or not self._legend.known)
        painter.setFont(font)
        painter.setPen(self._theme.color("estimate" if font.italic() else "muted"))
        align = Qt.AlignmentFlag.AlignLeft if self._legend.swatches else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(QRectF(0, top, self.width(), LINE), align, self._legend.state)
