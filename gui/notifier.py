"""Says that a run has ended to whoever is not looking: the window asks for attention, the tray says what."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.job import Problem
from gui.run_queue import RunQueue
from gui.session import Session
from gui.settings import Settings

SHOWN_MS = 10_000


class Notifier(QObject):
    """Silent while the window is in front, and where the person does not want it (`Settings.notify`)."""

    def __init__(self, session: Session, queue: RunQueue, settings: Settings) -> None:
        super().__init__(session)
        self._session = session
        self._queue = queue
        self._settings = settings
        self._window: QWidget | None = None
        self._tray: QSystemTrayIcon | None = None
        self.last = ""
        """What was said last."""
        queue.ended.connect(self._on_ended)
        session.problem.connect(self._on_problem)

    def attach(self, window: QWidget) -> None:
        """The window that asks for attention."""
        self._window = window

    def _on_ended(self) -> None:
        result = self._session.result
        if result is None or self._session.run_state != "done":
            return
        parts = [fmt.size(result.after.size_bytes)]
        if result.after.latency is not None:
            parts.append(fmt.milliseconds(result.after.latency.median_ms))
        if result.after.primary is not None:
            parts.append(fmt.measured(result.after.primary))
        waiting = len(self._queue.waiting)
        if waiting:
            parts.append(tr("{n} more waiting").format(n=fmt.count(waiting)))
        self._say(tr("The run is done"), fmt.listed(parts))

    def _on_problem(self, problem: Problem) -> None:
        if problem.kind == "compress":
            self._say(tr("The run has failed"), tr_text(problem.what))

    def _say(self, title: str, words: str) -> None:
        window = self._window
        if not self._settings.values.notify or window is None or window.isActiveWindow():
            return
        self.last = f"{title}: {words}"
        QApplication.alert(window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(window.windowIcon(), self)
            self._tray.activated.connect(self._raise)
            self._tray.messageClicked.connect(self._raise)
        self._tray.setToolTip("Secateur")
        self._tray.show()
        self._tray.showMessage(title, words, window.windowIcon(), SHOWN_MS)

    def _raise(self, *_: object) -> None:
        if self._window is not None:
            if self._window.isMinimized():
                self._window.showNormal()
            self._window.raise_()
            self._window.activateWindow()
        if self._tray is not None:
            self._tray.hide()
