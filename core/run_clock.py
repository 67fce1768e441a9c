"""When a point of a run was reached, and how much memory it has taken so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import msgspec

from core.values import RunPoint, Value


def stamping() -> Callable[[Value], Value]:
    """What gives each point of a run that begins now its time and memory; other values stay as they are."""
    started = time.monotonic()

    def stamp(value: Value) -> Value:
        if not isinstance(value, RunPoint):
            return value
        elapsed = time.monotonic() - started
        return msgspec.structs.replace(value, elapsed_seconds=elapsed, memory_bytes=peak_memory())

    return stamp


def peak_memory() -> int:
    """The most bytes that this process has had in memory; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows has no such count in Python's library
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kibibytes, macOS in bytes
    return int(peak if sys.platform == "darwin" else peak * 1024)
