"""By keyboard alone: Tab goes from top to bottom, and where the keys work is seen, without colour as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from layer_values import make_session
from one_ink import OneInk, all_differ, seen
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.views.table_view import TableView
from gui.widgets.bits_bars import BitsBars
from gui.widgets.heatmap import Heatmap
from gui.widgets.panels import tab_through
from gui.widgets.preprocess_form import PreprocessForm


def active(widget: QWidget, qtbot: QtBot) -> None:
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(widget.isActiveWindow)


def test_tab_goes_down_the_form_of_the_preprocessing(qapp: QApplication, qtbot: QtBot) -> None:
    form = PreprocessForm()
    qtbot.addWidget(form)
    active(form, qtbot)
    form._resize.setFocus()
    heights = []
    for _ in range(7):
        field = QApplication.focusWidget()
        heights.append(field.y())
        QTest.keyClick(field, Qt.Key.Key_Tab)
    assert heights == sorted(set(heights))


def test_what_is_made_later_may_come_earlier(qapp: QApplication, qtbot: QtBot) -> None:
    whole = QWidget()
    qtbot.addWidget(whole)
    column = QVBoxLayout(whole)
    first, last, late = (QPushButton(name, whole) for name in ("first", "last", "late"))
    for button in (first, late, last):
        column.addWidget(button)
    tab_through(first, late)
    active(whole, qtbot)
    first.setFocus()
    names = []
    for _ in range(3):
        names.append(QApplication.focusWidget().text())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert names == ["first", "late", "last"]


@pytest.mark.parametrize("make", [Heatmap, BitsBars])
def test_a_picture_of_figures_shows_that_its_keys_work(
    make: Callable[[OneInk], QWidget], qapp: QApplication, qtbot: QtBot
) -> None:
    whole = QWidget()
    qtbot.addWidget(whole)
    picture, other = make(OneInk()), QPushButton("other")
    column = QVBoxLayout(whole)
    for widget in (picture, other):
        column.addWidget(widget)
    whole.resize(320, 240)
    active(whole, qtbot)
    other.setFocus()
    without = seen(picture)
    picture.setFocus()
    all_differ({"with": seen(picture), "without": without})


def test_the_table_chooses_a_row_as_the_keys_come_to_it(qapp: QApplication, qtbot: QtBot) -> None:
    session = make_session()
    view = TableView(session, OneInk())
    qtbot.addWidget(view)
    view.resize(900, 400)
    active(view, qtbot)
    view.search.setFocus()
    without = seen(view.table.viewport())
    view.table.setFocus()
    assert view.table.selected_ids() == [session.model.layers[0].id]
    assert session.selection == session.model.layers[0].id, "which the other panels show as well"
    all_differ({"with": seen(view.table.viewport()), "without": without})
