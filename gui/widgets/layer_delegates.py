"""How the cells of the layer table are painted: dots, bars, sliders, bit boxes, estimates."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.values import FLOAT_BITS
from gui import format as fmt
from gui.models.layer_table import ROW_ROLE, Column, Row, bits_text, cell_text
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.cut_name import cut_name

Index = QModelIndex | QPersistentModelIndex

ROW_HEIGHT = 25
PAD = 7
HANDLE = 6.0
"""Radius of the slider's handle."""
VALUE_WIDTH = 46
"""Room for '100 %' right of the slider."""
FIGURE_WIDTH = 46
"""Room for '21.2 %' beside a bar; only a longer figure takes some of the bar's."""
GAP = 5
"""Between a bar and its figure."""
FIGURE_PAD = 6
"""Right of a figure, as right of its heading."""
MIN_BAR = 12
"""A bar narrower than this says nothing: only the figure is shown."""


def slider_track(cell: QRect) -> QRectF:
    """The line on which the handle runs, within a sparsity cell."""
    left = cell.left() + PAD + HANDLE
    right = cell.right() - VALUE_WIDTH - HANDLE
    return QRectF(left, cell.center().y() - 1.5, max(right - left, 12.0), 4)


def slider_value(cell: QRect, x: float) -> float:
    """The sparsity at a pixel, 0..1, in whole percents."""
    track = slider_track(cell)
    share = (x - track.left()) / track.width()
    return round(min(max(share, 0.0), 1.0) * 100) / 100


def bits_box(cell: QRect) -> QRectF:
    """The box to click, within a bits cell."""
    return QRectF(cell.left() + PAD - 2, cell.top() + 2.5, min(cell.width() - PAD, 50), cell.height() - 6)


