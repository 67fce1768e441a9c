"""What an importance score is for, in a sentence, and how far its measuring has come."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from core.values import Described
from gui.i18n import tr, tr_text


class ScoreNote(QLabel):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("small", True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self._score: Described | None = None
        self._progress: tuple[int, int] | None = None

    def show_score(self, score: Described | None) -> None:
        self._score = score
        self._write()

    def show_progress(self, progress: tuple[int, int] | None) -> None:
        """Samples looked at so far and in all; None: nothing is being measured."""
        self._progress = progress
        self._write()

    def _write(self) -> None:
        words = tr_text(self._score.help) if self._score is not None else ""
        if self._progress is not None:
            done, total = self._progress
            words = (
                tr("Measuring on your samples: {share} %").format(share=round(100 * done / total))
                if total
                else tr("Measuring on your samples…")
            )
        self.setText(words)
        self.setVisible(bool(words))
        unit = tr_text(self._score.unit) if self._score is not None else ""
        self.setToolTip(tr("Counted in: {unit}").format(unit=unit) if unit else "")
