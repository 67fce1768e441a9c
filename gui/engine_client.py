"""Owns the engine process: requests out, events in, restart after a crash, a firm hand on cancel."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from core.frames import EventReader, encode
from core.messages import AnyRequest, Cancel, Done, Failed, Log, Prefer, Progress, Ready, Request, Shutdown
from core.values import text

R = TypeVar("R", bound=Request)

CANCEL_GRACE_MS = 2000
"""After so long a job that did not stop by itself is stopped by ending its process."""
LOG_LINES = 400
_SLICE_SECONDS = 0.025
"""After so long of telling views what came, the window sees to the person: a fast sweep sends a hundred
figures at a time."""


def engine_command() -> tuple[str, list[str]]:
    """Program and arguments that start the engine, frozen or not."""
    if getattr(sys, "frozen", False):
        return sys.executable, ["--engine"]
    return sys.executable, ["-m", "core.engine"]


class EngineClient(QObject):
    """Send with `send`; answers arrive by `event`, exactly one Done or Failed for each request."""

    event = Signal(object)
    started = Signal()
    crashed = Signal(str)
    """The engine died by itself; the last lines of its log."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids = itertools.count(1)
        self._open: dict[int, Request] = {}
        self._cancelling: dict[int, float] = {}
        """When each job that was asked to stop is stopped by force, on the monotonic clock."""
        self._ended_by_us = False
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._process: QProcess | None = None
        self._reader = EventReader()
        self._closing = False
        self._was_ready = False
        self._early_deaths = 0
        self._waiting: deque[object] = deque()
        """Came, and is not told yet."""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._tell)

    # ------------------------------------------------------------ life

    def start(self) -> None:
        if self._process is not None:
            return
        program, arguments = engine_command()
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.setProgram(program)
        process.setArguments(arguments)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_log)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed_to_start)
        self._reader = EventReader()
        self._was_ready = False
        self._process = process
        process.start()

    def close(self) -> None:
        """End the engine with the window: ask, then kill."""
        self._closing = True
        self._later.stop()
        self._waiting.clear()
        process = self._process
        if process is None:
            return
        if process.state() != QProcess.ProcessState.NotRunning:
            process.write(encode(Shutdown()))
            process.closeWriteChannel()
            if not process.waitForFinished(800):
                process.kill()
                process.waitForFinished(2000)
        self._process = None

    @property
    def process_id(self) -> int:
        """0 while there is none."""
        return self._process.processId() if self._process is not None else 0

    @property
    def log(self) -> str:
        """The engine's last lines, for 'Copy report'."""
        return "\n".join(self._log)

    # ------------------------------------------------------------ requests

    def send(self, request: R) -> R:
        """Number the request and send it; returns it as sent."""
        numbered = msgspec.structs.replace(request, id=next(self._ids))
        self._open[numbered.id] = numbered
        self.start()
        self._write(numbered)
        return numbered

    def prefer(self, request_id: int, layers: Sequence[str]) -> None:
        """Ask a job that takes layers in turn to look at these next."""
        if request_id in self._open:
            self._write(Prefer(target=request_id, layers=tuple(layers)))

    def cancel(self, request_id: int, firm: bool = True) -> None:
        """Ask the job to stop; if it has not after two seconds, end its process. Not `firm`: it may take
        its time."""
        if request_id not in self._open or request_id in self._cancelling:
            return
        if not firm:
            self._write(Cancel(target=request_id))
            return
        self._cancelling[request_id] = time.monotonic() + CANCEL_GRACE_MS / 1000
        self._write(Cancel(target=request_id))
        QTimer.singleShot(CANCEL_GRACE_MS, self, self._enforce_cancel)

    def _enforce_cancel(self) -> None:
        """Only for a job whose own time is up: the timer may be that of another, which has obeyed."""
        if self._process is None or not self._cancelling:
            return
        left = min(self._cancelling.values()) - time.monotonic()
        if left > 0:
            # a coarse timer may come too early
            QTimer.singleShot(math.ceil(1000 * left), self, self._enforce_cancel)
            return
        # the job's answer may still be on its way, and must not make this look like a crash
        self._ended_by_us = True
        self._process.kill()

    def _write(self, request: AnyRequest) -> None:
        if self._process is not None:
            self._process.write(encode(request))

    # ------------------------------------------------------------ events

    def _read(self) -> None:
        if self._process is None:
            return
        data = self._process.readAllStandardOutput().data()
        try:
            events = self._reader.feed(data)
        except (ValueError, msgspec.MsgspecError) as error:
            self._log.append(f"unreadable answer: {error}")
            self._process.kill()
            return
        for event in events:
            if isinstance(event, Progress):
                # each is drawn at once, and only the last one can be seen
                older = [each for each in self._waiting if not _replaced(each, event)]
                self._waiting = deque(older)
            self._waiting.append(event)
        self._tell()

    def _tell(self) -> None:
        """Tell what waits, in order; what takes long goes on after the person's own events."""
        until = time.perf_counter() + _SLICE_SECONDS
        while self._waiting:
            self._dispatch(self._waiting.popleft())
            if self._waiting and time.perf_counter() > until:
                self._later.start(0)
                return

    def _dispatch(self, event: object) -> None:
        if isinstance(event, Ready):
            self._was_ready = True
            self._early_deaths = 0
            self.started.emit()
            return
        if isinstance(event, Log):
            self._log.append(event.line)
            return
        if isinstance(event, Done | Failed):
            self._open.pop(event.id, None)
            self._cancelling.pop(event.id, None)
        self.event.emit(event)

    def _read_log(self) -> None:
        if self._process is not None:
            lines = self._process.readAllStandardError().data().decode("utf-8", "replace").splitlines()
            self._log.extend(line[:500] for line in lines)

    def _failed_to_start(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._log.append("the engine could not be started")
            self._finished()

    def _finished(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(RuntimeError):
            process.deleteLater()
        if self._closing:
            return
        while self._waiting:  # what it still answered comes before the news of its end
            self._dispatch(self._waiting.popleft())
        waiting, self._open = self._open, {}
        cancelled, self._cancelling = self._cancelling, {}
        on_purpose, self._ended_by_us = self._ended_by_us, False
        # of what waited behind a job that was stopped nothing is lost: the next process does it
        kept = [request for number, request in waiting.items() if on_purpose and number not in cancelled]
        self._open = {request.id: request for request in kept}
        if not self._was_ready:
            self._early_deaths += 1
        for request_id in waiting:
            if request_id in self._open:
                continue
            if on_purpose:
                failed = Failed(id=request_id, code="Cancelled", what=text("Stopped."))
            else:
                failed = Failed(
                    id=request_id,
                    code="EngineError",
                    what=text("This step crashed."),
                    why=text(
                        "The part of Secateur that works on the model ended unexpectedly; "
                        "it may have run out of memory."
                    ),
                    next_step=text("What was measured is kept. Try again, or with fewer samples."),
                    details=self.log,
                )
            self.event.emit(failed)
        if not on_purpose:
            self.crashed.emit(self.log)
        if self._early_deaths < 3:
            self.start()
            for request in kept:
                # whoever was told of its failure may have taken another one back
                if request.id in self._open:
                    self._write(request)


def _replaced(event: object, by: Progress) -> bool:
    return isinstance(event, Progress) and event.id == by.id