class LayerDelegate(QStyledItemDelegate):
    """One delegate for all columns: the column says what is painted."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(60, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row | None = index.data(ROW_ROLE)
        if row is None:
            return
        cell = option.rect
        column = index.column()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        if chosen:
            painter.fillRect(cell, self._theme.color("accent_soft"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(cell, self._theme.color("hover"))
        if column == Column.NAME:
            self._paint_name(painter, cell, row)
        elif column == Column.KIND:
            self._text(painter, cell.adjusted(PAD, 0, -4, 0), fmt.layer_kind(row.layer.kind), "muted")
        elif column in (Column.SIZE, Column.TIME, Column.SENSITIVITY):
            self._paint_bar(painter, cell, row, column)
        elif column == Column.SPARSITY:
            self._paint_slider(painter, cell, row)
        elif column == Column.BITS:
            self._paint_bits(painter, cell, row)
        elif column == Column.BLAME:
            area = cell.adjusted(2, 0, -FIGURE_PAD, 0)
            self._text(painter, area, cell_text(row, column), "text", Qt.AlignmentFlag.AlignRight)
        else:
            painter.setFont(small_font(option.font, 12, italic=True))
            area = cell.adjusted(2, 0, -FIGURE_PAD, 0)
            # the paler one does not read on the ground of a chosen row
            token = "muted" if chosen else "estimate"
            self._text(painter, area, cell_text(row, column), token, Qt.AlignmentFlag.AlignRight)
        if chosen:
            # lines besides the ground, which alone hardly stands out
            painter.setPen(QPen(self._theme.color("accent"), 1))
            top, bottom = cell.top() + 0.5, cell.bottom() + 0.5
            for y in (top, bottom):
                painter.drawLine(QPointF(cell.left(), y), QPointF(cell.right() + 1, y))
        if self._is_focused(option, index):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(cell).adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
        painter.restore()

    @staticmethod
    def _is_focused(option: QStyleOptionViewItem, index: Index) -> bool:
        """The cell that keys act on shows a frame, only where keys do something."""
        return bool(option.state & QStyle.StateFlag.State_HasFocus) and index.column() in (
            Column.SPARSITY,
            Column.BITS,
        )

    # ------------------------------------------------------------ parts

    def _text(
        self,
        painter: QPainter,
        area: QRect,
        text: str,
        token: str,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        painter.setPen(self._theme.color(token))
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        flags = align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        painter.drawText(area, int(flags), elided)

    def _paint_name(self, painter: QPainter, cell: QRect, row: Row) -> None:
        dot = QRectF(cell.left() + PAD, cell.center().y() - 4, 9, 9)
        known = row.sensitivity is not None
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(
            self._theme.scale_color("damage", row.sensitivity_bar) if known else self._theme.color("track")
        )
        painter.drawRoundedRect(dot, 2.5, 2.5)
        font = painter.font()
        if row.changed:
            # a mark besides the weight of the letters: changed rows are found at a glance
            painter.setBrush(self._theme.color("attention"))
            painter.drawRoundedRect(QRectF(cell.left(), cell.top() + 5, 3, cell.height() - 10), 1.5, 1.5)
            font.setBold(True)
            painter.setFont(font)
        area = cell.adjusted(PAD + 17, 0, -4, 0)
        # in front first: cut in the middle the layers of a block would all be named alike
        self._text(painter, area, cut_name(row.layer.label, painter.fontMetrics(), area.width()), "text")

    def _paint_bar(self, painter: QPainter, cell: QRect, row: Row, column: int) -> None:
        share, color = {
            Column.SIZE: (row.size_bar, self._theme.color("original")),
            Column.TIME: (row.time_bar, self._theme.color("original")),
            Column.SENSITIVITY: (
                row.sensitivity_bar,
                self._theme.scale_color("damage", max(row.sensitivity_bar, 0.12)),
            ),
        }[Column(column)]
        text = cell_text(row, column)
        figure = max(painter.fontMetrics().horizontalAdvance(text), FIGURE_WIDTH)
        room = cell.width() - PAD - figure - FIGURE_PAD - GAP
        bar = QRectF(cell.left() + PAD, cell.center().y() - 2.5, room, 6)
        if bar.width() >= MIN_BAR:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("track"))
            painter.drawRoundedRect(bar, 3, 3)
            if share > 0:
                painter.setBrush(color)
                width = max(share * bar.width(), 2.0)
                painter.drawRoundedRect(QRectF(bar.left(), bar.top(), width, bar.height()), 3, 3)
        area = cell.adjusted(0, 0, -FIGURE_PAD, 0)
        self._text(painter, area, text, "muted", Qt.AlignmentFlag.AlignRight)

    def _paint_slider(self, painter: QPainter, cell: QRect, row: Row) -> None:
        if not row.layer.prunable:
            painter.setFont(small_font(painter.font(), 12))
            self._text(painter, cell.adjusted(PAD, 0, -4, 0), cell_text(row, Column.SPARSITY), "estimate")
            return
        track = slider_track(cell)
        value = min(max(row.plan.zeros, 0.0), 1.0)
        active = not row.plan.keep and row.movable
        at = track.left() + value * track.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("track"))
        painter.drawRoundedRect(track, 2, 2)
        accent = self._theme.color("accent" if active else "original")
        if value > 0:
            painter.setBrush(accent)
            painter.drawRoundedRect(QRectF(track.left(), track.top(), at - track.left(), 4), 2, 2)
        painter.setPen(QPen(accent, 2))
        painter.setBrush(self._theme.color("panel"))
        painter.drawEllipse(QPointF(at, track.center().y()), HANDLE - 0.5, HANDLE - 0.5)
        area = QRect(cell.right() - VALUE_WIDTH, cell.top(), VALUE_WIDTH - 6, cell.height())
        self._text(painter, area, cell_text(row, Column.SPARSITY), "text", Qt.AlignmentFlag.AlignRight)

    def _paint_bits(self, painter: QPainter, cell: QRect, row: Row) -> None:
        if not row.layer.quantizable:
            painter.setFont(small_font(painter.font(), 12))
            self._text(painter, cell.adjusted(PAD, 0, 0, 0), bits_text(row.bits), "estimate")
            return
        box = bits_box(cell)
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(box, 5, 5)
        token = "text" if row.bits < FLOAT_BITS else "muted"
        painter.setFont(small_font(painter.font(), 12))
        self._text(painter, box.toRect().adjusted(7, 0, -14, 0), cell_text(row, Column.BITS), token)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.color("muted"), 1.3))
        x, y = box.right() - 10, box.center().y()
        painter.drawPolyline([QPointF(x - 3, y - 1.5), QPointF(x, y + 1.5), QPointF(x + 3, y - 1.5)])
