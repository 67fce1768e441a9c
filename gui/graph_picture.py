"""Save the whole drawing as a picture, a portion at each turn of the event loop: the window stays alive.

The picture is written beside its destination and moved into place when it is whole.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator

from gui.models.graph_items import GraphItems
from gui.theme import Theme
from gui.widgets.graph_painter import GraphLook, GraphPainter

MARGIN = 16.0
LARGEST_SIDE, MOST_PIXELS = 30_000, 60_000_000
"""Of a PNG: Qt draws no further than 32,767 pixels, and 60 megapixels take 240 MB."""
SHARPNESS = 2.0
"""Pixels a point of a PNG has, where there is room."""


class PictureWriter(QObject):
    finished = Signal(str)
    """The path that was written."""
    failed = Signal(str)
    """Why not."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._painter_of_graph = GraphPainter(theme)
        self._theme = theme
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self._steps: Iterator[None] | None = None
        self._path = Path()

    @property
    def busy(self) -> bool:
        return self._steps is not None

    def save(self, path: str, items: GraphItems, look: GraphLook) -> None:
        """Begin; SVG or PNG by the ending."""
        self._path = Path(path)
        self._painter_of_graph.forget()
        self._steps = self._write(items, look)
        self._timer.start(0)

    def _step(self) -> None:
        try:
            if self._steps is not None:
                next(self._steps)
        except StopIteration:
            self._end()
            self.finished.emit(str(self._path))
        except OSError as error:
            self._end()
            self.failed.emit(error.strerror or str(error))

    def _end(self) -> None:
        self._timer.stop()
        self._steps = None

    def _write(self, items: GraphItems, look: GraphLook) -> Iterator[None]:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".graph-", suffix=self._path.suffix)
        os.close(handle)
        beside = Path(name)
        try:
            bounds = items.bounds.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)
            if self._path.suffix.lower() == ".svg":
                yield from self._draw(_svg(beside, bounds), items, look, bounds, 1.0)
            else:
                zoom = scale_of(bounds)
                image = QImage(
                    max(1, round(bounds.width() * zoom)),
                    max(1, round(bounds.height() * zoom)),
                    QImage.Format.Format_RGB32,
                )
                if image.isNull():
                    raise OSError("the picture needs more memory than there is")
                image.fill(self._theme.color("panel"))
                yield from self._draw(image, items, look, bounds, zoom)
                if not image.save(str(beside), "PNG"):
                    raise OSError("the file could not be written")
            os.replace(beside, self._path)
        finally:
            beside.unlink(missing_ok=True)

    def _draw(
        self, device: QPaintDevice, items: GraphItems, look: GraphLook, bounds: QRectF, zoom: float
    ) -> Iterator[None]:
        painter = QPainter()
        if not painter.begin(device):
            raise OSError("the file could not be written")
        try:
            if isinstance(device, QSvgGenerator):
                painter.fillRect(
                    QRectF(0, 0, bounds.width(), bounds.height()), QColor(self._theme.color("panel"))
                )
            painter.translate(-bounds.left() * zoom, -bounds.top() * zoom)
            yield from self._painter_of_graph.portions(painter, items, look, zoom)
        finally:
            painter.end()


def scale_of(bounds: QRectF) -> float:
    """Pixels a point: sharp where there is room, else as many as the limits allow."""
    side = LARGEST_SIDE / max(bounds.width(), bounds.height(), 1.0)
    area = (MOST_PIXELS / max(bounds.width() * bounds.height(), 1.0)) ** 0.5
    return min(SHARPNESS, side, area)


def _svg(path: Path, bounds: QRectF) -> QSvgGenerator:
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    size = QSize(round(bounds.width()), round(bounds.height()))
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, bounds.width(), bounds.height()))
    return generator
