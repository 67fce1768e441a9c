"""The curve of best plans: size across, points lost downwards, a band where predicted; a click takes one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import BestPlan
from gui import format as fmt
from gui.models.damage import loss_unit
from gui.theme import Theme
from gui.widgets.axis import Plot, digits_for, log_ticks, nice_ticks, paint_x_axis, paint_y_axis, small_font
from gui.widgets.plain_tip import plain_tip

LEFT, RIGHT, TOP, BOTTOM = 48, 16, 12, 26
RADIUS = 4.5
NEAR = 14
"""Pixels from a point within which it is meant."""
LEAST_SPAN = 1.0
MOST_LOSS = 12.0
"""Points beyond which nobody looks: the scale ends there at the latest."""


class PlanChart(QWidget):
    taken = Signal(object)
    """The BestPlan that was clicked, or chosen with Return."""
    pointed = Signal(object)
    """The BestPlan under the mouse or the keyboard, or None."""

    def __init__(
        self, theme: Theme, describe: Callable[[BestPlan], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._describe = describe
        self._points: tuple[BestPlan, ...] = ()
        self._uniform: tuple[BestPlan, ...] = ()
        self._tried: tuple[BestPlan, ...] = ()
        self._size: Callable[[BestPlan], int] = _on_disk
        self._at: BestPlan | None = None
        self.setMinimumHeight(96)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self._recolor)

    def show_plans(
        self,
        points: Sequence[BestPlan],
        uniform: Sequence[BestPlan],
        tried: Sequence[BestPlan],
        zipped: bool,
    ) -> None:
        self._points, self._uniform, self._tried = tuple(points), tuple(uniform), tuple(tried)
        self._size = _zipped if zipped else _on_disk
        if self._at not in (*self._points, *self._tried):
            self._at = None
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, self.minimumHeight())

    # ------------------------------------------------------------ places

    def plot(self) -> Plot:
        sizes = [max(self._size(plan), 1) for plan in (*self._points, *self._uniform, *self._tried)]
        smallest, largest = (min(sizes), max(sizes)) if sizes else (1e5, 1e6)
        losses = [loss_of(plan) for plan in (*self._points, *self._tried)]
        high = min(max([LEAST_SPAN, *losses]), MOST_LOSS)
        low = min([0.0, *losses])
        margin = (high - low) * 0.08
        rect = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        # each halving is as wide as the last: what matters happens among the smallest; less lost is higher up
        left, right = math.log10(smallest * 0.93), math.log10(largest * 1.07)
        return Plot(rect, left, right, -(high + margin), -(low - margin))

    def place(self, plan: BestPlan) -> QPointF:
        plot = self.plot()
        lost = min(loss_of(plan), -plot.y_low)
        return plot.point(self._across(plan), -lost)

    def _across(self, plan: BestPlan) -> float:
        return math.log10(max(self._size(plan), 1))

    def nearest(self, at: QPointF) -> BestPlan | None:
        plans = [*self._tried, *self._points]
        if not plans:
            return None
        best = min(plans, key=lambda plan: _apart(self.place(plan), at))
        return best if _apart(self.place(best), at) <= NEAR else None

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot, font = self.plot(), small_font(self.font(), 11)
        ticks = nice_ticks(-plot.y_high, -plot.y_low, max(2, int(plot.rect.height() / 30)))
        digits = digits_for(ticks)
        losses = [(-tick, f"{fmt.number(tick, digits)} {loss_unit()}") for tick in ticks]
        paint_y_axis(painter, self._theme, plot, losses, font)
        steps = log_ticks(10**plot.x_low, 10**plot.x_high, max(2, int(plot.rect.width() / 80)))
        labels = [(math.log10(step), fmt.size(step)) for step in steps]
        paint_x_axis(painter, self._theme, plot, labels, font)
        painter.setClipRect(plot.rect.adjusted(-6, -6, 6, 6))
        self._paint_band(painter, plot)
        self._paint_points(painter)
        painter.end()

    def _paint_band(self, painter: QPainter, plot: Plot) -> None:
        if len(self._points) < 2:
            return
        upper = [plot.point(self._across(p), -max(p.loss_low, -plot.y_high)) for p in self._points]
        lower = [plot.point(self._across(p), -min(p.loss_high, -plot.y_low)) for p in self._points]
        band = self._theme.color("accent")
        band.setAlphaF(0.14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(band)
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
        # dashed: predicted
        painter.setPen(QPen(self._theme.color("accent"), 1.6, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([self.place(plan) for plan in self._points]))

    def _paint_points(self, painter: QPainter) -> None:
        painter.setPen(QPen(self._theme.color("original"), 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for plan in self._uniform:
            at = self.place(plan)
            painter.drawRect(QRectF(at.x() - 3, at.y() - 3, 6, 6))
        accent = self._theme.color("accent")
        painter.setPen(QPen(accent, 1.6))
        painter.setBrush(self._theme.color("panel"))
        for plan in self._points:
            painter.drawEllipse(self.place(plan), RADIUS - 1, RADIUS - 1)
        painter.setBrush(accent)
        for plan in self._tried:
            painter.drawEllipse(self.place(plan), RADIUS, RADIUS)
        if self._at is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("text"), 1.6))
            painter.drawEllipse(self.place(self._at), RADIUS + 4, RADIUS + 4)

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ mouse and keyboard

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self.nearest(event.position()))
        self.setCursor(
            Qt.CursorShape.PointingHandCursor if self._at is not None else Qt.CursorShape.ArrowCursor
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        plan = self.nearest(event.position())
        if plan is not None and event.button() == Qt.MouseButton.LeftButton:
            self._point_at(plan)
            self.taken.emit(plan)

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._point_at(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plans = sorted((*self._points, *self._tried), key=self._size)
        keys = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Home: -len(plans),
            Qt.Key.Key_End: len(plans),
        }
        if plans and event.key() in keys:
            now = plans.index(self._at) if self._at in plans else -1
            self._point_at(plans[min(max(now + keys[event.key()], 0), len(plans) - 1)])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._at is not None:
            self.taken.emit(self._at)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._point_at(None)
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            plan = self.nearest(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain_tip(self._describe(plan)) if plan else "", self)
            return True
        return super().event(event)

    def _point_at(self, plan: BestPlan | None) -> None:
        if plan is not self._at:
            self._at = plan
            self.pointed.emit(plan)
            self.update()


def loss_of(plan: BestPlan) -> float:
    """Points lost: measured where it was measured."""
    return plan.measured.loss if plan.measured is not None else plan.loss


def _on_disk(plan: BestPlan) -> int:
    return plan.measured.outcome.size_bytes if plan.measured is not None else plan.size_bytes


def _zipped(plan: BestPlan) -> int:
    return plan.measured.outcome.zipped_bytes if plan.measured is not None else plan.zipped_bytes


def _apart(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())
