"""Large weights of files that are open, so that whoever reads such a file again takes no copy of them."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import numpy as np

from core.graph.apart import LEAST_BYTES

_Key = tuple[str, int, int, int]
# weak: who opened the file decides how long they live
_held: weakref.WeakValueDictionary[_Key, np.ndarray] = weakref.WeakValueDictionary()


def hold(path: Path, offset: int, array: np.ndarray) -> None:
    """Remember an array that nobody may change as what lies in the file from `offset` on, while it lives."""
    if array.nbytes >= LEAST_BYTES and not array.flags.writeable:
        _held[_key(path, offset)] = array


def held(path: Path, offset: int) -> np.ndarray | None:
    """The array, if the file has not been changed since and somebody still has it."""
    return _held.get(_key(path, offset))


def _key(path: Path, offset: int) -> _Key:
    stat = os.stat(path)
    return os.path.abspath(path), stat.st_size, stat.st_mtime_ns, offset
