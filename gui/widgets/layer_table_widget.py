"""The table itself: sliders that are dragged in their rows, bit boxes, keys, one row for one layer."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui import format as fmt
from gui.models.layer_filter import LayerFilter
from gui.models.layer_table import ROW_ROLE, Column, Row
from gui.theme import Theme
from gui.widgets.layer_delegates import (
    HANDLE,
    ROW_HEIGHT,
    LayerDelegate,
    bits_box,
    slider_track,
    slider_value,
)

STEP = 0.05
"""One press of an arrow key."""
WIDTHS = {
    Column.KIND: (72, 88),
    Column.SIZE: (60, 112),
    Column.TIME: (60, 112),
    Column.SENSITIVITY: (72, 118),
    Column.SPARSITY: (108, 170),
    Column.BITS: (57, 64),
    Column.EFFECT: (55, 66),
    Column.BLAME: (55, 66),
}
"""Width where there is little room, and width where there is enough."""
NAME_WIDTH = 118
"""The name gets at least this before other columns shrink."""
LONGEST_NAME = 210
MODEST_NAME = 150
"""If the longest name is no wider, all of them fit."""
NAME_MARGIN = 30
HEADING_MARGIN = 12
KIND_MARGIN = 14
"""What the cell leaves free beside the kind, with a little to spare."""
SHORTEST_KIND = 72
LONGEST_KIND = 150
DROPPED_FIRST = (
    Column.KIND, Column.TIME, Column.SIZE, Column.EFFECT, Column.SENSITIVITY, Column.BLAME
)  # fmt: skip


class LayerTable(QTableView):
    sparsity_moved = Signal(str, float, str)
    """Layer id, sparsity, merge key of the drag or of the run of key presses."""
    bits_asked = Signal(object, object)
    """Index of the row and where to open the menu, in global coordinates."""
    layer_chosen = Signal(object)
    """Layer id or None: the current row moved."""

    def __init__(self, model: LayerFilter, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(LayerDelegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(30)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        self._dragged: str | None = None
        self._drag_row = -1
        self._drag_key = ""
        self._drags = 0
        self._names_width = NAME_WIDTH
        self._kinds_width = SHORTEST_KIND
        model.sourceModel().modelReset.connect(self._measure_names)
        model.sourceModel().dataChanged.connect(self._on_rows)
        model.headerDataChanged.connect(self._on_headings)
        self._blamed = False
        self._measure_names()

    # ------------------------------------------------------------ rows

    @property
    def dragging(self) -> bool:
        return self._dragged is not None

    def row_at(self, index: QModelIndex) -> Row | None:
        return index.data(ROW_ROLE) if index.isValid() else None

    def selected_ids(self) -> list[str]:
        rows = self.selectionModel().selectedRows(Column.NAME)
        return [index.data(ROW_ROLE).layer.id for index in sorted(rows, key=QModelIndex.row)]

    def show_layer(self, layer_id: str | None, source_row: int | None) -> None:
        """Make this layer's row the current one, if it is not already among the selected."""
        if source_row is None:
            if layer_id is None:
                self.clearSelection()
                self.setCurrentIndex(QModelIndex())
            return
        current = self.row_at(self.currentIndex())
        if current is not None and current.layer.id == layer_id:
            return
        proxy: LayerFilter = self.model()
        column = max(self.currentIndex().column(), 0)
        index = proxy.mapFromSource(proxy.sourceModel().index(source_row, column))
        if not index.isValid():
            return
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)
        self.scrollTo(index)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        row = self.row_at(current)
        if row is not None:
            self.layer_chosen.emit(row.layer.id)

    # ------------------------------------------------------------ mouse

    def _slider_under(self, position: QPoint) -> Row | None:
        index = self.indexAt(position)
        row = self.row_at(index)
        if row is None or index.column() != Column.SPARSITY or not row.movable:
            return None
        track = slider_track(self.visualRect(index))
        return row if track.left() - HANDLE - 3 <= position.x() <= track.right() + HANDLE + 3 else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        row = self._slider_under(position) if event.button() == Qt.MouseButton.LeftButton else None
        index = self.indexAt(position)
        if row is not None and not event.modifiers():
            flag = QItemSelectionModel.SelectionFlag
            among = self.selectionModel().isSelected(index)
            how = flag.NoUpdate if among else flag.ClearAndSelect | flag.Rows
            self.selectionModel().setCurrentIndex(index, how)
            self._drags += 1
            self._dragged, self._drag_row = row.layer.id, index.row()
            self._drag_key = f"drag {self._drags}"
            self._drag_to(event.position().x())
            event.accept()
            return
        super().mousePressEvent(event)
        row = self.row_at(index)
        if (
            event.button() == Qt.MouseButton.LeftButton
            and not event.modifiers()
            and row is not None
            and index.column() == Column.BITS
            and row.layer.quantizable
            and bits_box(self.visualRect(index)).contains(event.position())
        ):
            self._ask_bits(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._drag_to(event.position().x())
            return
        position = event.position().toPoint()
        over = self._slider_under(position) is not None
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._dragged = None
            event.accept()
            return
        super().mouseReleaseEvent(event)

    def _drag_to(self, x: float) -> None:
        # only the column's place counts, so that a drag may leave its row
        cell = self.visualRect(self.model().index(self._drag_row, Column.SPARSITY))
        self.sparsity_moved.emit(self._dragged, slider_value(cell, x), self._drag_key)

    def _ask_bits(self, index: QModelIndex) -> None:
        box = bits_box(self.visualRect(index))
        self.bits_asked.emit(index, self.viewport().mapToGlobal(box.bottomLeft().toPoint()))

    # ------------------------------------------------------------ keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        row = self.row_at(index)
        key = event.key()
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if row is not None and plain and index.column() == Column.SPARSITY and row.movable:
            value = row.plan.zeros
            wanted = {
                Qt.Key.Key_Left: value - STEP,
                Qt.Key.Key_Right: value + STEP,
                Qt.Key.Key_Home: 0.0,
                Qt.Key.Key_End: 1.0,
            }.get(key)
            if wanted is not None:
                clipped = round(min(max(wanted, 0.0), 1.0), 4)
                self.sparsity_moved.emit(row.layer.id, clipped, f"keys {row.layer.id}")
                return
        opens = key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F4)
        if row is not None and index.column() == Column.BITS and row.layer.quantizable and opens:
            self._ask_bits(index)
            return
        super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab walks name, sparsity, bits of the row, then leaves the table."""
        stops = (Column.NAME, Column.SPARSITY, Column.BITS)
        index = self.currentIndex()
        if index.isValid() and self.hasFocus():
            onward = [stop for stop in stops if (stop > index.column() if forward else stop < index.column())]
            if onward:
                column = onward[0] if forward else onward[-1]
                flag = QItemSelectionModel.SelectionFlag
                self.selectionModel().setCurrentIndex(index.siblingAtColumn(column), flag.NoUpdate)
                return True
        return super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # Qt makes the first row the current one and chooses none: nothing would show where the keys work
        if self.currentIndex().isValid() and not self.selectionModel().hasSelection():
            flag = QItemSelectionModel.SelectionFlag
            self.selectionModel().select(self.currentIndex(), flag.Select | flag.Rows)

    # ------------------------------------------------------------ room

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def _measure_names(self) -> None:
        """Most names fit; the few longest are cut."""
        font = QFont(self.font())
        font.setBold(True)
        metrics = QFontMetrics(font)
        rows = self.model().sourceModel().rows
        widths = sorted(metrics.horizontalAdvance(row.layer.label[:60]) for row in rows)
        usual = widths[int((len(widths) - 1) * 0.9)] if widths else 0
        if widths and widths[-1] + NAME_MARGIN <= MODEST_NAME:
            usual = widths[-1]
        self._names_width = min(max(usual + NAME_MARGIN, NAME_WIDTH), LONGEST_NAME)
        plain = QFontMetrics(self.font())
        names = {row.layer.kind for row in rows}  # few, of thousands of layers
        kinds = max((plain.horizontalAdvance(fmt.layer_kind(name)[:40]) for name in names), default=0)
        self._kinds_width = min(max(kinds + KIND_MARGIN, SHORTEST_KIND), LONGEST_KIND)
        self._fit_columns()

    def _on_rows(self, *_: object) -> None:
        if self._blamed != self._is_blamed():
            self._fit_columns()

    def _on_headings(self, *_: object) -> None:
        self._fit_columns()

    def _is_blamed(self) -> bool:
        return any(row.blame is not None for row in self.model().sourceModel().rows)

    def _heading_width(self, column: int) -> int:
        """What a column's heading needs, in whichever language it is."""
        words = str(self.model().headerData(column, Qt.Orientation.Horizontal) or "")
        return self.horizontalHeader().fontMetrics().horizontalAdvance(words) + HEADING_MARGIN

    def _fit_columns(self) -> None:
        """Bars shrink first, then whole columns go, so that names and controls stay usable."""
        room = self.viewport().width() - NAME_WIDTH
        shown = dict(WIDTHS)
        shown[Column.KIND] = (self._kinds_width, self._kinds_width + 16)
        for column, (low, high) in shown.items():
            words = self._heading_width(column)
            shown[column] = max(low, words), max(high, words)
        self._blamed = self._is_blamed()
        if not self._blamed:  # an empty column would only take room
            shown.pop(Column.BLAME)
        for column in DROPPED_FIRST:
            if column not in shown:
                continue
            if sum(least for least, _ in shown.values()) <= room:
                break
            shown.pop(column)
        least = sum(widths[0] for widths in shown.values())
        most = sum(widths[1] for widths in shown.values())
        longer = self._names_width - NAME_WIDTH
        share = min(max((room - longer - least) / (most - least), 0.0), 1.0)
        for column in WIDTHS:
            self.setColumnHidden(column, column not in shown)
        for column, (low, high) in shown.items():
            width = round(low + share * (high - low))
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)
