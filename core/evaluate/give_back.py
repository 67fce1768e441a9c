"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys

_LARGE_PIECE = 4 << 20
_MMAP_THRESHOLD = -3
"""Of mallopt. Source: malloc.h of glibc."""


def give_back(networks: bool = False) -> None:
    """glibc keeps what runs have freed, 200 MB after those of a VGG16. Elsewhere nothing is done.

    `networks`: also those that nobody has any more. They are rings of nodes and values, which only the
    collector frees, in its own time: what is large may lie beside its successor for minutes.
    """
    if networks:
        gc.collect()
    _glibc("malloc_trim", 0)


def give_back_at_once() -> None:
    """From now on a piece of 4 MB or more goes back as soon as it is freed.

    glibc learns from what is freed to keep ever larger pieces, up to 32 MB, in heaps of its own, one for each
    thread: behind a sweep of a VGG16 they held 416 MB of nothing, and each thread finds only its own. Small
    networks with large values gain as much, and no run took more of the processor for the new pages.
    """
    _glibc("mallopt", _MMAP_THRESHOLD, _LARGE_PIECE)


def _glibc(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
    if function is not None:
        function(*arguments)
