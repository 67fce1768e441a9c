"""How far the values of each channel reach: a box and whiskers for each, and where a grid cuts them off."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import QUANTILES, ChannelRanges
from gui import format as fmt
from gui.i18n import tr
from gui.table_text import Value
from gui.theme import Theme
from gui.widgets.axis import Plot, digits_for, nice_ticks, paint_focus, paint_x_axis, paint_y_axis, small_font
from gui.widgets.copying import Copies
from gui.widgets.plain_tip import plain_tip
from gui.widgets.told_widget import ToldWidget

LEFT, TOP, BOTTOM, RIGHT = 40, 8, 20, 8
WIDEST = 14.0
"""Pixels of a box; few channels leave gaps."""


class RangesChart(ToldWidget):
    """Left and Right go from channel to channel, and say what each one's values are."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._quantiles = np.zeros((0, len(QUANTILES)))
        self._low = self._high = self._clipped = np.zeros(0)
        self._channels = 0
        self._at = -1
        self.setMinimumHeight(96)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self._recolor)
        self.copies = Copies(self, theme, self.table)

    def show_ranges(self, ranges: ChannelRanges | None) -> None:
        if ranges is None:
            self._quantiles, self._channels = np.zeros((0, len(QUANTILES))), 0
        else:
            self._quantiles, self._channels = ranges.quantiles.numpy().astype(float), ranges.channels
        none = np.full(len(self._quantiles), np.nan)
        self._low, self._high, self._clipped = (
            none if one is None else one.numpy().astype(float)
            for one in ((ranges.low, ranges.high, ranges.clipped) if ranges is not None else (None,) * 3)
        )
        self._at = min(self._at, len(self._quantiles) - 1)
        self.setAccessibleDescription(self.describe(self._at))
        self.update()

    # ------------------------------------------------------------ places

    def sizeHint(self) -> QSize:
        return QSize(320, 96)

    def plot(self) -> Plot:
        rect = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        if not len(self._quantiles):
            return Plot(rect, 0, 1, -1, 1)
        low, high = min(float(self._quantiles[:, 0].min()), 0), max(float(self._quantiles[:, -1].max()), 0)
        margin = ((high - low) or 1.0) * 0.05
        return Plot(rect, 0, len(self._quantiles), low - margin, high + margin)

    def group_at(self, x: float) -> int:
        """The group under a pixel; -1 beside all of them."""
        plot = self.plot()
        if not len(self._quantiles) or not plot.rect.left() <= x <= plot.rect.right():
            return -1
        return min(int(plot.value_x(x)), len(self._quantiles) - 1)

    def channels_of(self, group: int) -> tuple[int, int]:
        """First and last channel of a group, counted from 0."""
        groups = max(len(self._quantiles), 1)
        first = group * self._channels // groups
        return first, max((group + 1) * self._channels // groups - 1, first)

    # ------------------------------------------------------------ painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not len(self._quantiles):
            return
        painter = QPainter(self)
        plot = self.plot()
        font = small_font(self.font(), 11)
        ticks = nice_ticks(plot.y_low, plot.y_high, max(2, int(plot.rect.height() / 30)))
        digits = digits_for(ticks)
        paint_y_axis(painter, self._theme, plot, [(tick, fmt.number(tick, digits)) for tick in ticks], font)
        last = len(self._quantiles)
        ends = [(0.5, fmt.count(0)), (last - 0.5, fmt.count(self._channels - 1))]
        if last > 1:
            paint_x_axis(painter, self._theme, plot, ends, font)
        painter.setPen(self._theme.color("muted"))
        below = QRectF(plot.rect.left(), plot.rect.bottom() + 4, plot.rect.width(), 16)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), tr("channel"))
        self._paint_boxes(painter, plot)
        self._paint_ends(painter, plot)
        if self._at >= 0 and self.hasFocus():
            painter.setPen(QPen(self._theme.color("text"), 1, Qt.PenStyle.DotLine))
            x = plot.x(self._at + 0.5)
            painter.drawLine(QPointF(x, plot.rect.top()), QPointF(x, plot.rect.bottom()))
        paint_focus(painter, self._theme, self)
        painter.end()

    def _paint_boxes(self, painter: QPainter, plot: Plot) -> None:
        step = plot.rect.width() / len(self._quantiles)
        width = min(max(step * 0.7, 1.0), WIDEST)
        inner = self._theme.color("accent")
        inner.setAlphaF(0.4)
        colors = self._theme.color("original"), inner, self._theme.color("accent")
        thin = max(width / 5, 0.8)
        for group, values in enumerate(self._quantiles):
            middle = plot.x(group + 0.5)
            for color, (a, b), wide in zip(
                colors, ((0, 6), (1, 5), (2, 4)), (thin, max(width * 0.6, 1), width), strict=True
            ):
                _bar(painter, color, middle, plot.y(values[a]), plot.y(values[b]), wide)
            self._paint_clipped(painter, plot, group, middle, max(thin, 1.6))
            if width >= 4:
                y = plot.y(values[3])
                _bar(painter, self._theme.color("panel"), middle, y - 0.6, y + 0.6, width)

    def _paint_clipped(self, painter: QPainter, plot: Plot, group: int, middle: float, width: float) -> None:
        """What lies beyond the grid, in the colour of attention."""
        color, (least, most) = self._theme.color("attention"), self._quantiles[group][[0, -1]]
        if most > self._high[group]:
            _bar(painter, color, middle, plot.y(most), plot.y(self._high[group]), width)
        if least < self._low[group]:
            _bar(painter, color, middle, plot.y(self._low[group]), plot.y(least), width)

    def _paint_ends(self, painter: QPainter, plot: Plot) -> None:
        """Where the integers end: a dash over and under each channel."""
        painter.setPen(QPen(self._theme.color("attention"), 1.2))
        for ends in (self._low, self._high):
            for group in np.flatnonzero(np.isfinite(ends)):
                # a grid may reach far beyond all values: its end is out of the picture then
                if plot.y_low <= ends[group] <= plot.y_high:
                    y = plot.y(float(ends[group]))
                    painter.drawLine(QPointF(plot.x(group), y), QPointF(plot.x(group + 1), y))

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ in words

    def describe(self, group: int) -> str:
        """What a group's values are; empty for none."""
        if not 0 <= group < len(self._quantiles):
            return ""
        first, last = self.channels_of(group)
        values = [_figure(value) for value in self._quantiles[group]]
        name = (
            tr("channel {n}").format(n=fmt.count(first))
            if first == last
            else tr("channels {first} to {last}").format(first=fmt.count(first), last=fmt.count(last))
        )
        lines = [
            name,
            tr("from {low} to {high}").format(low=values[0], high=values[-1]),
            tr("the middle half from {low} to {high}").format(low=values[2], high=values[4]),
        ]
        if np.isfinite(self._high[group]):
            lines.append(
                tr("integers reach from {low} to {high}").format(
                    low=_figure(self._low[group]), high=_figure(self._high[group])
                )
            )
            lines.append(tr("{share} cut off").format(share=fmt.percent(float(self._clipped[group]), 2)))
        return "\n".join(lines)

    def table(self) -> list[list[Value]]:
        """A row for each channel or group: what is copied."""
        rows: list[list[Value]] = [
            [
                tr("First channel"), tr("Last channel"), tr("Minimum"), "1 %", "25 %", tr("Median"), "75 %",
                "99 %", tr("Maximum"), tr("Integers from"), tr("Integers to"), tr("Share cut off"),
            ]
        ]  # fmt: skip
        for group, values in enumerate(self._quantiles):
            ends = (self._low[group], self._high[group], self._clipped[group])
            known = [float(end) if np.isfinite(end) else None for end in ends]
            rows.append([*self.channels_of(group), *(float(value) for value in values), *known])
        return rows

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = self.describe(self.group_at(event.pos().x()))
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys, last = Qt.Key, len(self._quantiles) - 1
        moves = {
            keys.Key_Left: self._at - 1,
            keys.Key_Right: self._at + 1,
            keys.Key_Home: 0,
            keys.Key_End: last,
        }
        if event.key() not in moves or last < 0:
            super().keyPressEvent(event)
            return
        self._at = min(max(moves[keys(event.key())], 0), last)
        words = self.describe(self._at)
        self.setAccessibleDescription(words)
        place = self.mapToGlobal(QPointF(self.plot().x(self._at + 0.5), TOP)).toPoint()
        QToolTip.showText(place, plain_tip(words), self)
        self.update()


def _bar(painter: QPainter, color: QColor, middle: float, top: float, bottom: float, width: float) -> None:
    painter.fillRect(QRectF(middle - width / 2, min(top, bottom), width, max(abs(bottom - top), 0.8)), color)


def _figure(value: float) -> str:
    return fmt.significant(value, 3)
