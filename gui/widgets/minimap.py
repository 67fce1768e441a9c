"""The whole graph in a thumbnail, with a frame around what is in view; a drag moves the view."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from gui.models.graph_items import GraphItems
from gui.theme import Theme
from gui.widgets.far_painter import FarLook, draw_boxes
from gui.widgets.graph_painter import GraphLook

PAD = 4
LONGEST, NARROWEST = 96, 22
"""Pixels: the longer side, and the least width."""
FAINT = 0.4
"""Over a drawing, so that names below can be read; whole under the pointer."""


class Minimap(QWidget):
    moved = Signal(object)
    """QPointF: the place of the graph that shall be in the middle."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._items: GraphItems | None = None
        self._look = GraphLook()
        self._area = QRectF()
        self._picture: QPixmap | None = None
        self._over = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._on_theme)

    def show_items(self, items: GraphItems | None) -> None:
        self._items = items
        if items is not None and not items.bounds.isEmpty():
            ratio = items.bounds.width() / items.bounds.height()
            width = min(max(LONGEST * min(ratio, 1.0), NARROWEST), LONGEST)
            height = min(max(LONGEST / max(ratio, 1.0), NARROWEST), LONGEST)
            self.setFixedSize(QSize(round(width) + 2 * PAD, round(height) + 2 * PAD))
        self._redraw()

    def show_look(self, look: GraphLook) -> None:
        changed = (look.shares, look.scale) != (self._look.shares, self._look.scale)
        self._look = look
        if changed:
            self._redraw()

    def set_over(self, over: bool) -> None:
        """Whether it lies over the drawing, and not beside it."""
        if over != self._over:
            self._over = over
            self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def show_area(self, area: QRectF) -> None:
        self._area = area
        self.update()

    def _on_theme(self, _name: str) -> None:
        self._redraw()

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _scale(self) -> tuple[float, float]:
        bounds = self._items.bounds
        return (self.width() - 2 * PAD) / bounds.width(), (self.height() - 2 * PAD) / bounds.height()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._items is None or self._items.bounds.isEmpty():
            return
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatio():
            self._picture = self._draw()
        painter = QPainter(self)
        if self._over and not self.underMouse():
            painter.setOpacity(FAINT)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x_scale, y_scale = self._scale()
        bounds = self._items.bounds
        area = self._area.intersected(bounds)
        frame = QRectF(
            PAD + (area.left() - bounds.left()) * x_scale,
            PAD + (area.top() - bounds.top()) * y_scale,
            area.width() * x_scale,
            max(area.height() * y_scale, 3.0),
        ).adjusted(-1.5, -1.5, 1.5, 1.5)
        soft = QColor(self._theme.color("accent"))
        soft.setAlpha(26)
        painter.setBrush(soft)
        painter.setPen(QPen(self._theme.color("accent"), 1.2))
        painter.drawRoundedRect(frame, 3, 3)
        painter.end()

    def _draw(self) -> QPixmap:
        ratio = self.devicePixelRatio()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color("line"))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1), 5, 5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        x_scale, y_scale = self._scale()
        bounds = self._items.bounds
        origin, scale = (bounds.left(), bounds.top()) * 2, (x_scale, y_scale) * 2
        rects = (self._items.rects - origin) * scale + PAD
        shown = self._look
        look = FarLook(self._items, shown.shares, shown.rolled, self._theme, shown.scale)
        draw_boxes(painter, rects, look, np.arange(len(rects)), 1.0)
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._move(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move(event.position())

    def _move(self, position: QPointF) -> None:
        if self._items is None or self._items.bounds.isEmpty():
            return
        x_scale, y_scale = self._scale()
        bounds = self._items.bounds
        self.moved.emit(
            QPointF(
                bounds.left() + (position.x() - PAD) / x_scale, bounds.top() + (position.y() - PAD) / y_scale
            )
        )
