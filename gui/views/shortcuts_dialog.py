"""All keys on one page: those of the actions as they are in force, then those of single panels."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.chosen_row import ChosenRow
from gui.widgets.retranslating import Retranslating

ROW_HEIGHT, HEADING_HEIGHT = 27, 38


def native(keys: str) -> str:
    """Keys as this system writes them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def panel_keys() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """(panel, ((what, keys), ...)) for keys that work where the keyboard is."""

    def either(*keys: str) -> str:
        return "  ".join(native(one) for one in keys)

    return (
        (
            tr("In the table of layers"),
            (
                (tr("Change the sparsity"), either("Left", "Right")),
                (tr("No zeros, or as many as possible"), either("Home", "End")),
                (tr("Open the box of bits"), native("Space")),
                (tr("To sparsity, bits and on"), native("Tab")),
            ),
        ),
        (
            tr("In the graph"),
            (
                (tr("Search"), either("Ctrl+F", "/")),
                (tr("Along the connections"), either("Up", "Down", "Left", "Right")),
                (tr("First and last layer"), either("Home", "End")),
                (tr("Open a closed group"), native("Return")),
                (tr("Close the group around"), native("Backspace")),
                (tr("Larger, smaller, all, actual size"), either("+", "-", "0", "1")),
            ),
        ),
        (
            tr("In a picture of figures"),
            (
                (tr("Copy as picture"), native("Ctrl+C")),
                (tr("Copy as CSV"), native("Ctrl+Shift+C")),
                (tr("Move the cut or the chosen place"), either("Left", "Right")),
            ),
        ),
        (
            tr("In the list of snapshots"),
            (
                (tr("Restore"), native("Return")),
                (tr("Rename"), native("F2")),
                (tr("Delete"), native("Del")),
            ),
        ),
        (
            tr("In the order of steps"),
            ((tr("Move a step"), either("Alt+Up", "Alt+Down")),),
        ),
    )


class ShortcutsDialog(Retranslating, QDialog):
    def __init__(self, actions: Iterable[QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions = [action for action in actions if not action.shortcut().isEmpty()]
        self.table = QTableWidget(0, 2, self)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setProperty("panel", True)
        self.table.setItemDelegate(ChosenRow(theme, self.table))
        self.table.setStyleSheet("QTableView::item { padding: 0 10px; }")
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.horizontalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 14)
        column.addWidget(self.table)
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(520, 620)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.table.setAccessibleName(tr("Keyboard shortcuts"))
        self.table.setRowCount(0)
        everywhere = tuple((action.text(), native(action.shortcut().toString())) for action in self._actions)
        for panel, keys in ((tr("Everywhere"), everywhere), *panel_keys()):
            self._add(panel, "", heading=True)
            for what, pressed in keys:
                self._add(what, pressed)

    def _add(self, what: str, keys: str, heading: bool = False) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, words in enumerate((what, keys)):
            item = QTableWidgetItem(words)
            if heading:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            if column == 1:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)
        if heading:
            self.table.setSpan(row, 0, 1, 2)
            self.table.setRowHeight(row, HEADING_HEIGHT)
