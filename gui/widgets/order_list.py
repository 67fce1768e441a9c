"""A list whose rows are moved up and down: the order of a run's steps."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QToolButton, QVBoxLayout, QWidget

from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.chosen_row import ChosenRow
from gui.widgets.retranslating import Retranslating


@dataclass(frozen=True)
class Row:
    """What is shown of one step, and what may be done with it."""

    name: str
    words: str
    help: str
    asked: bool = True
    up: bool = True
    down: bool = True
    again: bool = False
    remove: bool = False


class OrderList(Retranslating, QWidget):
    move = Signal(int, int)
    """(row, by): the person moves a step."""
    again = Signal(int)
    """The step of this row is wanted once more."""
    remove = Signal(int)
    """This row, one of several of its kind, is not wanted."""
    usual = Signal()
    """Back to the usual order."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[Row] = []
        self.list = QListWidget(self)
        self.list.setItemDelegate(ChosenRow(theme, self.list))
        self.list.setStyleSheet("QListView::item { padding: 0 8px; }")
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.up, self.down, self.more, self.less, self.reset = (QToolButton(self) for _ in range(5))
        buttons = QVBoxLayout()
        buttons.setSpacing(4)
        for button in (self.up, self.down, self.more, self.less, self.reset):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            buttons.addWidget(button)
        buttons.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.list, 1)
        row.addLayout(buttons)
        self._keys = []
        for keys, slot in (("Alt+Up", self._on_up), ("Alt+Down", self._on_down)):
            shortcut = QShortcut(QKeySequence(keys), self.list)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)
            self._keys.append(shortcut)
        self.list.currentRowChanged.connect(self._refresh)
        self.up.clicked.connect(self._on_up)
        self.down.clicked.connect(self._on_down)
        self.more.clicked.connect(self._on_more)
        self.less.clicked.connect(self._on_less)
        self.reset.clicked.connect(self.usual)
        theme.changed.connect(self._recolor)
        self.retranslate()

    def show_rows(self, rows: list[Row], changed: bool, current: int | None = None) -> None:
        """`changed`: the order is not the usual one. The marked row stays, or becomes `current`."""
        marked = self.list.currentRow() if current is None else current
        self._rows = rows
        self.list.blockSignals(True)
        self.list.clear()
        for number, row in enumerate(rows, 1):
            item = QListWidgetItem(f"{number}   {row.words}")
            item.setToolTip(row.help)
            item.setSizeHint(QSize(0, self.list.fontMetrics().height() + 8))
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, row.help)
            self.list.addItem(item)
        self.list.setCurrentRow(min(max(marked, 0), len(rows) - 1))
        self.list.blockSignals(False)
        height = sum(self.list.sizeHintForRow(index) for index in range(len(rows)))
        self.list.setFixedHeight(height + 2 * self.list.frameWidth() + 2)
        self.reset.setVisible(changed)
        self._recolor()
        self._refresh()

    def retranslate(self) -> None:
        self.list.setAccessibleName(tr("Order of the steps"))
        self.up.setText("▲  " + tr("Move up"))
        self.up.setToolTip(tr("The marked step comes earlier (Alt+Up)"))
        self.down.setText("▼  " + tr("Move down"))
        self.down.setToolTip(tr("The marked step comes later (Alt+Down)"))
        self.more.setText(tr("Once more"))
        self.more.setToolTip(tr("The marked step is done a second time, at the end"))
        self.less.setText(tr("Remove"))
        self.less.setToolTip(tr("The marked one of several equal steps goes"))
        self.reset.setText(tr("Usual order"))
        self.reset.setToolTip(tr("Put all steps back into their usual order"))

    # ------------------------------------------------------------ what may be done

    def _refresh(self, _row: int = 0) -> None:
        index = self.list.currentRow()
        row = self._rows[index] if 0 <= index < len(self._rows) else None
        self.up.setEnabled(row is not None and row.up)
        self.down.setEnabled(row is not None and row.down)
        self.more.setVisible(row is not None and row.again)
        self.less.setVisible(row is not None and row.remove)

    def _recolor(self, *_: object) -> None:
        for index, row in enumerate(self._rows):
            self.list.item(index).setForeground(self._theme.color("text" if row.asked else "muted"))

    def _on_up(self) -> None:
        if self.up.isEnabled():
            self.move.emit(self.list.currentRow(), -1)

    def _on_down(self) -> None:
        if self.down.isEnabled():
            self.move.emit(self.list.currentRow(), 1)

    def _on_more(self) -> None:
        self.again.emit(self.list.currentRow())

    def _on_less(self) -> None:
        self.remove.emit(self.list.currentRow())
