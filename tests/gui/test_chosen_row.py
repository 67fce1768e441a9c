"""The chosen row of a plain table is told from the others without colour."""

from __future__ import annotations

from one_ink import OneInk, all_differ, seen
from PySide6.QtWidgets import QApplication, QTableWidget, QTableWidgetItem
from pytestqt.qtbot import QtBot

from gui.widgets.chosen_row import ChosenRow


def test_the_chosen_row_has_a_bar(qapp: QApplication, qtbot: QtBot) -> None:
    table = QTableWidget(2, 1)
    qtbot.addWidget(table)
    table.setItemDelegate(ChosenRow(OneInk(), table))
    # ground and ink of the selection are those of any other row
    table.setStyleSheet(
        "QTableView { selection-background-color: #ffffff; selection-color: #000000; background: #ffffff; }"
    )
    for row in range(2):
        table.setItem(row, 0, QTableWidgetItem("the same words"))
    table.resize(300, 120)
    table.show()
    qtbot.waitExposed(table)
    table.selectRow(1)
    whole = seen(table.viewport())
    rows = [table.visualRect(table.model().index(row, 0)) for row in range(2)]
    all_differ({f"row {row}": whole[rect.top() : rect.bottom() + 1] for row, rect in enumerate(rows)})
