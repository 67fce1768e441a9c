"""Accuracy against sparsity of one layer: measured points, their interval, the plan as a point to drag."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from core.estimate import predicted_loss
from core.values import FLOAT_BITS, LayerPlan, Measurement, SensitivityPoint
from gui import format as fmt
from gui.i18n import tr
from gui.table_text import Value
from gui.theme import Theme
from gui.widgets.axis import Plot, digits_for, nice_ticks, paint_focus, paint_x_axis, paint_y_axis, small_font
from gui.widgets.copying import Copies

LEFT, TOP, BOTTOM, RIGHT = 40, 8, 22, 8
GRIP = 12
LEAST_SPAN = 1.0
"""Points that the vertical axis spans at least: noise must not look like a cliff."""


class Curve(QWidget):
    sparsity_moved = Signal(float, str)
    """Sparsity 0..1 and the merge key of the drag."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._points: tuple[SensitivityPoint, ...] = ()
        self._baseline: Measurement | None = None
        self._sparsity = 0.0
        self._movable = True
        self._dragging = False
        self._drags = 0
        self.setMinimumHeight(88)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self._recolor)
        self.copies = Copies(self, theme, self.table)

    def show_points(
        self,
        points: Sequence[SensitivityPoint],
        baseline: Measurement | None,
        sparsity: float,
        movable: bool,
    ) -> None:
        """`points` of one layer (bits are left out here); `sparsity` is what the plan says."""
        self._points = tuple(
            sorted(
                (point for point in points if point.weight_bits == FLOAT_BITS and point.sparsity > 0),
                key=lambda point: point.sparsity,
            )
        )
        self._baseline, self._sparsity, self._movable = baseline, sparsity, movable
        self._tell()
        self.update()

    def describe(self) -> str:
        """The curve in words: what the plan says, then each point."""
        lines = [tr("The plan sets {sparsity} to zero.").format(sparsity=fmt.percent(self._sparsity))]
        for point in self._points:
            kind = tr("estimate") if point.estimate else tr("measured")
            words = tr("{sparsity} zeros: {value}, {kind}")
            lines.append(
                words.format(
                    sparsity=fmt.percent(point.sparsity), value=fmt.number(self.value(point.loss)), kind=kind
                )
            )
        return "\n".join(lines)

    def _tell(self) -> None:
        self.setAccessibleDescription(self.describe())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._tell()
        super().changeEvent(event)

    # ------------------------------------------------------------ values

    def value(self, loss: float) -> float:
        """The metric after a loss; the bare loss, downwards, if the original is not measured."""
        if self._baseline is None:
            return -loss
        return self._baseline.after(loss)

    def loss_at(self, sparsity: float) -> float:
        loss = predicted_loss(self._points, LayerPlan(sparsity=sparsity))
        return loss if loss is not None else 0.0

    def table(self) -> list[list[Value]]:
        """The points with their intervals: what is copied."""
        rows: list[list[Value]] = [
            [
                tr("Sparsity"),
                tr("Value"),
                tr("Loss"),
                tr("Lower end (95 %)"),
                tr("Upper end (95 %)"),
                tr("Samples"),
                tr("Kind of figure"),
            ]
        ]
        for point in self._points:
            kind = tr("estimate") if point.estimate else tr("measured")
            count = point.measurement.count or None
            rows.append(
                [
                    point.sparsity,
                    self.value(point.loss),
                    point.loss,
                    point.loss_low,
                    point.loss_high,
                    count,
                    kind,
                ]
            )
        return rows

    def plot(self) -> Plot:
        values = [self.value(0.0), self.value(self.loss_at(self._sparsity))]
        for point in self._points:
            low = point.loss if point.loss_low is None else point.loss_low
            high = point.loss if point.loss_high is None else point.loss_high
            values += [self._within(self.value(low)), self._within(self.value(high))]
        low, high = min(values), max(values)
        if high - low < LEAST_SPAN:
            middle = (low + high) / 2
            low, high = middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2
        if self._baseline is not None and self._baseline.unit == "%":
            # no interval reaches beyond all samples, though that of a difference may
            low, high = (min(low, 100.0 - LEAST_SPAN), 100.0) if high > 100.0 else (low, high)
        margin = (high - low) * 0.08
        rect = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        return Plot(rect, 0.0, 1.0, low - margin, high + margin)

    def _within(self, value: float) -> float:
        """What a share can be: of an interval of 104 % its end at 100 %."""
        shares = self._baseline is not None and self._baseline.unit == "%"
        return min(value, 100.0) if shares else value

    def handle(self) -> QPointF:
        """Where the plan's point is, in pixels."""
        return self.plot().point(self._sparsity, self.value(self.loss_at(self._sparsity)))

    # ------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 98)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self.plot()
        font = small_font(self.font(), 11)
        ticks = nice_ticks(plot.y_low, plot.y_high, max(2, int(plot.rect.height() / 30)))
        digits = digits_for(ticks)
        paint_y_axis(painter, self._theme, plot, [(tick, fmt.number(tick, digits)) for tick in ticks], font)
        steps = (0.0, 0.25, 0.5, 0.75, 1.0)
        paint_x_axis(painter, self._theme, plot, [(step, fmt.percent(step)) for step in steps], font)
        self._paint_curve(painter, plot)
        if self._movable:
            self._paint_handle(painter, plot)
        paint_focus(painter, self._theme, self)
        painter.end()

    def _paint_curve(self, painter: QPainter, plot: Plot) -> None:
        accent = self._theme.color("accent")
        start = plot.point(0.0, self.value(0.0))
        upper, lower, line = [start], [start], [start]
        for point in self._points:
            low = point.loss if point.loss_low is None else point.loss_low
            high = point.loss if point.loss_high is None else point.loss_high
            upper.append(plot.point(point.sparsity, self._within(self.value(low))))
            lower.append(plot.point(point.sparsity, self._within(self.value(high))))
            line.append(plot.point(point.sparsity, self.value(point.loss)))
        band = self._theme.color("accent")
        band.setAlphaF(0.16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(band)
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent, 1.8))
        painter.drawPolyline(QPolygonF(line))
        painter.setBrush(self._theme.color("panel"))
        for point, at in zip(self._points, line[1:], strict=True):
            # an estimate is a dashed ring, as everywhere
            style = Qt.PenStyle.DotLine if point.estimate else Qt.PenStyle.SolidLine
            painter.setPen(QPen(self._theme.color("estimate") if point.estimate else accent, 1.8, style))
            painter.drawEllipse(at, 3.2, 3.2)

    def _paint_handle(self, painter: QPainter, plot: Plot) -> None:
        amber = self._theme.color("attention")
        at = self.handle()
        painter.setPen(QPen(amber, 1.4))
        painter.drawLine(QPointF(at.x(), plot.rect.top()), QPointF(at.x(), plot.rect.bottom()))
        last = self._points[-1]
        if self._sparsity > last.sparsity:
            # beyond the last measured point it is a guess
            painter.setPen(QPen(self._theme.color("estimate"), 1.4, Qt.PenStyle.DashLine))
            painter.drawLine(plot.point(last.sparsity, self.value(last.loss)), at)
        painter.setPen(QPen(self._theme.color("panel"), 1.5))
        painter.setBrush(amber)
        radius = 6.5 if self.hasFocus() else 5.5
        painter.drawEllipse(at, radius, radius)

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ dragging

    def _near(self, x: float) -> bool:
        return self._movable and bool(self._points) and abs(x - self.handle().x()) <= GRIP

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._near(event.position().x()):
            self._dragging = True
            self._drags += 1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._dragging:
            self.sparsity_moved.emit(round(self.plot().value_x(x), 2), f"curve {self._drags}")
            return
        self.setCursor(Qt.CursorShape.SizeHorCursor if self._near(x) else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -0.05, Qt.Key.Key_Right: 0.05}.get(event.key())
        if step is None or not self._movable or not self._points:
            super().keyPressEvent(event)
            return
        self.sparsity_moved.emit(round(min(max(self._sparsity + step, 0.0), 1.0), 2), "curve keys")
