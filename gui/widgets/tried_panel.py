"""A picture of the person's own: what the original and the compressed network take it for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from core.values import Answer, Tried
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel

EDGE = 62


class TriedPanel(QFrame):
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("triedPanel")
        self._theme = theme
        self._tried: Tried | None = None
        self._picture = QLabel(self)
        self._picture.setFixedSize(EDGE, EDGE)
        self.name = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self.name.setProperty("heading", True)
        self.before, self.after = (ElidedLabel(parent=self) for _ in range(2))
        self._close = QPushButton(self)
        self._close.setProperty("flat", True)
        self._close.clicked.connect(self.closed)
        words = QGridLayout()
        words.setVerticalSpacing(1)
        words.addWidget(self.name, 0, 0)
        words.addWidget(self._close, 0, 1)
        words.addWidget(self.before, 1, 0, 1, 2)
        words.addWidget(self.after, 2, 0, 1, 2)
        words.setColumnStretch(0, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 6, 6)
        row.setSpacing(10)
        row.addWidget(self._picture)
        row.addLayout(words, 1)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def show_tried(self, tried: Tried | None) -> None:
        self._tried = tried
        self.setVisible(tried is not None)
        if tried is not None and tried.picture_png:
            pixmap = QPixmap()
            pixmap.loadFromData(tried.picture_png)
            self._picture.setPixmap(
                pixmap.scaled(
                    EDGE, EDGE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.FastTransformation
                )
            )
        self.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def retranslate(self) -> None:
        self._close.setText(tr("Close"))
        tried = self._tried
        if tried is None:
            return
        self.name.set_full_text(tried.name)
        self.before.set_full_text(tr("original: {answer}").format(answer=_answers(tried.before)))
        self.after.set_full_text(tr("compressed: {answer}").format(answer=_answers(tried.after)))
        self.setAccessibleName(
            tr("Your picture {name}: {before}; {after}").format(
                name=tried.name, before=self.before.full_text, after=self.after.full_text
            )
        )

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("hover").name()
        self.setStyleSheet(f"QFrame#triedPanel {{ background: {back}; border: none; border-radius: 8px; }}")


def _answers(answers: tuple[Answer, ...]) -> str:
    return ", ".join(fmt.answer(one.name, one.share) for one in answers)
