"""A limit on the time of one run: a loop in a model need not end by itself, and onnxruntime waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import onnxruntime as ort

SECONDS = 15 * 60.0
"""The largest networks take seconds for a batch; what takes longer than this does not end."""
_LOOK_SECONDS = 0.5


class _Watch(threading.Thread):
    """Ends runs whose time is up. One thread for all of them, which only looks now and then."""

    def __init__(self) -> None:
        super().__init__(name="time limit", daemon=True)
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, ort.RunOptions]] = {}

    def add(self, options: ort.RunOptions, deadline: float) -> None:
        with self._lock:
            self._running[id(options)] = (deadline, options)

    def remove(self, options: ort.RunOptions) -> None:
        with self._lock:
            del self._running[id(options)]

    def run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            with self._lock:
                for deadline, options in self._running.values():
                    if now > deadline:
                        options.terminate = True


_starting = threading.Lock()
_watch: _Watch | None = None


@contextlib.contextmanager
def limited() -> Iterator[ort.RunOptions]:
    """Options for one run, which ends it when its time is up; `terminate` then says that this was it."""
    global _watch
    with _starting:
        if _watch is None:
            _watch = _Watch()
            _watch.start()
    options = ort.RunOptions()
    _watch.add(options, time.monotonic() + SECONDS)
    try:
        yield options
    finally:
        _watch.remove(options)
