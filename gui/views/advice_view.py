"""Tab 'Advice': what costs the plan, and what would help."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from gui.session import Session
from gui.theme import Theme
from gui.views.advice_section import AdviceSection
from gui.views.blame_section import BlameSection
from gui.views.rescue_section import RescueSection


class AdviceView(QScrollArea):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.blame = BlameSection(session, theme)
        self.rescue = RescueSection(session)
        self.advice = AdviceSection(session)
        self.advice.above = self.rescue.take_button
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(14)
        column.addWidget(self.blame)
        column.addWidget(self.rescue)
        column.addWidget(self.advice)
        column.addStretch(1)
        self.setWidget(inner)
        inner.setAutoFillBackground(False)  # setting it made it opaque
        self.viewport().setAutoFillBackground(False)
