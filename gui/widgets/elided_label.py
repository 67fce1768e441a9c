"""A label for text from outside: plain, never wider than its place, whole in the tooltip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gui.widgets.plain_tip import plain_tip

LEAST = 4
"""Letters as wide as m: less of a text, such as 'Nex…', tells nobody anything, and looks broken."""


class ElidedLabel(QLabel):
    """Use `set_full_text`; what is shown is cut to the width at hand."""

    def __init__(
        self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._mode = mode
        self._full = self._about = ""

    @property
    def full_text(self) -> str:
        return self._full

    def set_full_text(self, text: str, about: str = "") -> None:
        """`about`: what its tool tip tells besides, whatever room there is."""
        self._about = about
        self._full = text.replace("\n", " ")
        self._elide()
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        # names of 2 MB exist: more than this is never shown anyway
        width = self.fontMetrics().horizontalAdvance(self._full[:400]) + 2
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._full[:4000], self._mode, max(self.width(), 1))
        cut = self._mode == Qt.TextElideMode.ElideRight and shown != self._full
        if cut and self.width() < LEAST * self.fontMetrics().horizontalAdvance("m"):
            shown = ""
        QLabel.setText(self, shown)  # not what is set from outside
        told = (self._full[:1000] if shown != self._full else "", self._about)
        self.setToolTip(plain_tip("\n".join(line for line in told if line)))
