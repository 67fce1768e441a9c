"""What every part of the window does when the language changes: it says its words anew."""

from __future__ import annotations

from PySide6.QtCore import QEvent


class Retranslating:
    """Stands before the widget's class among the bases of a part whose `retranslate` sets all its words."""

    def retranslate(self) -> None:
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)  # type: ignore[misc]
