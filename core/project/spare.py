"""An empty project that lies ready: making one forces it to the disk several times, moving it does not."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from core.errors import ProjectError
from core.files import PREFIX, move_into_place
from core.project.connection import Connection
from core.project.schema import VERSION


def spare_path(folder: Path) -> Path:
    """Where the empty project of this version lies in `folder`."""
    return folder / f"{PREFIX}empty-{VERSION}"


def prepare_spare(folder: Path) -> None:
    """Have an empty project ready in `folder`. Nothing depends on success."""
    spare = spare_path(folder)
    if spare.exists():
        return
    name = ""
    with contextlib.suppress(OSError, ProjectError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".tmp", dir=folder)
        os.close(handle)
        Connection(Path(name)).close()
        move_into_place(Path(name), spare)
        name = ""
    if name:
        with contextlib.suppress(OSError):
            os.unlink(name)


def take_spare(path: Path) -> bool:
    """Make the empty project the one at `path`, where there is none. Returns whether it was.

    The caller holds the lock of `path`. What an earlier file left beside it would be played into this one, so
    it is left to SQLite, which knows what to do with it.
    """
    if path.exists() or path.with_name(path.name + "-wal").exists():
        return False
    with contextlib.suppress(OSError):
        os.rename(spare_path(path.parent), path)
        return True
    return False
