"""One ink on white paper: a theme without colours, and whether pictures painted by it differ.

All inks are black, all grounds are white and all scales are one grey: what still differs, differs by a shape,
a line's style, a letter or its place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from gui.theme import TOKENS, Theme

GROUNDS = {
    "window", "panel", "line", "accent_soft", "on_accent", "attention_soft", "track", "hover",
}  # fmt: skip
PAPER = {token: "#ffffff" if token in GROUNDS else "#000000" for token in TOKENS["light"]}
LEAST_PIXELS, LEAST_STEP = 6, 40
"""So many pixels must differ for a person to see it."""


class OneInk(Theme):
    """Black on white, and one grey for all scales."""

    def __init__(self) -> None:
        super(Theme, self).__init__()
        self.name = "light"
        self._tables = {
            scale: np.full((256, 3), 160, np.uint8) for scale in ("damage", "difference", "importance")
        }

    def color(self, token: str) -> QColor:
        return QColor(PAPER[token])


def pixels(image: QImage) -> np.ndarray:
    """(height, width, 3), uint8."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.width(), 4)
    return flat[..., :3].copy()


def seen(widget: QWidget) -> np.ndarray:
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("#ffffff"))
    widget.render(image)
    return pixels(image)


def painted(size: tuple[int, int], paint: Callable[[QPainter], None]) -> np.ndarray:
    image = QImage(*size, QImage.Format.Format_RGB32)
    image.fill(QColor("#ffffff"))
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return pixels(image)


def all_differ(pictures: dict[str, np.ndarray]) -> None:
    names = list(pictures)
    assert len({picture.shape for picture in pictures.values()}) == 1, "they are of different sizes"
    alike = [
        f"{one} looks like {other}"
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if (np.abs(pictures[one].astype(int) - pictures[other]).max(axis=2) > LEAST_STEP).sum() < LEAST_PIXELS
    ]
    assert not alike
