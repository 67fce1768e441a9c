"""How groups look: a closed one is a box of two lines, an open one a thin frame with a sign to close it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from gui.models.group_frames import Frame
from gui.models.rollup import Rolled
from gui.theme import Theme

SIGN = 20.0
"""Width of the place at the left of a closed group that opens it, in points at 100 %."""
BUTTON = 6.5
"""Radius of the sign that closes an open group."""
STRIP_HEIGHT = 7.0


def paint_stack(painter: QPainter, rect: QRectF, radius: float, zoom: float, theme: Theme) -> None:
    """The edges of two sheets behind a closed group: there is more in it."""
    painter.setPen(QPen(theme.color("original"), 1.0))
    painter.setBrush(theme.color("panel"))
    for step in (2, 1):
        shift = 2.5 * step * zoom
        painter.drawRoundedRect(rect.adjusted(shift, shift, shift, shift), radius, radius)


def paint_sign(painter: QPainter, rect: QRectF, color: QColor, zoom: float) -> None:
    """A triangle that points to what would come out."""
    x, y, size = rect.left() + 10 * zoom, rect.top() + 12 * zoom, 3.6 * zoom
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(
        QPolygonF(
            [QPointF(x - size * 0.7, y - size), QPointF(x + size, y), QPointF(x - size * 0.7, y + size)]
        )
    )


def paint_strip(painter: QPainter, area: QRectF, rolled: Rolled, theme: Theme, scale: str) -> None:
    """A cell for each layer inside, coloured by its figure; grey where that is unknown."""
    painter.setPen(QPen(theme.color("panel"), 1.0))
    painter.setBrush(theme.color("panel"))
    painter.drawRect(area)
    if not rolled.strip:
        return
    width = area.width() / len(rolled.strip)
    for index, share in enumerate(rolled.strip):
        color = theme.scale_color(scale, share) if share is not None else theme.color("track")
        left = area.left() + index * width
        gap = 0.6 if width > 4 else 0.0
        painter.fillRect(QRectF(left, area.top(), max(width - gap, 0.8), area.height()), color)
    painter.setPen(QPen(theme.color("muted"), 0.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)


def paint_frame(painter: QPainter, frame: Frame, zoom: float, theme: Theme, with_button: bool) -> None:
    painter.setPen(QPen(theme.color("original"), 1.0, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shown = QRectF(frame.rect.topLeft() * zoom, frame.rect.size() * zoom)
    painter.drawRoundedRect(shown, 9 * zoom, 9 * zoom)
    if not with_button:
        return
    middle, radius = frame.button * zoom, BUTTON * zoom
    painter.setPen(QPen(theme.color("original"), 1.0))
    painter.setBrush(theme.color("panel"))
    painter.drawEllipse(middle, radius, radius)
    painter.setPen(QPen(theme.color("muted"), 1.4 * zoom))
    painter.drawLine(middle - QPointF(radius / 2, 0), middle + QPointF(radius / 2, 0))


Text = Callable[..., float]
"""`GraphPainter._text`: draws one elided line and returns its width."""


def paint_closed(
    painter: QPainter,
    rect: QRectF,
    label: str,
    badge: str,
    rolled: Rolled | None,
    color: QColor,
    zoom: float,
    theme: Theme,
    scale: str,
    write: Text,
) -> None:
    """What stands in a closed group's box: sign, name and how often; strip and figure below."""
    paint_sign(painter, rect, color, zoom)
    pad = 9 * zoom
    upper = QRectF(
        rect.left() + SIGN * zoom, rect.top() + 2 * zoom, rect.width() - SIGN * zoom - pad, 20 * zoom
    )
    if badge:
        upper.setRight(
            upper.right() - write(painter, badge, upper, 11.5 * zoom, color, bold=True, right=True)
        )
        upper.setRight(upper.right() - 5 * zoom)
    write(painter, label, upper, 12.5 * zoom, color, bold=True)
    if rolled is None or not rolled.strip:
        return
    lower = QRectF(rect.left() + pad, rect.bottom() - 17 * zoom, rect.width() - 2 * pad, 14 * zoom)
    width = write(painter, rolled.text, lower, 11 * zoom, color, right=True) if rolled.text else 0.0
    strip = QRectF(
        lower.left(),
        lower.center().y() - STRIP_HEIGHT / 2 * zoom,
        lower.width() - (width + 7 * zoom if width else 0.0),
        STRIP_HEIGHT * zoom,
    )
    paint_strip(painter, strip, rolled, theme, scale)
