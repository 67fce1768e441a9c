"""Writing files so that a reader finds the old content or the new, never a torn one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PREFIX = ".secateur-"
"""Of temporary files beside their destination, so that stale ones can be recognised."""


def write_whole(path: Path, content: bytes) -> None:
    """Write beside `path`, force it to the disk, then replace. Raises OSError; `path` is then untouched."""
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        move_into_place(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def move_into_place(temporary: Path, destination: Path) -> None:
    """Replace `destination` by `temporary` in one step, and make the folder remember it."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(temporary, 0o666 & ~umask)
    os.replace(temporary, destination)
    sync_folder(destination.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
