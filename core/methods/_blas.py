"""How many threads numpy's and scipy's matrix products use: one where the matrices are small."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import scipy.linalg  # noqa: F401 - brings a library of its own, which has to be there to be found
from threadpoolctl import ThreadpoolController

NARROW = 1200
"""Columns of a layer up to which a second thread costs more than it brings: it is woken for each of the
many small products and waits for them on a core that others could use. From 2,304 columns on it pays."""

_lock = threading.Lock()
_inside = 0
_limit: Any = None


@contextmanager
def few_threads(columns: int) -> Iterator[None]:
    """One thread for matrix products meanwhile if a layer of so many columns gains nothing from more.

    The number is the process's, so what other threads compute meanwhile is held to it too; they may all
    be inside at once, and the last one out sets it back.
    """
    if columns > NARROW:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: some milliseconds


def _enter() -> None:
    global _inside, _limit
    with _lock:
        _inside += 1
        if _inside == 1:
            _take_control()
            _limit = _controller().limit(limits=1, user_api="blas")


def _leave() -> None:
    global _inside, _limit
    with _lock:
        _inside -= 1
        if _inside == 0:
            _take_control()
            _limit.restore_original_limits()
            _take_control()
            _limit = None


def _take_control() -> None:
    """Later versions of threadpoolctl listen to one thread alone and silently not to others."""
    for library in _controller().lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
