"""Call native code that recurses once per node of a chain: an ordinary thread's stack is too small for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOCK = threading.Lock()
_PAGE = 2**20


def call_with_stack(function: Callable[[], T], stack_bytes: int) -> T:
    """Return what `function` returns, run in a thread of its own with a stack of at least `stack_bytes`.

    Only address space is taken; memory follows as the stack is used. Raises what `function` raises,
    and MemoryError if the system gives no such stack.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # handed on to the caller below
            failure.append(error)

    with _LOCK:
        before = threading.stack_size(-(-stack_bytes // _PAGE) * _PAGE)
        try:
            thread = threading.Thread(target=run, name="deep stack", daemon=True)
            thread.start()
        except (RuntimeError, ValueError) as error:
            raise MemoryError from error
        finally:
            threading.stack_size(before)
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
