"""A large file's bytes in memory of our own, which goes back piece by piece while they are copied out of it.

So a file that is opened is not in memory twice at the end, and one that is cut short meanwhile harms nobody,
as it would a mapped file's readers.
"""

from __future__ import annotations

import errno
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from core.formats.wire import Encoded
from core.graph.apart import LEAST_BYTES

_WORTH_BYTES = 16 << 20
_PAGED_BYTES = 64 << 10
"""Of an array whose pages are worth giving back by themselves."""


def read_whole(path: Path) -> Encoded:
    """All bytes of the file. Raises OSError, MemoryError."""
    size = path.stat().st_size
    if size < _WORTH_BYTES or not hasattr(mmap, "MADV_DONTNEED"):
        return path.read_bytes()
    try:
        # private, as shared memory would not go back
        data = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        raise
    done = 0
    with path.open("rb", buffering=0) as file, memoryview(data) as view:
        while count := file.readinto(view[done:]):
            done += count
        if done == size and not file.read(1):
            return data
    return path.read_bytes()  # somebody writes it at this moment


def take(data: Encoded, numbers: np.dtype[Any], offset: int, length: int) -> np.ndarray:
    """Copy the numbers that lie there. Of a map they leave memory meanwhile: take them once.

    Only whole pages go, as others' bytes may lie in those at the ends.
    """
    found = np.frombuffer(data, numbers, length // numbers.itemsize, offset)
    if not isinstance(data, mmap.mmap) or length < _PAGED_BYTES or not hasattr(mmap, "MADV_DONTNEED"):
        return found.copy()
    result = np.empty_like(found)
    step = LEAST_BYTES // numbers.itemsize
    gone = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
    for start in range(0, len(found), step):
        part = found[start : start + step]
        result[start : start + step] = part
        end = offset + start * numbers.itemsize + part.nbytes
        whole = end - end % mmap.PAGESIZE
        if whole > gone:
            data.madvise(mmap.MADV_DONTNEED, gone, whole - gone)
            gone = whole
    return result
