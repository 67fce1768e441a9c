"""Labels of the panels, and lines made of a heading and what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from gui.widgets.elided_label import ElidedLabel

HEADING_WIDTH = 92
"""Pixels that a heading keeps."""


class Heading(ElidedLabel):
    """Stands first in a line and gives way last; its text is set as a plain label's is."""

    def __init__(self, least: int = HEADING_WIDTH) -> None:
        """`least`: pixels that it keeps; of a longer text the end is cut off where others need the room."""
        super().__init__()
        self._least = least

    def setText(self, text: str) -> None:
        self.set_full_text(text)

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        return QSize(min(hint.width(), self._least), hint.height())


def heading() -> QLabel:
    label = Heading()
    label.setProperty("heading", True)
    return label


def note() -> ElidedLabel:
    """Small, at the right end of a line."""
    label = ElidedLabel()
    label.setProperty("small", True)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return label


def small() -> QLabel:
    label = QLabel()
    label.setProperty("small", True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def empty_state() -> QLabel:
    """What stands in a panel's place while it has nothing to show."""
    label = QLabel()
    label.setProperty("muted", True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    label.setMargin(24)
    return label


def line(title: QWidget, *others: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 5, 0, 0)
    row.setSpacing(6)
    row.addWidget(title)
    if not any(isinstance(other, ElidedLabel) for other in others):
        row.addStretch(1)
    for other in others:
        row.addWidget(other, 1 if isinstance(other, ElidedLabel) else 0)
    return row
