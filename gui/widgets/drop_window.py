"""A window on which files may be dropped: it says so while something is dragged over it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow

from gui.theme import Theme
from gui.widgets.drop_hint import DropHint


class DropWindow(QMainWindow):
    def take_drops(self, theme: Theme, taken: Callable[[list[str], list[str]], None]) -> None:
        """From now on what is dropped goes to `taken`: paths of files and folders, and addresses elsewhere.

        Called when all else is in place.
        """
        self._drop_hint = DropHint(theme, self)
        self._taken = taken
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().urls():
            event.acceptProposedAction()
            self._drop_hint.appear()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drop_hint.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._drop_hint.hide()
        urls = event.mimeData().urls()
        if urls:
            event.acceptProposedAction()
            paths = [url.toLocalFile() for url in urls if url.isLocalFile()]
            self._taken(paths, [url.toString() for url in urls if not url.isLocalFile()])
