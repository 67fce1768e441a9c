"""Read what NPY and NPZ files hold from their headers alone, before a byte of content is unpacked.

Object arrays (which are pickles), impossible sizes and bombs are refused here.
"""

from __future__ import annotations

import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from core.errors import DataError
from core.values import Text, text

MAGIC = b"\x93NUMPY"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_HEADER = 10_000
_MAX_ARRAYS = 1000
BOMB_BYTES = 256 << 20
BOMB_RATIO = 200
"""Arrays of data seldom pack better than 1 : 50; deflate's limit is about 1 : 1030."""


@dataclass(frozen=True)
class Entry:
    """An array in a file. offset: where its values start in the (unpacked) stream, in bytes."""

    path: Path
    name: str
    member: str | None
    """Name inside the NPZ; None for an NPY file."""
    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    packed: bool = False
    """Compressed inside the NPZ."""

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _refuse(what: Text, why: Text, next_step: Text | None = None) -> DataError:
    return DataError(what, why, next_step or text("Save the arrays again with numpy.savez."))


def _damaged(path: Path, error: Exception) -> DataError:
    return _refuse(
        text("'{name}' is damaged or incomplete.", name=path.name),
        text("Reading it failed: {reason}.", reason=str(error)[:200] or type(error).__name__),
    )


def _read_entry(
    path: Path, stream: IO[bytes], name: str, member: zipfile.ZipInfo | None, available: int
) -> Entry:
    """Read one header; available: bytes that header and values take in the unpacked stream."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream, max_header_size=_MAX_HEADER)
        elif version == (2, 0):
            header = np.lib.format.read_array_header_2_0(stream, max_header_size=_MAX_HEADER)
        else:
            raise ValueError(f"NPY version {version[0]}.{version[1]}")
    except (ValueError, SyntaxError, struct.error, EOFError, TypeError) as error:
        raise _damaged(path, error) from error
    shape, fortran, dtype = header
    if dtype.hasobject:
        raise _refuse(
            text("The array '{array}' in '{name}' holds Python objects.", array=name, name=path.name),
            text("Reading them could run a program, so Secateur never does."),
            text("Save it as plain numbers: numpy.savez with an array of a numeric dtype."),
        )
    if dtype.kind not in "fiubUS":
        raise _refuse(
            text(
                "The array '{array}' in '{name}' is of type {dtype}.",
                array=name,
                name=path.name,
                dtype=str(dtype),
            ),
            text("Secateur reads numbers and, for labels, text."),
        )
    offset = stream.tell()
    entry = Entry(
        path=path,
        name=name,
        member=None if member is None else member.filename,
        dtype=dtype,
        shape=tuple(int(size) for size in shape),
        fortran=bool(fortran),
        offset=offset,
        packed=member is not None and member.compress_type != zipfile.ZIP_STORED,
    )
    if any(size < 0 for size in entry.shape) or offset + entry.size_bytes != available:
        raise _refuse(
            text(
                "The array '{array}' in '{name}' says {wanted} bytes, the file holds {have}.",
                array=name,
                name=path.name,
                wanted=str(entry.size_bytes),
                have=str(max(available - offset, 0)),
            ),
            text("The file is incomplete, or its header is wrong."),
        )
    return entry


def read_entries(path: Path, head: bytes) -> list[Entry]:
    """The arrays of an NPY or NPZ file, in file order. Raises DataError; unpacks only headers."""
    try:
        size_bytes = path.stat().st_size
        if head.startswith(MAGIC):
            with path.open("rb") as stream:
                return [_read_entry(path, stream, path.stem, None, size_bytes)]
        with zipfile.ZipFile(path) as archive:
            return _read_archive(path, archive)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise _damaged(path, error) from error
    except Exception as error:
        if isinstance(error, DataError | MemoryError):
            raise
        raise _damaged(path, error) from error  # zlib.error and what hostile archives provoke


def _read_archive(path: Path, archive: zipfile.ZipFile) -> list[Entry]:
    members = archive.infolist()
    if len(members) > _MAX_ARRAYS or len({member.filename for member in members}) != len(members):
        raise _refuse(
            text("'{name}' holds too many arrays, or two of one name.", name=path.name),
            text("Data for a model is a few arrays."),
        )
    entries = []
    for member in members:
        if not member.filename.endswith(".npy"):
            raise _refuse(
                text(
                    "'{name}' holds '{member}', which is no array.",
                    name=path.name,
                    member=member.filename[:100],
                ),
                text("It is a ZIP file, but not NPZ data."),
                text("Unpack it and choose the folder, or save arrays with numpy.savez."),
            )
        packed = max(member.compress_size, 1)
        if member.file_size > BOMB_BYTES and member.file_size / packed > BOMB_RATIO:
            raise _refuse(
                text(
                    "'{name}' would unpack from {packed} MB to {unpacked} MB.",
                    name=path.name,
                    packed=f"{packed / 1e6:.1f}",
                    unpacked=f"{member.file_size / 1e6:.0f}",
                ),
                text("Real data does not pack that well: it looks like a file made to fill the memory."),
                text("If it is real, save it without compression: numpy.savez."),
            )
        with archive.open(member) as stream:
            entries.append(
                _read_entry(path, stream, member.filename[: -len(".npy")], member, member.file_size)
            )
    return entries
