"""A window on which files may be dropped: it says so while something is dragged over it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow

from gui.theme import Theme
from gui.widgets.drop_hint import DropHint


class DropWindow(QMainWindow):
    def take_drops(self, theme: Theme, taken: Callable[[str], None]) -> None:
        """From now on the first file that is dropped goes to `taken`. Called when all else is in place."""
        self._drop_hint = DropHint(theme, self)
        self._taken = taken
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._drop_hint.appear()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drop_hint.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._drop_hint.hide()
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self._taken(paths[0])
