"""A few samples as the model will see them: pictures in a grid, or the first rows of a table."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.values import DataInfo
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating

EDGE = 92
"""Points of a picture's side."""
CAPTION = 20
GAP = 10
ROW = 24
CELL = 84
COLUMNS = 8
"""So many of a table's columns are shown."""


class SamplePreview(Retranslating, QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._images: list[QImage] = []
        self._labels: tuple[str, ...] = ()
        self._rows: tuple[tuple[str, ...], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self._recolor)

    @property
    def filled(self) -> bool:
        return bool(self._images or self._rows)

    def set_data(self, data: DataInfo | None) -> None:
        self._images = [QImage.fromData(png) for png in data.preview_png] if data is not None else []
        self._labels = data.preview_labels if data is not None else ()
        self._rows = ()
        if data is not None and not self._images and data.preview_rows:
            header = (data.columns[:COLUMNS],) if data.columns else ()
            self._rows = (*header, *(row[:COLUMNS] for row in data.preview_rows[:8]))
        self.retranslate()
        self.updateGeometry()
        self.update()

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Samples: {names}").format(names=fmt.listed(self._labels)))

    def sizeHint(self) -> QSize:
        return QSize(4 * EDGE + 3 * GAP, self.heightForWidth(4 * EDGE + 3 * GAP))

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * EDGE + GAP, EDGE)

    def heightForWidth(self, width: int) -> int:
        if self._rows:
            return len(self._rows) * ROW
        across = self._across(width)
        return max(-(-len(self._images) // across), 1) * (EDGE + CAPTION + GAP)

    def _across(self, width: int) -> int:
        """Pictures in a row, so that the rows are about equally long."""
        count = max(len(self._images), 1)
        rows = -(-count // max((width + GAP) // (EDGE + GAP), 1))
        return -(-count // rows)

    def _recolor(self, *_: object) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._rows:
            self._paint_rows(painter)
        else:
            self._paint_images(painter)

    def _paint_images(self, painter: QPainter) -> None:
        across = self._across(self.width())
        metrics = self.fontMetrics()
        for index, image in enumerate(self._images):
            left = (index % across) * (EDGE + GAP)
            top = (index // across) * (EDGE + CAPTION + GAP)
            # a small picture keeps its pixels: this is what the model sees, not a photograph to admire
            smooth = image.width() > EDGE
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            scale = EDGE / max(image.width(), image.height(), 1)
            width, height = image.width() * scale, image.height() * scale
            where = QRectF(left + (EDGE - width) / 2, top + (EDGE - height) / 2, width, height)
            painter.drawImage(where, image)
            if index < len(self._labels):
                painter.setPen(self._theme.color("muted"))
                name = metrics.elidedText(self._labels[index], Qt.TextElideMode.ElideRight, EDGE)
                painter.drawText(QRectF(left, top + EDGE, EDGE, CAPTION), Qt.AlignmentFlag.AlignCenter, name)

    def _paint_rows(self, painter: QPainter) -> None:
        columns = max(len(row) for row in self._rows)
        width = min(self.width() / max(columns, 1), 140.0)
        metrics = self.fontMetrics()
        for number, row in enumerate(self._rows):
            painter.setPen(self._theme.color("muted" if number == 0 else "text"))
            for index, cell in enumerate(row):
                place = QRectF(index * width, number * ROW, width - 8, ROW)
                shown = metrics.elidedText(cell[:200], Qt.TextElideMode.ElideRight, int(width - 8))
                painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
            painter.setPen(self._theme.color("line"))
            painter.drawLine(0, (number + 1) * ROW - 1, int(columns * width), (number + 1) * ROW - 1)
