"""The importance of a layer's weights as a picture: output channels down, input channels across."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QImage, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import Layer, LayerView
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import small_font

LEGEND = 22
"""Height of the colour scale below the picture."""
FADE = 0.66
"""How far a weight that goes is blended into the panel."""
LOW, HIGH = 1.0, 99.0
"""Percentiles at the ends of the colour scale, so that one outlier does not darken the rest."""


class Heatmap(QWidget):
    """Shows a LayerView. Sorted: rows and columns by importance; otherwise as stored."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values = np.zeros((0, 0), np.float32)
        self._rows = np.zeros(0, np.int64)
        self._columns = np.zeros(0, np.int64)
        self._order = np.zeros(0, np.int64)
        self._by_mean = np.zeros(0, np.int64)
        self._colors = np.zeros((0, 0, 3), np.uint8)
        self._places = np.zeros((0, 0), np.int64)
        self._layer: Layer | None = None
        self._share = 0.0
        self._sorted = True
        self._image: QImage | None = None
        self.setMinimumHeight(120 + LEGEND)
        self.setMouseTracking(True)
        theme.changed.connect(self._arrange)

    # ------------------------------------------------------------ content

    def show_view(self, view: LayerView | None, layer: Layer | None) -> None:
        self._layer = layer
        values = view.heatmap.numpy() if view is not None else np.zeros((0, 0), np.float32)
        self._values = np.nan_to_num(np.atleast_2d(values).astype(np.float32))
        if self._values.size:
            # ranks: 0 is the most important row; columns follow their mean
            ranks = view.rows_sorted.numpy().ravel()
            fits = ranks.size == self._values.shape[0]
            keys = ranks if fits else -self._values.mean(axis=1)
            self._order = np.argsort(keys, kind="stable")
            self._by_mean = np.argsort(-self._values.mean(axis=0), kind="stable")
        self._arrange()

    def set_share(self, share: float) -> None:
        """Which share of the weights goes, 0..1."""
        if share != self._share:
            self._share = share
            self._draw()

    def set_sorted(self, by_importance: bool) -> None:
        self._sorted = by_importance
        self._arrange()

    @property
    def gone(self) -> np.ndarray:
        """Which cells are below the cut, in the order shown, shape of the picture, bool."""
        return self._places < round(self._share * self._places.size)

    def _arrange(self, _name: str = "") -> None:
        """Order and colour the cells: what does not depend on the cut, so that a drag stays cheap."""
        if self._values.size:
            rows, columns = self._values.shape
            self._rows = self._order if self._sorted else np.arange(rows)
            self._columns = self._by_mean if self._sorted else np.arange(columns)
            shown = self._values[np.ix_(self._rows, self._columns)]
            low, high = np.percentile(shown, (LOW, HIGH))
            scaled = (shown - low) * (255.0 / max(high - low, 1e-30))
            self._colors = self._theme.table("importance")[np.clip(scaled, 0, 255).astype(np.uint8)]
            places = np.empty(shown.size, np.int64)
            places[np.argsort(shown, axis=None)] = np.arange(shown.size)
            self._places = places.reshape(shown.shape)
        self._draw()

    def _draw(self) -> None:
        """Blend the cells that go into the panel, and make the picture."""
        self._image = None
        if self._values.size:
            colors, gone = self._colors, self.gone
            if self._share > 0:
                panel = np.array(self._theme.color("panel").getRgb()[:3], np.float32)
                faded = (colors * np.float32(1 - FADE) + panel * np.float32(FADE)).astype(np.uint8)
                colors = np.where(gone[..., None], faded, colors)
            rows, columns = self._places.shape
            data = np.ascontiguousarray(colors)
            image = QImage(data.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
            self._image = image.copy()
        self.update()

    # ------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 150 + LEGEND)

    def _area(self) -> QRectF:
        return QRectF(0, 0, self.width(), self.height() - LEGEND)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self._area()
        path = QPainterPath()
        path.addRoundedRect(area, 6, 6)
        painter.save()
        painter.setClipPath(path)
        if self._image is None:
            painter.fillRect(area, self._theme.color("track"))
        else:
            finer = self._image.width() > area.width() or self._image.height() > area.height()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, finer)
            painter.drawImage(area, self._image)
        painter.restore()
        if self._image is not None:
            self._paint_label(painter, area)
            self._paint_legend(painter)
        painter.end()

    def _paint_label(self, painter: QPainter, area: QRectF) -> None:
        if self._share <= 0:
            return
        label = tr("{share} go").format(share=fmt.percent(self._share))
        painter.setFont(small_font(self.font(), 11))
        width = painter.fontMetrics().horizontalAdvance(label) + 14
        pill = QRectF(area.right() - width - 7, area.bottom() - 26, width, 19)
        back = self._theme.color("panel")
        back.setAlphaF(0.88)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(pill, 6, 6)
        painter.setPen(self._theme.color("text"))
        painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), label)

    def _paint_legend(self, painter: QPainter) -> None:
        painter.setFont(small_font(self.font(), 11))
        metrics = painter.fontMetrics()
        low, high = tr("low"), tr("high")
        top = self.height() - LEGEND + 5
        line = QRectF(0, top, self.width(), LEGEND - 6)
        painter.setPen(self._theme.color("muted"))
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), low)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), high)
        left = metrics.horizontalAdvance(low) + 9
        bar = QRectF(
            left, line.center().y() - 3, self.width() - left - metrics.horizontalAdvance(high) - 9, 6
        )
        gradient = QLinearGradient(QPointF(bar.left(), 0), QPointF(bar.right(), 0))
        for step in range(11):
            gradient.setColorAt(step / 10, self._theme.scale_color("importance", step / 10))
        painter.setPen(QPen(Qt.PenStyle.NoPen))
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)

    # ------------------------------------------------------------ what is under the mouse

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.describe(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def describe(self, position: QPointF) -> str:
        """Output and input channel under a point, with the importance there."""
        area = self._area()
        if self._image is None or not area.contains(position):
            return ""
        rows, columns = self._values.shape
        row = min(int(position.y() / area.height() * rows), rows - 1)
        column = min(int(position.x() / area.width() * columns), columns - 1)
        stored_row, stored_column = int(self._rows[row]), int(self._columns[column])
        layer = self._layer
        out = _span(stored_row, rows, layer.out_channels if layer else rows)
        into = _span(stored_column, columns, max(layer.in_channels if layer else columns, columns))
        lines = [
            tr("output {out}, input {into}").format(out=out, into=into),
            tr("importance {value}").format(value=f"{self._values[stored_row, stored_column]:.3g}"),
        ]
        if self.gone[row, column]:
            lines.append(tr("among the least important: goes"))
        return "\n".join(lines)


def _span(cell: int, cells: int, channels: int) -> str:
    """The channels that one cell stands for, counted from 0."""
    first = cell * channels // cells
    last = max((cell + 1) * channels // cells - 1, first)
    return fmt.count(first) if first == last else f"{fmt.count(first)}–{fmt.count(last)}"
