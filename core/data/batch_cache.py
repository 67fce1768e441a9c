"""Prepared samples kept on disk up to a limit, so that decoding and resizing is not done at every pass.

The samples asked for first are kept and stay: all passes go over the same samples in the same order, so that
throwing out the oldest would throw out each one just before it is asked for again.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import platformdirs

from core.data.sampled import Source

LIMIT_BYTES = 4 << 30
"""Of disk for the samples of one data set."""
_MEMORY_BYTES = 64 << 20
"""So much stays in memory before a file is begun."""
_SPARE_BYTES = 2 << 30
"""Left free on the disk in any case."""


class CachedSource:
    """Another source whose samples, once prepared, are read from a file that nobody else sees.

    The file goes with the process. What can't be kept is prepared anew; nothing fails for want of disk.
    """

    def __init__(self, source: Source, limit_bytes: int = LIMIT_BYTES, folder: Path | None = None) -> None:
        self._source = source
        self._limit = limit_bytes
        self._folder = folder
        self._file: BinaryIO | None = None
        self._places: dict[int, int] = {}
        self._form: list[tuple[str, np.dtype, tuple[int, ...]]] | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def labels(self) -> Any:
        return self._source.labels

    @property
    def kept_bytes(self) -> int:
        return len(self._places) * self._row_bytes

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """See `Source.load`."""
        with self._lock:
            known = np.array([index in self._places for index in indices.tolist()], dtype=bool)
            if known.all() and self._form is not None and len(indices):
                return self._read(indices)
            fresh = self._source.load(indices[~known])
            self._keep(indices[~known], fresh)
            if not known.any() or self._form is None:
                return fresh
            old = self._read(indices[known])
        order = np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)]))
        return {name: np.concatenate([old[name], fresh[name]])[order] for name in fresh}

    @property
    def _row_bytes(self) -> int:
        return sum(dtype.itemsize * int(np.prod(shape)) for _, dtype, shape in self._form or ())

    def _keep(self, indices: np.ndarray, feeds: dict[str, np.ndarray]) -> None:
        if self._closed or not len(indices):
            return
        if self._form is None:
            if any(array.ndim == 0 or len(array) != len(indices) for array in feeds.values()):
                self._closed = True  # inputs that samples share have no rows
                return
            self._form = [(name, array.dtype, array.shape[1:]) for name, array in feeds.items()]
        if any(feeds[name].shape[1:] != shape for name, _, shape in self._form):
            self._closed = True
            return
        try:
            file = self._opened()
            for row, index in enumerate(indices.tolist()):
                if (len(self._places) + 1) * self._row_bytes > self._limit:
                    self._closed = True
                    return
                file.seek(len(self._places) * self._row_bytes)
                for name, _, _ in self._form:
                    file.write(np.ascontiguousarray(feeds[name][row]).tobytes())
                self._places[index] = len(self._places)
        except OSError:
            self._closed = True  # a full disk: the rest is prepared each time

    def _opened(self) -> BinaryIO:
        if self._file is None:
            folder = self._folder or platformdirs.user_cache_path("secateur")
            folder.mkdir(parents=True, exist_ok=True)
            status = os.statvfs(folder) if hasattr(os, "statvfs") else None
            if status is not None:
                self._limit = min(self._limit, max(status.f_bavail * status.f_frsize - _SPARE_BYTES, 0))
            spooled = tempfile.SpooledTemporaryFile(  # noqa: SIM115 (it lives as long as the samples do)
                _MEMORY_BYTES, dir=str(folder), prefix="samples-"
            )
            self._file = cast(BinaryIO, spooled)
            weakref.finalize(self, spooled.close)
        return self._file

    def _read(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        assert self._file is not None and self._form is not None
        rows = []
        for index in indices.tolist():
            self._file.seek(self._places[index] * self._row_bytes)
            rows.append(self._file.read(self._row_bytes))
        data = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), self._row_bytes)
        feeds, start = {}, 0
        for name, dtype, shape in self._form:
            size = dtype.itemsize * int(np.prod(shape))
            part = np.ascontiguousarray(data[:, start : start + size])
            feeds[name] = part.view(dtype).reshape(len(rows), *shape)
            start += size
        return feeds
