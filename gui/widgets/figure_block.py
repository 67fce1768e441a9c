"""A huge number with what it was before, a badge and a line of evidence below."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.glossary import explain
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.plain_tip import plain_tip

FIGURE, SMALLER = 25, 21
"""Pixels of the huge number: with room, and without."""
UNKNOWN = "–"
"""Stands for a figure that nobody knows yet, and is no more than a mark."""


@dataclass(frozen=True)
class Figures:
    title: str = ""
    short: str = ""
    """Title where there is little room; empty: the same."""
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
        self._compact = False
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

    def explain(self, *terms: str) -> None:
        """The title explains these terms under the pointer."""
        explain(self._title, *terms)

    def show_figures(self, figures: Figures) -> None:
        old, self.shown = self.shown, figures
        self._before.setText(f"{figures.before} →" if figures.before else "")
        self._after.setText(figures.after)
        self._badge.setText(figures.badge)
        self._badge.setVisible(bool(figures.badge))
        for label in (self._after, self._badge):
            label.setToolTip(plain_tip(label.text()))
        self._below.set_full_text(figures.below)
        if (old.estimate, old.tone, old.after == UNKNOWN) != (
            figures.estimate,
            figures.tone,
            figures.after == UNKNOWN,
        ):
            self._restyle()
        self.set_compact(self._compact)
        said = " ".join(filter(None, (figures.before, "→", figures.after, figures.badge, figures.below)))
        self.setAccessibleName(figures.title)
        self.setAccessibleDescription(said)

    def minimumSizeHint(self) -> QSize:
        return QSize(150, super().minimumSizeHint().height())

    def fits(self) -> bool:
        """Whether before, after and badge have room side by side."""
        width = 14
        parts = ((f"{self.shown.before} →", 16, False), (self.shown.after, FIGURE, True))
        for text, pixels, bold in (*parts, (self.shown.badge, 12, True)):
            font = small_font(self.font(), pixels, italic=bold, bold=bold)
            width += QFontMetrics(font).horizontalAdvance(text) + 8
        return width <= self.width()

    def set_compact(self, compact: bool) -> None:
        """Where there is little room, what was before moves up beside the title."""
        self._before.setVisible(bool(self.shown.before) and not compact)
        title = self.shown.title
        if compact and self.shown.before:
            title = f"{self.shown.short or title} · {self.shown.before} →"
        self._title.set_full_text(title)
        if compact != self._compact:
            self._compact = compact
            self._restyle()

    def _restyle(self, _name: str = "") -> None:
        """An estimate is italic and grey; a badge has its tone."""
        style = f"font-size: {SMALLER if self._compact else FIGURE}px;"
        if self.shown.after == UNKNOWN:
            style += f" font-weight: 400; color: {self._theme.color('muted').name()};"
        elif self.shown.estimate:
            style += f" font-style: italic; color: {self._theme.color('estimate').name()};"
        if self._after.styleSheet() != style:
            self._after.setStyleSheet(style)
        if self._badge.property("badge") != self.shown.tone:
            self._badge.setProperty("badge", self.shown.tone)
            self._badge.style().unpolish(self._badge)
            self._badge.style().polish(self._badge)
            # the label keeps its old size hint, without the padding, unless it is told
            QApplication.sendEvent(self._badge, QEvent(QEvent.Type.StyleChange))
