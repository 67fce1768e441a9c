"""Icons of resources/icons in the theme's colours, crisp at every scale factor."""

from __future__ import annotations

from importlib import resources

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.theme import Theme

EDGE = 24
"""The icons are drawn on a square of so many units."""


def svg(name: str) -> bytes:
    """The drawing as shipped: strokes in currentColor."""
    return (resources.files("resources") / "icons" / f"{name}.svg").read_bytes()


class _SvgEngine(QIconEngine):
    """Draws the vector at whatever size and pixel ratio is asked for."""

    def __init__(self, data: bytes, color: QColor, disabled: QColor) -> None:
        super().__init__()
        self._data = data
        self._color = color
        self._disabled = disabled

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._data, self._color, self._disabled)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        color = self._disabled if mode == QIcon.Mode.Disabled else self._color
        data = self._data.replace(b"currentColor", color.name().encode())
        QSvgRenderer(QByteArray(data)).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        drawn = QPixmap(size)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return drawn


def icon(name: str, theme: Theme, token: str = "text") -> QIcon:
    """The icon in a colour of the theme in force; make it anew when the theme changes."""
    return QIcon(_SvgEngine(svg(name), theme.color(token), theme.color("original")))


def pixmap(name: str, theme: Theme, edge: int, ratio: float, token: str = "accent") -> QPixmap:
    """The drawing as a square pixmap, `edge` in points, for a screen of pixel ratio `ratio`."""
    engine = _SvgEngine(svg(name), theme.color(token), theme.color("original"))
    drawn = engine.pixmap(QSize(edge, edge) * ratio, QIcon.Mode.Normal, QIcon.State.Off)
    drawn.setDevicePixelRatio(ratio)
    return drawn
