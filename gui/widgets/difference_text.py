"""Sentences under a picture: as high as they need, up to a few lines, then they scroll."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QWidget

MOST_LINES = 4


class DifferenceText(QScrollArea):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setProperty("small", True)
        self._label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setWidget(self._label)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self._label.setAutoFillBackground(False)
        self.hide()

    @property
    def text(self) -> str:
        return self._label.text()

    def show_sentences(self, heading: str, sentences: Sequence[str]) -> None:
        """A heading, then one line for each sentence; hidden without a heading."""
        lines = [heading, *sentences] if heading else []
        self._label.setText("\n".join(lines))
        self.setAccessibleName("\n".join(lines)[:1000])
        shown = min(max(len(lines), 1), MOST_LINES)
        self.setFixedHeight(shown * self._label.fontMetrics().lineSpacing() + 6)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if len(lines) > MOST_LINES else Qt.FocusPolicy.NoFocus)
        self.verticalScrollBar().setValue(0)
        self.setVisible(bool(heading))
