"""Changing the theme: every widget follows, and none is polished more often than it must be."""

from __future__ import annotations

import re

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gui.theme import DRAWINGS, TOKENS, Theme, style_sheet


def test_a_change_of_theme_reaches_widgets_that_are_shown_and_hidden(
    qapp: QApplication, qtbot: QtBot
) -> None:
    theme = Theme(qapp, "light")
    shown, hidden = QWidget(), QWidget()
    for widget in (shown, hidden):
        qtbot.addWidget(widget)
        QLabel("words", widget).setProperty("muted", True)
    shown.show()
    qtbot.waitExposed(shown)
    theme.toggle()
    hidden.show()
    qtbot.waitExposed(hidden)
    for widget in (shown, hidden):
        assert widget.palette().color(QPalette.ColorRole.Window) == TOKENS["dark"]["window"]
        colour = widget.findChild(QLabel).palette().color(QPalette.ColorRole.WindowText)
        assert colour == TOKENS["dark"]["muted"]


def test_no_rule_of_the_style_sheet_is_for_every_widget() -> None:
    """Such a rule sets font and palette of each widget by itself, and each hands them on to all below it."""
    sheet = style_sheet(TOKENS["light"], {what: what for what in DRAWINGS})
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", sheet) for part in rule.split(",")]
    assert len(selectors) > 50
    assert not {"*", "QWidget"} & set(selectors)
