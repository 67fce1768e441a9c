"""A threshold in the score's own unit, and any pattern, asked for from the layers' menu."""

from __future__ import annotations

import pytest
from layer_values import make_session, make_theme
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDialogButtonBox
from pytestqt.qtbot import QtBot

from core.values import Catalogue, Described, text
from gui.session import Session
from gui.views.table_view import TableView
from gui.widgets.limit_dialogs import PatternDialog, ThresholdDialog


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> TableView:
    made = TableView(session, make_theme())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_threshold_is_asked_for_in_the_scores_own_unit(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    obs = Described(name="obs", label=text("Surgeon"), help=text("x"), unit=text("squares"))
    session.catalogue = Catalogue(scores=(obs,))
    session.set_parameter("prune_weights", "score", "obs", "x")
    view._menu_ids = ["/stem/Conv", "/table/Conv"]  # the second cannot be pruned
    view._on_menu("ask threshold", None)
    dialog = view.findChild(ThresholdDialog)
    assert dialog is not None
    assert "'Surgeon' is below" in dialog.labelText() and "squares" in dialog.labelText()
    dialog.setDoubleValue(0.25)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    assert session.plan.layer("/stem/Conv").threshold == 0.25
    assert "/table/Conv" not in session.plan.exceptions
    session.undo_stack.undo()
    assert session.plan.layer("/stem/Conv").threshold is None


def test_any_pattern_can_be_asked_for(qtbot: QtBot, view: TableView, session: Session) -> None:
    view._menu_ids = ["/body/Conv"]
    view._on_menu("ask pattern", None)
    dialog = view.findChild(PatternDialog)
    assert dialog is not None
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    for words, possible in (("3:16", True), ("4:4", False), ("five", False), ("1:4", True)):
        dialog.setTextValue(words)
        assert ok.isEnabled() == possible
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    assert session.plan.layer("/body/Conv").pattern == "1:4"
    assert session.plan.layer("/body/Conv").zeros == 0.75


def test_the_menu_offers_the_usual_patterns_and_others(view: TableView) -> None:
    view.menu.fill(view.model.rows[:1])
    names = [action.text() for action in view.menu.findChildren(QAction)]
    assert {"2:4", "4:8", "1:4", "Other…", "Below a threshold…"} <= set(names)
