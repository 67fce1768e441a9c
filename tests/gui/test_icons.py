"""Icons take the theme's colour and stay sharp at every scale."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from gui.actions import table
from gui.icons import icon, pixmap, svg
from gui.theme import TOKENS, Theme


@pytest.mark.parametrize("name", ["light", "dark"])
def test_strokes_have_the_colour_asked_for(qapp: QApplication, name: str) -> None:
    theme = Theme(qapp, name)
    image = icon("stop", theme, "accent").pixmap(QSize(48, 48), 1.0).toImage()
    solid = {
        image.pixelColor(x, y).name().upper()
        for x in range(48)
        for y in range(48)
        if image.pixelColor(x, y).alpha() == 255
    }
    assert solid == {TOKENS[name]["accent"]}


def test_disabled_icon_is_paler(qapp: QApplication) -> None:
    theme = Theme(qapp)
    made = icon("stop", theme)
    normal = made.pixmap(QSize(24, 24), 1.0, QIcon.Mode.Normal).toImage()
    disabled = made.pixmap(QSize(24, 24), 1.0, QIcon.Mode.Disabled).toImage()
    assert normal != disabled


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_pixmap_has_the_screens_pixels(qapp: QApplication, ratio: float) -> None:
    drawn = pixmap("scissors", Theme(qapp), 20, ratio)
    assert drawn.size() == QSize(round(20 * ratio), round(20 * ratio))
    assert drawn.deviceIndependentSize().width() == 20


def test_every_icon_of_the_actions_is_there(qapp: QApplication) -> None:
    for row in table().values():
        if row.icon:
            assert b"currentColor" in svg(row.icon)
