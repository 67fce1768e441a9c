"""The importance of a layer's weights as a picture: output channels down, input channels across."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import Layer, LayerView
from gui import format as fmt
from gui.i18n import tr
from gui.models.arrays import percentiles
from gui.table_text import Value
from gui.theme import Theme
from gui.widgets.axis import paint_focus, small_font
from gui.widgets.copying import Copies
from gui.widgets.scale_bar import paint_scale

LEGEND = 22
"""Height of the colour scale below the picture."""
FADE = 0.66
"""How far a weight that goes is blended into the panel."""
SLANTED = 6
"""Pixels from one slanted line over such weights to the next."""
PATIENCE_MS = 400
"""So long nothing is said of a picture that is not there yet: most come sooner, and words would flicker."""
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
        self._places: np.ndarray | None = None
        self._layer: Layer | None = None
        self._share = 0.0
        self._mask: np.ndarray | None = None
        self._sorted = True
        self._image: QImage | None = None
        self._waits = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self.update)
        self.setMinimumHeight(80 + LEGEND)
        self.setMouseTracking(True)
        theme.changed.connect(self._arrange)
        self.copies = Copies(self, theme, self.table)

    # ------------------------------------------------------------ content

    def show_view(self, view: LayerView | None, layer: Layer | None) -> None:
        self._layer = layer
        if view is None and layer is not None:
            self._patience.start()
        else:
            self._patience.stop()
        self._waits = view is None and layer is not None
        values = view.heatmap.numpy() if view is not None else np.zeros((0, 0), np.float32)
        self._values = np.nan_to_num(np.atleast_2d(values).astype(np.float32))
        mask = view.gone.numpy() if view is not None and view.gone is not None else None
        self._mask = mask if mask is not None and mask.shape == self._values.shape else None
        if not self._values.size:
            self._rows = self._columns = np.zeros(0, np.int64)
            self._colors = np.zeros((0, 0, 3), np.uint8)
        else:
            # ranks: 0 is the most important row; columns follow their mean
            ranks = view.rows_sorted.numpy().ravel()
            fits = ranks.size == self._values.shape[0]
            keys = ranks if fits else -self._values.mean(axis=1)
            self._order = np.argsort(keys, kind="stable")
            self._by_mean = np.argsort(-self._values.mean(axis=0), kind="stable")
        self._arrange()

    def set_share(self, share: float) -> None:
        """Which share of the weights goes, 0..1: the least important cells, until the engine says which."""
        if share != self._share:
            self._share = share
            self._mask = None
            self._draw()

    def set_sorted(self, by_importance: bool) -> None:
        self._sorted = by_importance
        self._arrange()

    @property
    def gone(self) -> np.ndarray:
        """Of each cell the share of its weights that go, in the order shown, float32 0..1."""
        if self._share <= 0:
            return np.zeros(self._colors.shape[:2], np.float32)
        if self._mask is not None:
            return self._mask[np.ix_(self._rows, self._columns)].astype(np.float32) / np.float32(255)
        places = self._ascending()
        return (places < round(self._share * places.size)).astype(np.float32)

    def _ascending(self) -> np.ndarray:
        """The rank of each cell as shown, the least important first; only a guess needs it."""
        if self._places is None:
            shown = self._values[np.ix_(self._rows, self._columns)]
            places = np.empty(shown.size, np.int32)
            places[np.argsort(shown, axis=None)] = np.arange(shown.size, dtype=np.int32)
            self._places = places.reshape(shown.shape)
        return self._places

    def _arrange(self, _name: str = "") -> None:
        """Order and colour the cells: what does not depend on the cut, so that a drag stays cheap."""
        if self._values.size:
            rows, columns = self._values.shape
            self._rows = self._order if self._sorted else np.arange(rows)
            self._columns = self._by_mean if self._sorted else np.arange(columns)
            shown = self._values[np.ix_(self._rows, self._columns)]
            low, high = percentiles(shown, (LOW, HIGH))
            scaled = (shown - low) * (255.0 / max(high - low, 1e-30))
            self._colors = self._theme.table("importance")[np.clip(scaled, 0, 255).astype(np.uint8)]
            self._places = None
        self._draw()

    def _draw(self) -> None:
        """Blend the cells that go into the panel, and make the picture."""
        self._image = None
        if self._values.size:
            colors = self._colors
            if self._share > 0:
                panel = np.array(self._theme.color("panel").getRgb()[:3], np.float32)
                fade = self.gone[..., None] * np.float32(FADE)
                colors = (colors + (panel - colors) * fade).astype(np.uint8)
            rows, columns = colors.shape[:2]
            data = np.ascontiguousarray(colors)
            image = QImage(data.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
            self._image = image.copy()
        self.update()

    # ------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 92 + LEGEND)

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
            if self._waits and not self._patience.isActive():
                painter.setPen(self._theme.color("muted"))
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), tr("Looking at the weights …"))
        else:
            finer = self._image.width() > area.width() or self._image.height() > area.height()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, finer)
            painter.drawImage(area, self._image)
            if self._share > 0:
                painter.drawImage(area.topLeft(), self._hatching(round(area.width()), round(area.height())))
        painter.restore()
        if self._image is not None:
            self._paint_label(painter, area)
            self._paint_legend(painter)
        paint_focus(painter, self._theme, self)
        painter.end()

    def _hatching(self, width: int, height: int) -> QImage:
        """Slanted lines over the cells that go: faded, a dark cell may be as light as an important one."""
        gone = self.gone
        rows = np.arange(height) * gone.shape[0] // height
        columns = np.arange(width) * gone.shape[1] // width
        slanted = (np.arange(height)[:, None] + np.arange(width)) % SLANTED == 0
        ink = self._theme.color("text")
        ink.setAlphaF(0.4)
        dots = np.where((gone[np.ix_(rows, columns)] >= 0.5) & slanted, ink.rgba(), 0).astype(np.uint32)
        return QImage(dots.data, width, height, 4 * width, QImage.Format.Format_ARGB32).copy()

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
        place = QRectF(0, self.height() - LEGEND + 5, self.width(), LEGEND - 6)
        paint_scale(painter, self._theme, "importance", place, tr("low"), tr("high"))

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
        lines = [
            self._place(stored_row, stored_column),
            tr("importance {value}").format(
                value=fmt.significant(self._values[stored_row, stored_column], 3)
            ),
        ]
        gone = float(self.gone[row, column])
        if gone >= 1:
            lines.append(tr("goes"))
        elif gone > 0:
            lines.append(tr("{share} of its weights go").format(share=fmt.percent(gone)))
        return "\n".join(lines)

    def _place(self, row: int, column: int) -> str:
        """The channels of a cell, counted from 0; a depthwise convolution has kernel positions across."""
        rows, columns = self._values.shape
        layer = self._layer
        out = _span(row, rows, layer.out_channels if layer else rows)
        if layer is not None and layer.op == "Conv" and layer.shape[1] == 1:
            return tr("output {out}, kernel position {at}").format(out=out, at=fmt.count(column))
        into = _span(column, columns, max(layer.in_channels if layer else columns, columns))
        return tr("output {out}, input {into}").format(out=out, into=into)

    def table(self) -> list[list[Value]]:
        """The importance as shown, outputs down, inputs across: what is copied."""
        rows, columns = self._values.shape
        layer = self._layer
        outs, inputs = (layer.out_channels, layer.in_channels) if layer else (rows, columns)
        inputs = max(inputs, columns)
        heading: list[Value] = [tr("output \\ input")]
        heading += [_span(int(column), columns, inputs, plain=True) for column in self._columns]
        shown = self._values[np.ix_(self._rows, self._columns)].tolist() if self._values.size else []
        names = [_span(int(row), rows, outs, plain=True) for row in self._rows]
        return [heading, *([name, *values] for name, values in zip(names, shown, strict=True))]


def _span(cell: int, cells: int, channels: int, plain: bool = False) -> str:
    """The channels that one cell stands for, counted from 0; `plain`: without marks between thousands."""
    first = cell * channels // cells
    last = max((cell + 1) * channels // cells - 1, first)
    write = str if plain else fmt.count
    return write(first) if first == last else f"{write(first)}–{write(last)}"
