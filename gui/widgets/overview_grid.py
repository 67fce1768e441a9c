"""The overview's grid: cells in colours with their figures, or all layers at a glance."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionHeader,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.models.overview_table import CELL_ROLE, Cell, OverviewModel
from gui.theme import Theme
from gui.widgets.copying import blank
from gui.widgets.cut_name import cut_name
from gui.widgets.overview_cells import READABLE, CellPainter

ROW_HEIGHT = 22
LOWEST = 2
"""Pixels of a row where all layers are to fit."""
NAMES_WIDTH = 150
LEAST_NAMES = 90
NAME_PAD = 8
NARROWEST = 46
WIDEST = 84
HIGHEST_PICTURE = 12_000
"""Points; a copied picture of thousands of layers has lower rows."""


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
        CellPainter(self._theme).paint(painter, QRectF(option.rect), cell, option.font, focused)
        painter.restore()


class _Names(QHeaderView):
    """The layers' names, cut as everywhere else where they have no room."""

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, row: int) -> None:
        super().initStyleOptionForIndex(option, row)
        option.text = cut_name(option.text[:400], option.fontMetrics, option.rect.width() - 2 * NAME_PAD)


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
        names = _Names(Qt.Orientation.Vertical, self)
        self.setVerticalHeader(names)
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

    def paintEvent(self, event: QPaintEvent) -> None:
        """Rows without figures are thousands of strips, painted at once: a delegate is called for each."""
        height = self.verticalHeader().defaultSectionSize()
        if height >= READABLE:
            super().paintEvent(event)
            return
        painter, cells = QPainter(self.viewport()), CellPainter(self._theme)
        current = self.currentIndex() if self.hasFocus() else QModelIndex()
        dirty, scrolled = event.rect(), self.verticalOffset()
        first = max((dirty.top() + scrolled) // height, 0)
        last = min((dirty.bottom() + scrolled) // height, self._model.rowCount() - 1)
        for column in range(self._model.columnCount()):
            left, width = self.columnViewportPosition(column), self.columnWidth(column)
            for row in range(first, last + 1):
                place = QRectF(left, row * height - scrolled, width, height)
                focused = current.row() == row and current.column() == column
                cells.paint(painter, place, self._model.cells[row][column], self.font(), focused)
        painter.end()

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
        cells = CellPainter(self._theme)
        for column in range(columns):
            title = str(model.headerData(column, Qt.Orientation.Horizontal))
            painter.setFont(self.font())
            painter.setPen(self._theme.color("muted"))
            place = QRect(left + column * wide, 4, wide, height)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, title)
        for row, name in enumerate(names):
            top = 6 + (row + 1) * height
            if height >= READABLE:
                shown = cut_name(name, metrics, left - 12)
                painter.setFont(self.font())
                painter.setPen(self._theme.color("muted"))
                where = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(QRect(0, top, left - 8, height), where, shown)
            for column in range(columns):
                place = QRectF(left + column * wide, top, wide, height)
                cells.paint(painter, place, model.cells[row][column], self.font())
        painter.end()
        return image
