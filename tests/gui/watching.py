"""What must not happen while somebody does anything: exceptions, warnings of Qt, engines that die."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices

from core import messages as m
from gui.app import Window
from gui.job import Problem

IGNORED = (
    # the offscreen platform says so of every window and menu (see pyproject.toml)
    "This plugin does not support",
    # Chromium where there is no graphics card
    "QRhiGles2: ",
    "Failed to create RHI",
    "QVulkanInstance: ",
    "GBM is not supported",
    "GPUInfo not initialized",
)
SCHEMES = ("file", "http", "https")
GRACE_SECONDS = 30
"""So long after the engine was killed on purpose its jobs may fail."""


class Watch:
    """While it is entered, `faults` collects what went wrong, with what was done before it."""

    def __init__(self, window: Window, tell: Callable[[str], None] | None = None) -> None:
        self._window = window
        self._tell = tell
        self.faults: list[str] = []
        self.recent: deque[str] = deque(maxlen=12)
        """What was done last."""
        self.killed_at = -1e9

    def __enter__(self) -> Watch:
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        self._handler = qInstallMessageHandler(self._on_qt)
        window = self._window
        window.actions["quit"].blockSignals(True)
        window.engine.event.connect(self._on_event)
        window.engine.crashed.connect(self._on_crash)
        window.session.problem.connect(self._on_problem)
        for scheme in SCHEMES:  # no other program is started
            QDesktopServices.setUrlHandler(scheme, window.commands, "show_data")
        return self

    def __exit__(self, *_: object) -> None:
        sys.excepthook, threading.excepthook = self._hooks
        qInstallMessageHandler(self._handler)
        for scheme in SCHEMES:
            QDesktopServices.unsetUrlHandler(scheme)
        window = self._window
        window.engine.event.disconnect(self._on_event)
        window.engine.crashed.disconnect(self._on_crash)
        window.session.problem.disconnect(self._on_problem)
        window.actions["quit"].blockSignals(False)

    def fault(self, what: str) -> None:
        told = f"{what}\n    after: {' | '.join(self.recent)}"
        self.faults.append(told)
        if self._tell is not None:
            self._tell(told)

    def _on_exception(self, kind: type, error: BaseException, trace: object) -> None:
        self.fault("".join(traceback.format_exception(kind, error, trace))[-3000:])

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _on_qt(self, kind: QtMsgType, context: object, message: str) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not message.startswith(IGNORED):
            self.fault(f"Qt: {message}\n" + "".join(traceback.format_stack(limit=9)[:-1]))

    def _was_killed(self) -> bool:
        return time.monotonic() - self.killed_at < GRACE_SECONDS

    def _on_event(self, event: object) -> None:
        if isinstance(event, m.Failed) and event.code == "EngineError" and not self._was_killed():
            self.fault(f"engine: {event.what} {event.why}\n{event.details[-2500:]}")

    def _on_crash(self, log: str) -> None:
        if not self._was_killed():
            self.fault(f"the engine died by itself:\n{log[-2500:]}")

    def _on_problem(self, problem: Problem) -> None:
        if problem.kind == "window":
            self.fault(f"{problem.what}\n{problem.details}")
