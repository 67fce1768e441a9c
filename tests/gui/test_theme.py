"""Changing the theme: every widget follows, and none is polished more often than it must be."""

from __future__ import annotations

import re

import pytest
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


def luminance(colour: str) -> float:
    """Relative luminance of '#RRGGBB' by WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", TOKENS)
@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("text", ("panel", "window", "accent_soft", "attention_soft", "track", "hover")),
        ("muted", ("panel", "window", "accent_soft", "attention_soft", "track", "hover")),
        ("accent", ("panel", "window", "accent_soft")),
        ("attention", ("panel", "window", "attention_soft")),
        ("estimate", ("panel", "window")),
        ("on_accent", ("accent",)),
    ],
)
def test_text_reads_on_each_ground_that_it_stands_on(theme: str, ink: str, grounds: tuple[str, ...]) -> None:
    """WCAG AA: 4.5 to 1 for letters of this size."""
    for ground in grounds:
        pair = luminance(TOKENS[theme][ink]), luminance(TOKENS[theme][ground])
        assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5, f"{ink} on {ground}"
