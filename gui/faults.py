"""What nobody caught: into the log file, and into the error bar, never lost and never a dead window."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

import platformdirs
from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler

from core.values import text
from gui.job import Problem
from gui.session import Session

_LOG = logging.getLogger("gui")


def log_path() -> Path:
    return Path(platformdirs.user_log_dir("secateur", appauthor=False)) / "window.log"


def start_log(path: Path | None = None) -> None:
    """Log warnings and worse, of Qt too, to a small file that turns over; without one if it can't be."""
    path = path or log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=500_000, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    _LOG.addHandler(handler)
    qInstallMessageHandler(_log_qt)


def _log_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = logging.DEBUG if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) else logging.WARNING
    logging.getLogger("gui.qt").log(level, message)


class Faults(QObject):
    """Python's hooks for exceptions that reached nobody (a slot's never reaches its emitter)."""

    _raised = Signal(str, str)
    """One line and the traceback; a signal, because the hook may run in any thread."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._before = (sys.excepthook, threading.excepthook)
        self._raised.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def remove(self) -> None:
        sys.excepthook, threading.excepthook = self._before

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        whole = "".join(traceback.format_exception(kind, error, trace))
        _LOG.error("%s", whole)
        self._raised.emit(f"{kind.__name__}: {error}"[:300], whole)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _show(self, line: str, trace: str) -> None:
        self._session.problem.emit(
            Problem(
                kind="window",
                what=text("Something in the window failed: {line}", line=line),
                why=text("This is a fault of Secateur, not of your model. What was measured is kept."),
                next_step=text("You can go on. Copy report takes the details along for an issue."),
                details=trace,
            )
        )
