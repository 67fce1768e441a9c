"""Arrays put aside for a while: in memory while they are few, then in a file that goes with the process."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from typing import IO

import numpy as np

IN_MEMORY = 32 << 20
"""Bytes that a shelf keeps in memory."""


class Shelf:
    """Put an array under a key, get it again. `close` gives back memory and file."""

    def __init__(self) -> None:
        self._arrays: dict[Hashable, np.ndarray] = {}
        self._places: dict[Hashable, tuple[int, np.dtype, tuple[int, ...]]] = {}
        self._used = 0
        self._file: IO[bytes] | None = None

    def put(self, key: Hashable, array: np.ndarray) -> None:
        array = np.asarray(array, order="C")
        if self._used + array.nbytes <= IN_MEMORY or not array.nbytes or array.dtype.hasobject:
            self._arrays[key] = array
            self._used += array.nbytes
            return
        if self._file is None:
            # without a name: nothing is left behind however the process ends
            self._file = tempfile.TemporaryFile(prefix="secateur-")  # noqa: SIM115
        self._places[key] = (self._file.seek(0, 2), array.dtype, array.shape)
        self._file.write(array.reshape(-1).view(np.uint8).data)

    def get(self, key: Hashable) -> np.ndarray:
        """Raises KeyError."""
        if key in self._arrays:
            return self._arrays[key]
        start, dtype, shape = self._places[key]
        result = np.empty(shape, dtype)
        assert self._file is not None
        self._file.seek(start)
        self._file.readinto(result.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
        return result

    def close(self) -> None:
        self._arrays.clear()
        self._places.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
