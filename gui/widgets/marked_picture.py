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
NOTHING = 255


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
            _paint_areas(painter, marks.areas.numpy(), area)
        _paint_boxes(painter, marks, area)
    return area


def _paint_areas(painter: QPainter, classes: np.ndarray, area: QRectF) -> None:
    """classes: (height, width). Class 0, which is mostly the background, leaves the picture as it is."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    height, width = classes.shape
    pixels = np.zeros((height, width, 4), np.uint8)
    present = [number for number in range(1, NOTHING) if (classes == number).any()]
    for number in present:
        color = class_color(number - 1)
        pixels[classes == number] = (color.red(), color.green(), color.blue(), TINT)
    tint = QImage(pixels.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888)
    painter.drawImage(area, tint)
    for number in present:
        path = _outline(classes == number, area)
        color = class_color(number - 1)
        painter.setBrush(QBrush(color, HATCHES[(number - 1) % len(HATCHES)]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPath(path)


def _outline(inside: np.ndarray, area: QRectF) -> QPainterPath:
    """The places as one path: a rectangle for each run of them in a row."""
    across, down = area.width() / inside.shape[1], area.height() / inside.shape[0]
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    edges = np.diff(np.pad(inside.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    begins, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    for (row, first), (_, last) in zip(begins.tolist(), ends.tolist(), strict=True):
        path.addRect(area.left() + first * across, area.top() + row * down, (last - first) * across, down)
    return path


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
