"""One way to draw axes: nice ticks, a plot rectangle that maps values to pixels, thin grid lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import Theme


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten) within low..high."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    if last - first < 1 and count < 8:
        # a single label would not say how far apart anything is
        return nice_ticks(low, high, count + 1)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """At most about `count` round values (such as 1, 2, 5 times powers of ten) within low..high, both > 0."""
    if not (0 < low < high and math.isfinite(high)):
        return [low]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if 2 <= len(ticks) <= count:
            return ticks
    return nice_ticks(low, high, count)


def digits_for(ticks: Sequence[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    if len(ticks) < 2:
        return 1
    return max(0, -math.floor(math.log10(abs(ticks[1] - ticks[0])) + 1e-9))


def small_font(font: QFont, pixels: int = 11, *, italic: bool = False, bold: bool = False) -> QFont:
    """A copy of `font` at another size."""
    copy = QFont(font)
    copy.setPixelSize(pixels)
    copy.setItalic(italic)
    copy.setBold(bold)
    return copy


@dataclass(frozen=True)
class Plot:
    """A rectangle in pixels that stands for x_low..x_high and y_low..y_high."""

    rect: QRectF
    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        span = (self.x_high - self.x_low) or 1.0
        return self.rect.left() + (value - self.x_low) / span * self.rect.width()

    def y(self, value: float) -> float:
        span = (self.y_high - self.y_low) or 1.0
        return self.rect.bottom() - (value - self.y_low) / span * self.rect.height()

    def point(self, x: float, y: float) -> QPointF:
        return QPointF(self.x(x), self.y(y))

    def value_x(self, pixel: float) -> float:
        """The value at a pixel, kept within the axis."""
        share = (pixel - self.rect.left()) / (self.rect.width() or 1.0)
        return self.x_low + min(max(share, 0.0), 1.0) * (self.x_high - self.x_low)


def paint_y_axis(
    painter: QPainter, theme: Theme, plot: Plot, labels: Sequence[tuple[float, str]], font: QFont
) -> None:
    """Horizontal grid lines with their labels at the left."""
    painter.setFont(font)
    for value, label in labels:
        y = round(plot.y(value)) + 0.5
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(QPointF(plot.rect.left(), y), QPointF(plot.rect.right(), y))
        painter.setPen(theme.color("muted"))
        painter.drawText(
            QRectF(0, y - 9, plot.rect.left() - 7, 18),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            label,
        )


def paint_x_axis(
    painter: QPainter, theme: Theme, plot: Plot, labels: Sequence[tuple[float, str]], font: QFont
) -> None:
    """Labels below the plot, the outer ones kept within its width."""
    painter.setFont(font)
    painter.setPen(theme.color("muted"))
    for value, label in labels:
        width = painter.fontMetrics().horizontalAdvance(label) + 2
        left = min(max(plot.x(value) - width / 2, plot.rect.left() - 6), plot.rect.right() + 6 - width)
        painter.drawText(QRectF(left, plot.rect.bottom() + 4, width, 16), Qt.AlignmentFlag.AlignCenter, label)


def paint_focus(painter: QPainter, theme: Theme, widget: QWidget) -> None:
    """A frame around a picture of figures while its keys work."""
    if widget.hasFocus():
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 1.2))
        painter.drawRoundedRect(QRectF(widget.rect()).adjusted(0.6, 0.6, -0.6, -0.6), 6, 6)
