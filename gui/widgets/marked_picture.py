"""Areas and boxes of an answer over the picture that it is about.

A class has one colour wherever it appears, and a hatching or a dash of its own: colour is never alone.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen

from core.values import CLASS_COLORS, Marks

HATCHES = (
    Qt.BrushStyle.NoBrush,
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.FDiagPattern,
    Qt.BrushStyle.CrossPattern,
)
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
TINT = 105


def class_color(number: int) -> QColor:
    return QColor(CLASS_COLORS[number % len(CLASS_COLORS)])


def fitted(size: QSize, edge: float) -> tuple[float, float]:
    """Width and height of a picture of this size in a square."""
    scale = edge / max(size.width(), size.height(), 1)
    return size.width() * scale, size.height() * scale


def paint_marked(
    painter: QPainter, image: QImage, marks: Marks | None, corner: QPointF, edge: float
) -> QRectF:
    """The picture in the square of this edge at `corner`, with the marks over it. Returns where it is."""
    # a small picture keeps its pixels: this is what the network sees
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.width() > edge)
    area = QRectF(corner.x(), corner.y(), *fitted(image.size(), edge))
    painter.drawImage(area, image)
    if marks is not None:
        if marks.areas is not None:
            _paint_areas(painter, marks, area)
        _paint_boxes(painter, marks, area)
    return area


def _paint_areas(painter: QPainter, marks: Marks, area: QRectF) -> None:
    """Class 0, which is mostly the background, leaves the picture as it is."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    height, width = marks.areas.numpy().shape
    across, down = area.width() / width, area.height() / height
    pixels = np.zeros((height, width, 4), np.uint8)
    hatched: list[tuple[QBrush, QPainterPath]] = []
    for number, inside, runs in marks.regions():
        color = class_color(number - 1)
        pixels[inside] = (color.red(), color.green(), color.blue(), TINT)
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)
        for row, first, end in runs:
            path.addRect(area.left() + first * across, area.top() + row * down, (end - first) * across, down)
        hatched.append((QBrush(color, HATCHES[(number - 1) % len(HATCHES)]), path))
    painter.drawImage(area, QImage(pixels.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888))
    painter.setPen(Qt.PenStyle.NoPen)
    for brush, path in hatched:
        painter.setBrush(brush)
        painter.drawPath(path)


def _paint_boxes(painter: QPainter, marks: Marks, area: QRectF) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for box in reversed(marks.boxes):  # the surest on top
        rect = QRectF(
            QPointF(area.left() + box.left * area.width(), area.top() + box.top * area.height()),
            QPointF(area.left() + box.right * area.width(), area.top() + box.bottom * area.height()),
        )
        painter.setPen(QPen(QColor(0, 0, 0, 150), 3.0))
        painter.drawRect(rect)
        painter.setPen(QPen(class_color(box.number), 1.6, DASHES[box.number % len(DASHES)]))
        painter.drawRect(rect)
