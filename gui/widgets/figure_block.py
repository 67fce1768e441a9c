"""A huge number with what it was before, a badge and a line of evidence below."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel


@dataclass(frozen=True)
class Figures:
    title: str = ""
    before: str = ""
    after: str = ""
    badge: str = ""
    tone: str = "neutral"
    """'good', 'neutral' or 'attention'."""
    below: str = ""
    estimate: bool = False


class FigureBlock(QWidget):
    """Shows `Figures`; touches only what differs, because it follows a slider."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.shown = Figures()
        self._title = ElidedLabel()
        self._title.setProperty("small", True)
        self._before = QLabel()
        self._before.setProperty("before", True)
        self._after = QLabel()
        self._after.setProperty("figure", True)
        self._badge = QLabel()
        self._below = ElidedLabel()
        self._below.setProperty("small", True)
        row = QHBoxLayout()
        row.setSpacing(8)
        for label in (self._before, self._after, self._badge):
            label.setTextFormat(Qt.TextFormat.PlainText)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._title)
        column.addLayout(row)
        column.addWidget(self._below)
        self._badge.hide()
        theme.changed.connect(self._restyle)

    def show_figures(self, figures: Figures) -> None:
        old, self.shown = self.shown, figures
        self._title.set_full_text(figures.title)
        self._before.setText(f"{figures.before} →" if figures.before else "")
        self._before.setVisible(bool(figures.before))
        self._after.setText(figures.after)
        self._badge.setText(figures.badge)
        self._badge.setVisible(bool(figures.badge))
        self._below.set_full_text(figures.below)
        if old.estimate != figures.estimate or old.tone != figures.tone:
            self._restyle()
        said = " ".join(filter(None, (figures.before, "→", figures.after, figures.badge, figures.below)))
        self.setAccessibleName(figures.title)
        self.setAccessibleDescription(said)

    def _restyle(self, _name: str = "") -> None:
        """An estimate is italic and grey; a badge has its tone."""
        font = self._after.font()
        font.setItalic(self.shown.estimate)
        self._after.setFont(font)
        color = self._theme.color("estimate").name() if self.shown.estimate else ""
        style = "font-style: italic; color: " + color + ";" if color else ""
        if self._after.styleSheet() != style:
            self._after.setStyleSheet(style)
        if self._badge.property("badge") != self.shown.tone:
            self._badge.setProperty("badge", self.shown.tone)
            self._badge.style().unpolish(self._badge)
            self._badge.style().polish(self._badge)
            # the label keeps its old size hint, without the padding, unless it is told
            QApplication.sendEvent(self._badge, QEvent(QEvent.Type.StyleChange))
