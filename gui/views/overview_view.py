"""Tab 'Overview': every layer against every setting, coloured by what it costs; click to set."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.values import FLOAT_BITS
from gui.i18n import tr
from gui.models.choices import bits_settings, sparsity_settings
from gui.models.damage import in_decibels
from gui.models.overview_table import CELL_ROLE, Cell, OverviewModel, cell_text
from gui.session import Session
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.elided_label import ElidedLabel

ROW_HEIGHT = 22
NAMES_WIDTH = 150
LEAST_NAMES = 90
NARROWEST = 46
WIDEST = 84


class _CellDelegate(QStyledItemDelegate):
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
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -1.5)
        known = cell.possible and cell.loss is not None
        color = self._theme.scale_color("damage", cell.share) if known else self._theme.color("track")
        ink = self._theme.text_on(color) if known else self._theme.color("muted")
        if cell.estimate:
            color.setAlphaF(0.55)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(box, 4, 4)
        if cell.current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 2.2))
            painter.drawRoundedRect(box.adjusted(0.4, 0.4, -0.4, -0.4), 4, 4)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("text"), 1.2, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), 3, 3)
        painter.setFont(small_font(option.font, 11, italic=cell.estimate))
        painter.setPen(ink)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), cell_text(cell))
        painter.restore()


class _Grid(QTableView):
    """The table: arrows move, Space or Return sets."""

    activated_by_key = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
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
        names.setDefaultSectionSize(ROW_HEIGHT)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        names.setFixedWidth(NAMES_WIDTH)
        names.setSectionsClickable(False)
        # the empty corner would show Fusion's bevel
        self.setStyleSheet("QTableCornerButton::section { background: transparent; border: none; }")
        names.setStyleSheet("QHeaderView::section { border: none; padding: 0 8px; font-size: 12px; }")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = max(self.model().columnCount(), 1)
        names = min(NAMES_WIDTH, max(self.width() // 4, LEAST_NAMES))
        if self.verticalHeader().width() != names:
            self.verticalHeader().setFixedWidth(names)
        width = min(max((self.width() - names - 14) // columns, NARROWEST), WIDEST)
        self.horizontalHeader().setDefaultSectionSize(width)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if index.isValid() and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated_by_key.emit(index)
            return
        super().keyPressEvent(event)


class OverviewView(QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.model = OverviewModel(session, self)
        self.table = _Grid(self)
        self.table.setModel(self.model)
        self.table.setItemDelegate(_CellDelegate(theme, self.table))
        self._caption = ElidedLabel()
        self._caption.setProperty("small", True)
        self._empty = QLabel()
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(24)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addWidget(self._caption)
        column.addWidget(self._pages, 1)
        session.model_changed.connect(self._refresh)
        session.points_changed.connect(self._refresh)
        session.selection_changed.connect(self._on_selection)
        theme.changed.connect(self._recolor)
        self.table.clicked.connect(self.apply)
        self.table.activated_by_key.connect(self.apply)
        self.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.model.set_awake(True)
        self._on_selection(self._session.selection)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.model.set_awake(False)

    def retranslate(self) -> None:
        self.table.setAccessibleName(tr("Loss of every layer at every setting"))
        self.model.retranslate()
        self._refresh()

    def _refresh(self, _value: object = None) -> None:
        unit = tr("decibels lost") if in_decibels(self._session) else tr("points of accuracy lost")
        self._caption.set_full_text(
            tr("{unit}, one layer at a time · italic: estimate · click a cell to set it").format(unit=unit)
        )
        has_points = any(self._session.points.values())
        self._caption.setVisible(has_points)
        self._pages.setCurrentIndex(0 if has_points else 1)
        if self._session.model is None:
            self._empty.setText(tr("Open a model to see what each layer can spare."))
        elif self._session.data is None:
            self._empty.setText(tr("Choose data, then press Analyze to measure what each layer can spare."))
        else:
            self._empty.setText(
                tr("Press Analyze to measure what each layer loses at 25 to 90 % zeros, 8 bits and 4 bits.")
            )

    def _recolor(self, _name: str = "") -> None:
        self.table.viewport().update()

    def _on_selection(self, layer_id: str | None) -> None:
        row = self.model.position(layer_id)
        if row is not None and row != self.table.currentIndex().row():
            column = max(self.table.currentIndex().column(), 0)
            self.table.setCurrentIndex(self.model.index(row, column))

    def apply(self, index: QModelIndex) -> None:
        """Give the cell's layer the cell's setting."""
        cell: Cell = index.data(CELL_ROLE)
        layer = self.model.layer(index.row())
        self._session.select(layer.id)
        if not cell.possible:
            return
        setting = self.model.settings[index.column()]
        if setting.bits < FLOAT_BITS:
            self._session.set_layers([layer.id], tr("Bits"), **bits_settings(setting.bits))
        else:
            settings = sparsity_settings(setting.sparsity, self._session.plan.layer(layer.id))
            self._session.set_layers([layer.id], tr("Sparsity"), **settings)
