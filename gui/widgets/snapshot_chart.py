"""Snapshots as points: size or time across, accuracy up; measured filled, estimates hollow and dashed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.values import Measurement
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import Plot, digits_for, nice_ticks, paint_x_axis, paint_y_axis, small_font
from gui.widgets.told_widget import ToldWidget

LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 24
RADIUS = 5.0
NEAR = 14
LEAST_SPAN = 1.0


@dataclass(frozen=True)
class Dot:
    """A snapshot, or the original (`snapshot_id` None)."""

    snapshot_id: int | None
    label: str
    across: float
    """Bytes or milliseconds."""
    measurement: Measurement
    measured: bool
    words: str


class SnapshotChart(ToldWidget):
    chosen = Signal(int)
    """Id of the snapshot whose point was clicked or reached with the arrows."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._dots: tuple[Dot, ...] = ()
        self._write: Callable[[float], str] = fmt.size
        self._current: int | None = None
        self.setMinimumSize(200, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        theme.changed.connect(self._recolor)

    @property
    def dots(self) -> tuple[Dot, ...]:
        return self._dots

    def show_dots(self, dots: Sequence[Dot], write: Callable[[float], str], current: int | None) -> None:
        """`write` turns a value of the axis into words; `current` is the chosen snapshot."""
        self._dots, self._write, self._current = tuple(dots), write, current
        self.setAccessibleDescription("\n".join(dot.words for dot in dots))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 190)

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ places

    def plot(self) -> Plot:
        across = [dot.across for dot in self._dots] or [1.0]
        values = [
            value
            for dot in self._dots
            for value in (dot.measurement.value, dot.measurement.low, dot.measurement.high)
            if value is not None and math.isfinite(value)
        ] or [0.0]
        low, high = min(values), max(values)
        sure = any(dot.measurement.low is not None for dot in self._dots)
        point = max((dot.measurement.point for dot in self._dots), default=1.0)
        least = 0.0 if sure and high > low else LEAST_SPAN * point
        if high - low < least:
            low, high = (low + high - least) / 2, (low + high + least) / 2
        margin = (high - low) * 0.06
        left, right = min(across), max(across)
        reach = max((right - left) * 0.07, right * 0.03, 1e-9)
        rect = QRectF(LEFT, TOP, max(self.width() - LEFT - RIGHT, 10), max(self.height() - TOP - BOTTOM, 10))
        return Plot(rect, max(left - reach, 0.0), right + reach, low - margin, high + margin)

    def place(self, dot: Dot) -> QPointF:
        return self.plot().point(dot.across, dot.measurement.value)

    def nearest(self, at: QPointF) -> Dot | None:
        """The dot that is meant by a place, if one is near."""
        found = min(self._dots, key=lambda dot: _apart(self.place(dot), at), default=None)
        return found if found is not None and _apart(self.place(found), at) <= NEAR else None

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._dots:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot, small = self.plot(), small_font(self.font(), 11)
        ticks = nice_ticks(plot.y_low, plot.y_high, max(2, int(plot.rect.height() / 45)))
        digits = digits_for(ticks)
        paint_y_axis(painter, self._theme, plot, [(tick, fmt.number(tick, digits)) for tick in ticks], small)
        steps = nice_ticks(plot.x_low, plot.x_high, max(2, int(plot.rect.width() / 110)))
        paint_x_axis(painter, self._theme, plot, [(step, self._write(step)) for step in steps], small)
        taken = [self._around(plot, dot) for dot in self._dots]
        # the chosen one last, so that it lies on top
        for dot in sorted(self._dots, key=lambda one: one.snapshot_id == self._current):
            self._paint_dot(painter, plot, dot)
        for dot in sorted(self._dots, key=lambda one: one.snapshot_id != self._current):
            self._paint_name(painter, plot, dot, taken, small)

    def _paint_dot(self, painter: QPainter, plot: Plot, dot: Dot) -> None:
        at, one = plot.point(dot.across, dot.measurement.value), dot.measurement
        token = "original" if dot.snapshot_id is None else "accent" if dot.measured else "estimate"
        if dot.snapshot_id is not None and dot.snapshot_id == self._current:
            token = "attention"
        color = self._theme.color(token)
        style = Qt.PenStyle.SolidLine if dot.measured else Qt.PenStyle.DashLine
        if one.low is not None and one.high is not None:
            painter.setPen(QPen(color, 1.2, style))
            painter.drawLine(QPointF(at.x(), plot.y(one.low)), QPointF(at.x(), plot.y(one.high)))
        painter.setPen(QPen(color, 1.6, style))
        painter.setBrush(color if dot.measured else self._theme.color("panel"))
        if dot.snapshot_id is None:
            side = RADIUS - 0.5
            painter.drawRect(QRectF(at.x() - side, at.y() - side, 2 * side, 2 * side))
        else:
            painter.drawEllipse(at, RADIUS, RADIUS)
        if dot.snapshot_id is None or dot.snapshot_id != self._current:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, 1.4))
        painter.drawEllipse(at, RADIUS + 3, RADIUS + 3)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("text"), 1, Qt.PenStyle.DotLine))
            painter.drawEllipse(at, RADIUS + 6, RADIUS + 6)

    def _around(self, plot: Plot, dot: Dot) -> QRectF:
        """What a point and its interval take up: no name may stand there."""
        at, one = plot.point(dot.across, dot.measurement.value), dot.measurement
        top = plot.y(one.high) if one.high is not None else at.y() - RADIUS
        bottom = plot.y(one.low) if one.low is not None else at.y() + RADIUS
        return QRectF(at.x() - RADIUS, top, 2 * RADIUS, max(bottom - top, 2 * RADIUS))

    def _paint_name(self, painter: QPainter, plot: Plot, dot: Dot, taken: list[QRectF], font: QFont) -> None:
        """Beside its point, on the side where there is room; left out where others stand."""
        painter.setFont(font)
        name = painter.fontMetrics().elidedText(dot.label[:80], Qt.TextElideMode.ElideRight, 110)
        width, at = (
            painter.fontMetrics().horizontalAdvance(name) + 2,
            plot.point(dot.across, dot.measurement.value),
        )
        right, left = at.x() + RADIUS + 6, at.x() - RADIUS - 6 - width
        places = ((right, 0), (left, 0), (right, -18), (right, 18), (left, -18), (left, 18))
        for side, down in places:
            box = QRectF(side, at.y() - 8 + down, width, 16)
            inside = box.left() >= plot.rect.left() and box.right() <= self.width()
            if inside and not any(box.intersects(other) for other in taken):
                taken.append(box)
                painter.setPen(self._theme.color("text" if dot.measured else "estimate"))
                painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)
                return

    # ------------------------------------------------------------ pointer and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        dot = self.nearest(event.position())
        if dot is not None and dot.snapshot_id is not None:
            self.chosen.emit(dot.snapshot_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        move = moves.get(Qt.Key(event.key()))
        ids = [
            dot.snapshot_id
            for dot in sorted(self._dots, key=lambda one: one.across)
            if dot.snapshot_id is not None
        ]
        if move is None or not ids:
            super().keyPressEvent(event)
            return
        place = ids.index(self._current) + move if self._current in ids else 0
        self.chosen.emit(ids[min(max(place, 0), len(ids) - 1)])

    def tip_at(self, place: QPoint) -> str:
        dot = self.nearest(QPointF(place))
        return dot.words if dot is not None else ""


def dot_words(label: str, size: str, time: str, measurement: Measurement, measured: bool) -> str:
    """A point in words, for the tooltip and the screen reader."""
    accuracy = f"{fmt.measured(measurement)} {fmt.interval(measurement) if measured else ''}".strip()
    parts = [part for part in (size, time, accuracy) if part]
    words = f"{label[:200]}: " + fmt.listed(parts)
    return words if measured else tr("{words} (estimate)").format(words=words)


def _apart(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())
