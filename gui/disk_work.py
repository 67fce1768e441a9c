"""What waits for the disk, done beside the window's thread, one piece after the other.

Forcing a file to a busy disk takes up to half a second, in which the window would stand still. The program's
end waits for all of it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_WORKER = ThreadPoolExecutor(1, "disk")


def later(step: Callable[..., object], *arguments: object) -> Future[None]:
    """Have `step` done with these arguments, behind whatever was asked for before. It must not touch Qt."""
    return _WORKER.submit(_alone, step, arguments)


def settle() -> None:
    """Wait until everything that was asked for is done."""
    _WORKER.submit(int).result()


def _alone(step: Callable[..., object], arguments: tuple[object, ...]) -> None:
    collecting = gc.isenabled()
    gc.disable()  # the collector must not take parts of the window to pieces outside of its thread
    try:
        step(*arguments)
    finally:
        if collecting:
            gc.enable()
