"""Rows of an array in an NPY or NPZ file, without holding the rest in memory.

Files are read, never mapped: a mapped file that shrinks meanwhile would kill the process.
"""

from __future__ import annotations

import math
import zipfile
import zlib

import numpy as np

from core.data.npy_header import Entry
from core.errors import DataError
from core.values import text

_LOCAL_HEADER_BYTES = 30
_BLOCK_BYTES = 8 << 20


def read_whole(entry: Entry) -> np.ndarray:
    """The array in native byte order. Raises DataError if the file changed."""
    return _guarded(entry, None)


def read_rows(entry: Entry, positions: np.ndarray) -> np.ndarray:
    """The rows (axis 0) at sorted, distinct positions, in native byte order. Raises DataError."""
    return _guarded(entry, positions)


def seekable(entry: Entry) -> bool:
    """Whether single rows can be read without reading all that stands before them."""
    return not entry.packed and not entry.fortran and len(entry.shape) > 0


def _guarded(entry: Entry, positions: np.ndarray | None) -> np.ndarray:
    try:
        if positions is None or entry.fortran:
            values = _whole(entry)
            values = values if positions is None else values[positions]
        elif entry.packed:
            values = _unpack_rows(entry, positions)
        else:
            values = _seek_rows(entry, positions)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            text("The array '{array}' in '{name}' cannot be read.", array=entry.name, name=entry.path.name),
            text("The file is damaged, or it changed since it was opened."),
            text("Open the data again."),
        ) from error
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def _data_offset(entry: Entry) -> int:
    """Where an array that is stored as it is begins in the file, in bytes."""
    if entry.member is None:
        return entry.offset
    with zipfile.ZipFile(entry.path) as archive:
        start = archive.getinfo(entry.member).header_offset
    with entry.path.open("rb") as file:
        file.seek(start)
        local = file.read(_LOCAL_HEADER_BYTES)
    # the local header's own lengths: its extra field may differ from the directory's
    names = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return start + _LOCAL_HEADER_BYTES + names + entry.offset


def _whole(entry: Entry) -> np.ndarray:
    if entry.packed and entry.member is not None:
        with zipfile.ZipFile(entry.path) as archive, archive.open(entry.member) as stream:
            stream.read(entry.offset)
            data = stream.read(entry.size_bytes)
    else:
        with entry.path.open("rb") as file:
            file.seek(_data_offset(entry))
            data = file.read(entry.size_bytes)
    values = np.frombuffer(data, entry.dtype, count=math.prod(entry.shape))
    return values.reshape(entry.shape, order="F" if entry.fortran else "C")


def _row_bytes(entry: Entry) -> int:
    return math.prod(entry.shape[1:]) * entry.dtype.itemsize


def _seek_rows(entry: Entry, positions: np.ndarray) -> np.ndarray:
    row_bytes = _row_bytes(entry)
    data = bytearray()
    offset = _data_offset(entry)
    with entry.path.open("rb") as file:
        for position in positions.tolist():
            file.seek(offset + position * row_bytes)
            data += file.read(row_bytes)
    return np.frombuffer(data, entry.dtype).reshape(len(positions), *entry.shape[1:])


def _unpack_rows(entry: Entry, positions: np.ndarray) -> np.ndarray:
    """Unpack in blocks, keep the rows at sorted positions."""
    assert entry.member is not None
    row_bytes = _row_bytes(entry)
    kept = np.empty((len(positions), *entry.shape[1:]), entry.dtype)
    block = max(_BLOCK_BYTES // max(row_bytes, 1), 1)
    with zipfile.ZipFile(entry.path) as archive, archive.open(entry.member) as stream:
        stream.read(entry.offset)
        for start in range(0, entry.shape[0], block):
            stop = min(start + block, entry.shape[0])
            first, last = np.searchsorted(positions, [start, stop])
            data = stream.read((stop - start) * row_bytes)
            if first < last:
                rows = np.frombuffer(data, entry.dtype).reshape(stop - start, *entry.shape[1:])
                kept[first:last] = rows[positions[first:last] - start]
    return kept
