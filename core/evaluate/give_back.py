"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back(networks: bool = False) -> None:
    """glibc keeps what runs have freed, 200 MB after those of a VGG16. Elsewhere nothing is done.

    `networks`: also those that nobody has any more. They are rings of nodes and values, which only the
    collector frees, in its own time: what is large may lie beside its successor for minutes.
    """
    if networks:
        gc.collect()
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
