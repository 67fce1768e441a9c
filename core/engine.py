"""The engine process: reads requests from standard input, answers with events on standard output.

Three workers: one for long jobs, in order; one for quick looks (the inspector, the graph), so that they
are answered while a long job runs; one for what the inspector has measured first. The main thread only
reads, so that Cancel and the end of the pipe are always heard.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from core import messages as m
from core.context import Context
from core.errors import SecateurError
from core.frames import encode, read_request
from core.values import Text, Value, text

if TYPE_CHECKING:
    from core.workspace import Workspace

PROGRESS_INTERVAL_SECONDS = 0.05
"""Progress is coalesced to 20 a second; partial results never are."""

STEP_BACK = 10
"""How much nicer than the window the engine is: its threads take all cores, and whoever paints or answers a
click comes first. Alone on the machine it is as fast as without."""

OUT_OF_MEMORY = ("can't allocate memory", "bad_alloc", "bad allocation", "out of memory")


class EventWriter:
    """Writes whole frames, one at a time, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: m.AnyEvent) -> None:
        frame = encode(event)
        with self._lock:
            self._stream.write(frame)
            self._stream.flush()


class Worker(threading.Thread):
    """Runs requests one after another and answers each with exactly one Done or Failed."""

    def __init__(self, name: str, engine: Engine) -> None:
        super().__init__(name=name, daemon=True)
        self._engine = engine
        self._queue: queue.SimpleQueue[m.Request] = queue.SimpleQueue()

    def put(self, request: m.Request) -> None:
        self._queue.put(request)

    def run(self) -> None:
        while True:
            self._engine.perform(self._queue.get())


class Engine:
    def __init__(self, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests = requests
        self._writer = EventWriter(events)
        self._contexts: dict[int, Context] = {}
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._long = Worker("long jobs", self)
        self._quick = Worker("quick jobs", self)
        self._measuring = Worker("measuring for a look", self)

    def serve(self) -> None:
        """Until the window closes the pipe."""
        self._long.start()
        self._quick.start()
        self._measuring.start()
        from core import __version__

        self._writer.send(m.Ready(id=0, version=__version__))
        # loading the numeric libraries takes a second or two: do it while the person looks around
        self._quick.put(m.Describe(id=0))
        while True:
            try:
                request = read_request(self._requests)
            except msgspec.MsgspecError as error:
                self._writer.send(m.Log(id=0, line=f"unreadable request: {error}"))
                continue
            if request is None or isinstance(request, m.Shutdown):
                return
            if isinstance(request, m.Cancel):
                with self._lock:
                    context = self._contexts.get(request.target)
                if context is not None:
                    context.cancel()
                continue
            if isinstance(request, m.Prefer):
                with self._lock:
                    context = self._contexts.get(request.target)
                if context is not None:
                    context.prefer(request.layers)
                continue
            with self._lock:
                self._contexts[request.id] = self._context(request.id)
            self._worker(request).put(request)

    def _worker(self, request: m.Request) -> Worker:
        if isinstance(request, m.InspectActivations):
            return self._measuring
        if isinstance(request, m.Inspect):
            return self._measuring if request.measure else self._quick
        if isinstance(request, m.WeighLayers | m.CoupleLayers):
            return self._measuring
        quick = isinstance(request, m.Describe | m.ReadArchitecture | m.LayOut | m.CompareGraphs)
        return self._quick if quick else self._long

    def _context(self, request_id: int) -> Context:
        last_sent = 0.0
        whole: tuple[float, float] | None = None

        def on_whole(share: float, seconds_left: float) -> None:
            nonlocal whole
            whole = share, seconds_left

        def on_progress(stage: Text, done: int, total: int, seconds_left: float | None) -> None:
            nonlocal last_sent
            now = time.monotonic()
            if now - last_sent >= PROGRESS_INTERVAL_SECONDS or done == total:
                last_sent = now
                share, left = whole if whole is not None else (None, seconds_left)
                self._writer.send(
                    m.Progress(
                        id=request_id, stage=stage, done=done, total=total, seconds_left=left, share=share
                    )
                )

        def on_partial(value: Value) -> None:
            self._writer.send(m.Partial(id=request_id, value=value))  # type: ignore[arg-type]

        return Context(on_progress, on_partial, on_whole)

    def perform(self, request: m.Request) -> None:
        with self._lock:
            context = self._contexts.get(request.id) or Context()
        try:
            context.check()
            value = self._job(request, context)
            if request.id:
                self._writer.send(m.Done(id=request.id, value=value))  # type: ignore[arg-type]
        except SecateurError as error:
            self._fail(request, error.code, error.what, error.why, error.next_step, traceback.format_exc())
        except Exception as error:
            if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in OUT_OF_MEMORY):
                self._fail(
                    request,
                    "EngineError",
                    text("There is not enough memory for this step."),
                    text("The model and its samples need more than this computer has free."),
                    text("Close other programs, or use fewer samples."),
                    traceback.format_exc(),
                )
            else:
                self._fail(
                    request,
                    "EngineError",
                    text("This step failed unexpectedly."),
                    text("{kind}: {reason}", kind=type(error).__name__, reason=str(error)[:500]),
                    text("Copy the report and send it to us; your files are as they were."),
                    traceback.format_exc(),
                )
        finally:
            with self._lock:
                self._contexts.pop(request.id, None)

    def _job(self, request: m.Request, context: Context) -> Value:
        from core import jobs
        from core.workspace import Workspace

        with self._lock:
            if self._workspace is None:
                self._workspace = Workspace()
        return jobs.perform(request, self._workspace, context)

    def _fail(
        self, request: m.Request, code: str, what: Text, why: Text, next_step: Text, details: str
    ) -> None:
        self._writer.send(
            m.Failed(id=request.id, code=code, what=what, why=why, next_step=next_step, details=details)
        )


def main() -> None:
    # a library's print must not break a frame: keep the real stdout for us, give everyone else stderr
    events = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if sys.platform != "win32":
        os.nice(STEP_BACK)
    try:
        Engine(sys.stdin.buffer, os.fdopen(events.fileno(), "wb", buffering=65536, closefd=False)).serve()
    finally:
        # native code may be in the middle of a run: end now, leave no orphan
        os._exit(0)


if __name__ == "__main__":
    main()
