"""The overview's grid: cells in colours with their figures, or all layers at a glance."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QFont, QImage, QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.models.overview_table import CELL_ROLE, Cell, OverviewModel, cell_text
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.copying import blank

ROW_HEIGHT = 22
LOWEST = 2
"""Pixels of a row where all layers are to fit."""
READABLE = 15
"""A lower row has no room for figures or names."""
TICK = 5
"""Points at the left of a low cell that say that the plan holds it."""
NAMES_WIDTH = 150
LEAST_NAMES = 90
NARROWEST = 46
WIDEST = 84
HIGHEST_PICTURE = 12_000
"""Points; a copied picture of thousands of layers has lower rows."""


def paint_cell(
    painter: QPainter, theme: Theme, place: QRectF, cell: Cell, font: QFont, focused: bool = False
) -> None:
    """One cell: colour and figure of its loss; hatched and in italics while it is an estimate."""
    roomy = place.height() >= READABLE
    gap = 1.5 if roomy else min(0.5, place.height() / 8)
    radius = 4 if roomy else 0
    box = place.adjusted(gap, gap, -gap, -gap)
    known = cell.possible and cell.loss is not None
    color = theme.scale_color("damage", cell.share) if known else theme.color("panel")
    # what nobody knows yet is an empty frame: grey would pass for a colour of the scale
    painter.setPen(QPen(theme.color("line"), 1) if cell.possible and not known else Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(box, radius, radius)
    if cell.estimate:
        painter.setPen(Qt.PenStyle.NoPen)
        hatch = theme.color("panel")
        hatch.setAlphaF(0.62)
        painter.setBrush(QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        painter.drawRoundedRect(box, radius, radius)
    if cell.current and roomy:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent"), 2.2))
        painter.drawRoundedRect(box.adjusted(0.4, 0.4, -0.4, -0.4), radius, radius)
    elif cell.current:
        painter.fillRect(QRectF(box.left(), box.top(), TICK, box.height()), theme.color("accent"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if focused:
        painter.setPen(QPen(theme.color("text"), 1.2, Qt.PenStyle.DotLine))
        painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5) if roomy else box, radius, radius)
    if roomy:
        painter.setFont(small_font(font, 11, italic=cell.estimate))
        painter.setPen(theme.text_on(color) if known else theme.color("muted"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), cell_text(cell))


class CellDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        cell: Cell | None = index.data(CELL_ROLE)
        if cell is None:
            return
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_cell(painter, self._theme, QRectF(option.rect), cell, option.font, focused)
        painter.restore()


class OverviewGrid(QTableView):
    """The table: arrows move, Space or Return sets."""

    activated_by_key = Signal(object)

    def __init__(self, model: OverviewModel, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model
        self._at_a_glance = False
        self.setModel(model)
        self.setItemDelegate(CellDelegate(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(36)
        header.setSectionsClickable(False)
        names = self.verticalHeader()
        names.setMinimumSectionSize(LOWEST)
        names.setDefaultSectionSize(ROW_HEIGHT)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        names.setFixedWidth(NAMES_WIDTH)
        names.setSectionsClickable(False)
        # the empty corner would show Fusion's bevel
        self.setStyleSheet("QTableCornerButton::section { background: transparent; border: none; }")
        names.setStyleSheet("QHeaderView::section { border: none; padding: 0 8px; font-size: 12px; }")
        model.modelReset.connect(self._set_heights)

    def set_at_a_glance(self, at_a_glance: bool) -> None:
        """All layers in the height at hand, as far as rows can shrink; or rows that can be read."""
        self._at_a_glance = at_a_glance
        self._set_heights()
        self.scrollTo(self.currentIndex())

    def _set_heights(self) -> None:
        rows, height = self._model.rowCount(), ROW_HEIGHT
        if self._at_a_glance and rows:
            height = min(max(self.viewport().height() // rows, LOWEST), ROW_HEIGHT)
        names = self.verticalHeader()
        if names.defaultSectionSize() != height:
            names.setDefaultSectionSize(height)
        names.setVisible(height >= READABLE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_heights()
        columns = max(self._model.columnCount(), 1)
        names = min(NAMES_WIDTH, max(self.width() // 4, LEAST_NAMES))
        if self.verticalHeader().width() != names:
            self.verticalHeader().setFixedWidth(names)
        beside = names if self.verticalHeader().isVisibleTo(self) else 0
        width = min(max((self.width() - beside - 14) // columns, NARROWEST), WIDEST)
        self.horizontalHeader().setDefaultSectionSize(width)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if index.isValid() and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated_by_key.emit(index)
            return
        super().keyPressEvent(event)

    def whole_picture(self) -> QImage:
        """All rows, also those out of sight, with names and headings."""
        model, metrics = self._model, self.fontMetrics()
        rows, columns = model.rowCount(), model.columnCount()
        height = min(max(HIGHEST_PICTURE // max(rows, 1), LOWEST), ROW_HEIGHT)
        wide = self.horizontalHeader().defaultSectionSize()
        names = [str(model.headerData(row, Qt.Orientation.Vertical))[:400] for row in range(rows)]
        left = min(max((metrics.horizontalAdvance(name) for name in names), default=0) + 16, 3 * NAMES_WIDTH)
        image = blank(left + columns * wide + 8, (rows + 1) * height + 10, self._theme)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for column in range(columns):
            title = str(model.headerData(column, Qt.Orientation.Horizontal))
            painter.setFont(self.font())
            painter.setPen(self._theme.color("muted"))
            place = QRect(left + column * wide, 4, wide, height)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, title)
        for row, name in enumerate(names):
            top = 6 + (row + 1) * height
            if height >= READABLE:
                shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, left - 12)
                painter.setFont(self.font())
                painter.setPen(self._theme.color("muted"))
                where = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(QRect(0, top, left - 8, height), where, shown)
            for column in range(columns):
                place = QRectF(left + column * wide, top, wide, height)
                paint_cell(painter, self._theme, place, model.cells[row][column], self.font())
        painter.end()
        return image
