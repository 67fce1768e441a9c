"""The histogram of a layer's weights, with the cut as two handles that can be dragged."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from core.values import LayerView
from gui import format as fmt
from gui.i18n import tr
from gui.models.arrays import distinct, percentiles
from gui.table_text import Value
from gui.theme import Theme
from gui.widgets.axis import Plot, paint_focus, paint_x_axis, small_font
from gui.widgets.copying import Copies

TOP = 18
BOTTOM = 18
HANDLE = 5.0
LINES_APART, TICKS_APART = 6.0, 2.5
"""Pixels between the steps of a grid from which on each has a line, or a tick."""
GRIP = 9
"""How near, in pixels, the mouse must be to take a handle."""


class Histogram(QWidget):
    cut_moved = Signal(float, str)
    """Share of the weights that go, 0..1, and the merge key of the drag."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts = np.zeros(0)
        self._after: np.ndarray | None = None
        self._edges = np.zeros(0)
        self._grid = np.zeros(0)
        self._grids = 0
        self._magnitudes = np.zeros(0)
        self._shares = np.zeros(0)
        self._share = 0.0
        self._threshold: float | None = None
        self._dragging = False
        self._drags = 0
        self._movable = True
        self.setMinimumHeight(76)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self._recolor)
        self.copies = Copies(self, theme, self.table)

    # ------------------------------------------------------------ content

    def show_view(self, view: LayerView | None) -> None:
        if view is None:
            self._counts, self._after, self._grid = np.zeros(0), None, np.zeros(0)
        else:
            self._counts = view.histogram.numpy().astype(float).ravel()
            self._edges = view.bin_edges.numpy().astype(float).ravel()
            self._after = view.histogram_after.numpy().astype(float).ravel() if view.histogram_after else None
            self._grid = view.grid.numpy().astype(float).ravel() if view.grid else np.zeros(0)
            self._grids = view.grids
            self._magnitudes, self._shares = magnitude_curve(self._counts, self._edges)
        self._tell()
        self.update()

    def set_cut(self, share: float, threshold: float | None, movable: bool) -> None:
        """What the plan says: a share of zeros, or a threshold of magnitude."""
        self._share, self._threshold, self._movable = share, threshold, movable
        self._tell()
        self.update()

    def describe(self) -> str:
        """The histogram in words: how many weights there are, how large, and which the plan takes."""
        if not self._counts.size:
            return ""
        return tr("{n} weights from {low} to {high}; the plan takes {share}, those below {cut}").format(
            n=fmt.count(int(self._counts.sum())),
            low=fmt.significant(self._edges[0]),
            high=fmt.significant(self._edges[-1]),
            share=fmt.percent(self.share_below(self.cut)),
            cut=fmt.significant(self.cut),
        )

    def _tell(self) -> None:
        self.setAccessibleDescription(self.describe())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._tell()
        super().changeEvent(event)

    @property
    def cut(self) -> float:
        """Magnitude below which weights go."""
        if self._threshold:
            return self._threshold
        if self._share <= 0 or not self._magnitudes.size:
            return 0.0
        return float(np.interp(self._share, self._shares, self._magnitudes))

    def share_below(self, magnitude: float) -> float:
        """The share of weights whose magnitude is below, 0..1, from the bins."""
        if not self._magnitudes.size:
            return 0.0
        return float(np.interp(magnitude, self._magnitudes, self._shares))

    # ------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 80)

    def plot(self) -> Plot:
        """Symmetric about zero: the two handles mirror each other."""
        reach = float(np.abs(self._edges).max()) if self._edges.size else 1.0
        top = 1.0
        if self._counts.size:
            # a layer full of zeros has a spike: it is cut off, so that the other bars can be read
            usual = (
                float(percentiles(self._counts[self._counts > 0], (90,))[0]) if self._counts.any() else 1.0
            )
            top = min(float(self._counts.max()), 3 * usual)
        rect = QRectF(8, TOP, self.width() - 16, self.height() - TOP - BOTTOM)
        return Plot(rect, -reach or -1.0, reach or 1.0, 0.0, top or 1.0)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts.size:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self.plot()
        cut = self.cut
        self._paint_bars(painter, plot, cut)
        self._paint_after(painter, plot)
        self._paint_grid(painter, plot)
        painter.setPen(QPen(self._theme.color("line"), 1))
        base = plot.rect.bottom() + 0.5
        painter.drawLine(QPointF(plot.rect.left(), base), QPointF(plot.rect.right(), base))
        reach = fmt.significant(plot.x_high)
        labels = [(plot.x_low, f"−{reach}"), (0.0, "0"), (plot.x_high, reach)]
        paint_x_axis(painter, self._theme, plot, labels, small_font(self.font(), 10))
        if self._movable:
            self._paint_handles(painter, plot, cut)
        paint_focus(painter, self._theme, self)
        painter.end()

    def _paint_bars(self, painter: QPainter, plot: Plot, cut: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        stays, goes = self._theme.color("accent"), self._theme.color("original")
        goes.setAlphaF(0.45)
        width = max(plot.x(self._edges[1]) - plot.x(self._edges[0]), 1.0)
        gap = 1.0 if width > 3 else 0.0
        for index, count in enumerate(self._counts):
            if count <= 0:
                continue
            left, right = self._edges[index], self._edges[index + 1]
            middle = abs(left + right) / 2
            painter.setBrush(goes if middle < cut else stays)
            top = plot.y(min(count, plot.y_high))
            box = QRectF(plot.x(left), top, width - gap, plot.rect.bottom() - top)
            painter.drawRoundedRect(box, 1, 1)

    def _paint_after(self, painter: QPainter, plot: Plot) -> None:
        """The weights as planned, as an outline: the spike at zero is cut off, the rest to scale."""
        if self._after is None or self._after.size != self._counts.size:
            return
        path = QPainterPath()
        path.moveTo(plot.x(self._edges[0]), plot.rect.bottom())
        for index, count in enumerate(self._after):
            y = plot.y(min(count, plot.y_high))
            path.lineTo(plot.x(self._edges[index]), y)
            path.lineTo(plot.x(self._edges[index + 1]), y)
        path.lineTo(plot.x(self._edges[-1]), plot.rect.bottom())
        ink = self._theme.color("text")
        ink.setAlphaF(0.55)
        painter.setPen(QPen(ink, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _paint_handles(self, painter: QPainter, plot: Plot, cut: float) -> None:
        accent = self._theme.color("accent")
        for at in {-cut, cut}:
            x = plot.x(at)
            painter.setPen(QPen(accent, 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, TOP - 8), QPointF(x, plot.rect.bottom()))
            painter.setPen(QPen(accent, 2))
            painter.setBrush(accent if self.hasFocus() else self._theme.color("panel"))
            painter.drawEllipse(QPointF(x, TOP - 10), HANDLE, HANDLE)

    def _paint_grid(self, painter: QPainter, plot: Plot) -> None:
        """The values that weights may take: lines where there is room, a ruler where there is less.

        What lies beyond the two ends is cut off to them.
        """
        inside = self._grid[(self._grid >= plot.x_low) & (self._grid <= plot.x_high)]
        if not inside.size:
            return
        color = self._theme.color("attention")
        places = [plot.x(float(value)) for value in inside]
        apart = (places[-1] - places[0]) / max(len(places) - 1, 1)
        base = plot.rect.bottom()
        soft = QColor(color)
        soft.setAlphaF(0.5)
        if apart >= LINES_APART:
            painter.setPen(QPen(soft, 1, Qt.PenStyle.DotLine))
            for x in places:
                painter.drawLine(QPointF(x, plot.rect.top()), QPointF(x, base))
        painter.setPen(QPen(color, 1))
        if apart >= TICKS_APART:
            for x in places:
                painter.drawLine(QPointF(x, base - 4), QPointF(x, base))
        else:
            painter.drawLine(QPointF(places[0], base - 1), QPointF(places[-1], base - 1))
        for value in (self._grid[0], self._grid[-1]):
            if plot.x_low <= value <= plot.x_high:
                x = plot.x(float(value))
                painter.drawLine(QPointF(x, base - 12), QPointF(x, base))
        painter.setFont(small_font(self.font(), 10))
        words, place, where = self.grid_place(painter.fontMetrics())
        painter.drawText(place, int(where | Qt.AlignmentFlag.AlignVCenter), words)

    def grid_place(self, metrics: QFontMetrics) -> tuple[str, QRectF, Qt.AlignmentFlag]:
        """What is said of the grid, where, and how it is aligned there: beside the handles or between them.

        Where there is room for neither the number of grids is left out, which the description tells too.
        """
        plot, words = self.plot(), self.grid_text()
        left, right, height = plot.rect.left(), plot.rect.right(), TOP - 4
        if not self._movable:
            return words, QRectF(left, 0, right - left, height), Qt.AlignmentFlag.AlignLeft
        (first, second), free = self.handle_x(), 2 * HANDLE
        rooms = (
            (QRectF(left, 0, first - free - left, height), Qt.AlignmentFlag.AlignLeft),
            (QRectF(first + free, 0, second - first - 2 * free, height), Qt.AlignmentFlag.AlignHCenter),
            (QRectF(second + free, 0, right - second - free, height), Qt.AlignmentFlag.AlignRight),
        )
        for said in (words, self.grid_text(short=True)):
            for place, where in rooms:
                if metrics.horizontalAdvance(said) <= place.width():
                    return said, place, where
        return "", rooms[0][0], Qt.AlignmentFlag.AlignLeft

    def grid_text(self, short: bool = False) -> str:
        """How many values the weights may take, in words; empty for any. `short`: not on how many grids."""
        if not self._grid.size:
            return ""
        count = tr("{n} steps").format(n=fmt.count(self._grid.size))
        if self._grids <= 1 or short:
            return count
        return tr("{steps} · {n} grids").format(steps=count, n=fmt.count(self._grids))

    def table(self) -> list[list[Value]]:
        """The bins with their counts before and after the plan: what is copied."""
        rows: list[list[Value]] = [[tr("From"), tr("To"), tr("Weights"), tr("Weights after the plan")]]
        after = self._after if self._after is not None else np.full(self._counts.size, np.nan)
        for index, count in enumerate(self._counts):
            low, high = float(self._edges[index]), float(self._edges[index + 1])
            changed = int(after[index]) if np.isfinite(after[index]) else None
            rows.append([low, high, int(count), changed])
        return rows

    def _recolor(self, _name: str) -> None:
        self.update()

    # ------------------------------------------------------------ dragging

    def handle_x(self) -> tuple[float, float]:
        """Pixels of the left and the right handle."""
        plot = self.plot()
        return plot.x(-self.cut), plot.x(self.cut)

    def _near_handle(self, x: float) -> bool:
        return any(abs(x - at) <= GRIP for at in self.handle_x())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        takes = self._movable and self._counts.size and event.button() == Qt.MouseButton.LeftButton
        if takes and self._near_handle(event.position().x()):
            self._dragging = True
            self._drags += 1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._dragging:
            magnitude = abs(self.plot().value_x(x))
            self._move(self.share_below(magnitude), f"cut {self._drags}")
            return
        near = self._movable and self._counts.size and self._near_handle(x)
        self.setCursor(Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -0.05, Qt.Key.Key_Right: 0.05}.get(event.key())
        if step is None or not self._movable or not self._counts.size:
            super().keyPressEvent(event)
            return
        share = self._share if not self._threshold else self.share_below(self._threshold)
        self._move(min(max(share + step, 0.0), 1.0), "cut keys")

    def _move(self, share: float, merge: str) -> None:
        self.cut_moved.emit(round(share, 3), merge)


def magnitude_curve(counts: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes and the share of weights below each, both ascending, from the bins of a histogram.

    Within a bin the weights are taken as evenly spread; a bin over zero counts for both sides.
    """
    magnitudes, _ = distinct(np.abs(np.concatenate([edges, [0.0]])))
    total = float(counts.sum()) or 1.0
    cumulative = np.concatenate([[0.0], np.cumsum(counts)])

    def below(value: np.ndarray) -> np.ndarray:
        return np.interp(value, edges, cumulative)

    shares = (below(magnitudes) - below(-magnitudes)) / total
    if edges.min() > 0 or edges.max() < 0:
        # all weights on one side of zero: nothing is below the smallest edge
        shares = np.maximum.accumulate(np.clip(shares, 0.0, 1.0))
    return magnitudes, shares
