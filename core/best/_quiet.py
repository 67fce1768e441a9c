"""Keeps what a library prints on its own out of our output: the lines of results that others read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator

_ONE = threading.Lock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Native code writes to the standard output, whatever Python's `sys.stdout` is: nothing of it comes out.

    For the whole process, so only around what takes a moment. HiGHS, as scipy 1.17 has it, prints names of
    its own functions now and then.
    """
    with _ONE:
        try:
            kept = os.dup(1)
        except OSError:  # there is no standard output
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            _flush()
            os.dup2(nowhere, 1)
            yield
        finally:
            _flush()
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)


def _flush() -> None:
    """What C has put aside is written where it was meant for."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
