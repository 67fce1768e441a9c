"""The loss of a training while it goes on: of the batches as a line, of held-out samples as points."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import TrainingPoint
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import Plot, nice_ticks, paint_x_axis, paint_y_axis, small_font
from gui.widgets.plain_tip import plain_tip

LEFT, RIGHT, TOP, BOTTOM = 50, 10, 24, 22


class TrainingCurve(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._points: tuple[TrainingPoint, ...] = ()
        self.setMinimumSize(200, 84)
        theme.changed.connect(self._recolor)

    @property
    def points(self) -> tuple[TrainingPoint, ...]:
        return self._points

    def show_points(self, points: tuple[TrainingPoint, ...]) -> None:
        """Only the last training is drawn: several follow each other on other networks."""
        begun = max((i for i in range(1, len(points)) if points[i].share < points[i - 1].share), default=0)
        self._points = points[begun:]
        self.setAccessibleDescription(describe(self._points[-1]) if self._points else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(250, 190)

    def _recolor(self, _name: str) -> None:
        self.update()

    def plot(self) -> Plot:
        values = [one.loss for one in self._points]
        values += [one.held_out for one in self._points if one.held_out is not None]
        values = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(values), max(values)
        margin = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
        rect = QRectF(LEFT, TOP, max(self.width() - LEFT - RIGHT, 10), max(self.height() - TOP - BOTTOM, 10))
        return Plot(rect, 0.0, 1.0, low - margin, high + margin)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot, small = self.plot(), small_font(self.font(), 11)
        ticks = nice_ticks(plot.y_low, plot.y_high, max(2, int(plot.rect.height() / 45)))
        paint_y_axis(painter, self._theme, plot, [(tick, fmt.significant(tick, 3)) for tick in ticks], small)
        paint_x_axis(
            painter, self._theme, plot, [(share, fmt.percent(share)) for share in (0, 0.5, 1)], small
        )
        painter.setPen(QPen(self._theme.color("original"), 1.6))
        painter.drawPolyline(QPolygonF([plot.point(one.share, one.loss) for one in self._points]))
        held = [plot.point(one.share, one.held_out) for one in self._points if one.held_out is not None]
        accent = self._theme.color("accent")
        painter.setPen(QPen(accent, 1.6))
        painter.drawPolyline(QPolygonF(held))
        painter.setBrush(accent)
        for at in held:
            painter.drawEllipse(at, 3.0, 3.0)
        painter.setFont(small)
        self._paint_legend(painter)

    def _paint_legend(self, painter: QPainter) -> None:
        left = 4.0
        for series, words in (
            ("training", tr("training loss")),
            ("held out", tr("held out")),
        ):
            paint_mark(painter, self._theme, series, left)
            painter.setPen(self._theme.color("muted"))
            width = painter.fontMetrics().horizontalAdvance(words)
            room = min(float(width), self.width() - left - 18)
            shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(room) + 1)
            painter.drawText(QRectF(left + 17, 0, room + 2, 18), int(Qt.AlignmentFlag.AlignVCenter), shown)
            left += 17 + room + 14

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._points:
            share = self.plot().value_x(event.pos().x())
            nearest = min(self._points, key=lambda one: abs(one.share - share))
            QToolTip.showText(event.globalPos(), plain_tip(describe(nearest)), self)
            return True
        return super().event(event)


def paint_mark(painter: QPainter, theme: Theme, series: str, left: float) -> None:
    """The sign of a series in the legend, 12 points wide: as the curve, with its points if it has any."""
    color = theme.color("accent" if series == "held out" else "original")
    painter.setPen(QPen(color, 2.4))
    painter.drawLine(QPointF(left, 9), QPointF(left + 12, 9))
    if series == "held out":
        painter.setBrush(color)
        painter.drawEllipse(QPointF(left + 6, 9), 3.0, 3.0)


def describe(point: TrainingPoint) -> str:
    """A point in words."""
    words = tr("{share} of the training, step {step}, after {time}: loss {loss}").format(
        share=fmt.percent(point.share),
        step=fmt.count(point.step),
        time=fmt.duration(point.seconds),
        loss=fmt.significant(point.loss, 4),
    )
    if point.held_out is None:
        return words
    return words + ", " + tr("held out {loss}").format(loss=fmt.significant(point.held_out, 4))
