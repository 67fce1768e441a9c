"""Copies of a project: under another name, and the one that a clean close leaves behind."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path

from core.errors import ProjectError
from core.files import PREFIX, move_into_place
from core.project.connection import Connection
from core.project.errors import explained, unreadable
from core.project.places import ENDING, previous_path
from core.values import text


def place_copy(connection: Connection, destination: Path) -> Path:
    """Copy beside `destination`, force it to the disk, then move it into place."""
    with explained(destination):
        if destination.exists() and destination.samefile(connection.path):
            return destination
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=".tmp", dir=destination.parent)
        os.close(descriptor)
        temporary = Path(name)
        try:
            connection.copy_to(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            _settle(destination)
            move_into_place(temporary, destination)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    return destination


def keep_previous(connection: Connection) -> None:
    """The copy of the last clean close, unless nothing has changed since."""
    connection.checkpoint()  # what only the log holds would not show in the file's time
    with contextlib.suppress(OSError, ProjectError):
        previous = previous_path(connection.path)
        if previous.exists() and previous.stat().st_mtime >= connection.path.stat().st_mtime:
            return
        place_copy(connection, previous)


def tidy(path: Path) -> None:
    """Move what the log holds into the file; nothing depends on success.

    In a connection of its own, so that nobody who writes meanwhile waits for the disk.
    """
    with contextlib.suppress(ProjectError):
        connection = Connection(path, create=False)
        connection.checkpoint()
        connection.close()


def open_previous(path: Path) -> Path:
    """Copy the previous copy of the project at `path` to a free name beside it; `path` stays as it is.

    Raises ProjectError if there is none or it is no better.
    """
    previous = previous_path(path)
    if not previous.is_file():
        raise unreadable(path, text("There is no previous copy."))
    stem = path.name.removesuffix(ENDING)
    destination = path.with_name(f"{stem}-previous{ENDING}")
    number = 2
    while destination.exists():
        destination = path.with_name(f"{stem}-previous-{number}{ENDING}")
        number += 1
    source = Connection(previous, create=False, read_only=True, thorough=True)
    try:
        return place_copy(source, destination)
    finally:
        source.close()


def _settle(path: Path) -> None:
    """Empty the log of a project that is about to be replaced: left, it would flow into the new file."""
    log = path.with_name(path.name + "-wal")
    if not log.exists():
        return
    with contextlib.suppress(sqlite3.Error):
        old = sqlite3.connect(path, timeout=1)
        with contextlib.closing(old):
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()
