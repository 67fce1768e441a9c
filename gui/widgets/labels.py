"""Labels of the panels, and lines made of a heading and what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from gui.widgets.elided_label import ElidedLabel


def heading() -> QLabel:
    label = QLabel()
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
