"""What can go wrong with a project file, in sentences."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.errors import ProjectError, ProjectReadError, ProjectWriteError
from core.values import Text, text

_FREE_SPACE = text("Free some space and try again, or save the project elsewhere.")


@contextlib.contextmanager
def explained(path: Path, opening: bool = False) -> Iterator[None]:
    """Turn what SQLite and the system say about the project at `path` into a ProjectError."""
    try:
        yield
    except sqlite3.Error as error:
        raise of_sqlite(path, error, opening) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise unwritable(path, text("The disk is full."), _FREE_SPACE) from error
        raise unwritable(path, text("{reason}", reason=error.strerror or str(error))) from error
    except (msgspec.MsgspecError, UnicodeError, OverflowError) as error:
        raise damaged(path, str(error)) from error


def of_sqlite(path: Path, error: sqlite3.Error, opening: bool) -> ProjectError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name == "SQLITE_FULL":
        return unwritable(path, text("The disk is full."), _FREE_SPACE)
    if name in ("SQLITE_BUSY", "SQLITE_LOCKED") or name.startswith("SQLITE_BUSY"):
        return unwritable(path, text("Another program is using the file and does not let go of it."))
    if name.startswith("SQLITE_READONLY") or name in ("SQLITE_PERM", "SQLITE_AUTH"):
        return unwritable(path, text("The folder or file cannot be written to."))
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and not opening:
        return unwritable(path, text("The folder is not there, or its disk was removed."))
    if name.startswith("SQLITE_CANTOPEN"):
        return unreadable(path, text("It cannot be opened: {reason}.", reason=str(error)))
    return damaged(path, str(error))


def unwritable(path: Path, why: Text, next_step: Text | None = None) -> ProjectWriteError:
    return ProjectWriteError(
        text("The project '{name}' could not be saved.", name=path.name),
        why,
        next_step or text("Try again, or save the project elsewhere. What was saved before is kept."),
    )


def replaced(path: Path) -> ProjectWriteError:
    return unwritable(
        path,
        text("Its file was deleted, moved or replaced while it was open."),
        text("Save the project elsewhere: all of it is still here."),
    )


def damaged(path: Path, reason: str) -> ProjectReadError:
    return unreadable(path, text("It is damaged or not a Secateur project ({reason}).", reason=reason[:200]))


def unreadable(path: Path, why: Text, next_step: Text | None = None) -> ProjectReadError:
    return ProjectReadError(
        text("The project file '{name}' cannot be read.", name=path.name),
        why,
        next_step or text("Choose another project file, or open the model anew."),
    )


def newer(path: Path, found: int, known: int) -> ProjectReadError:
    return ProjectReadError(
        text("The project file '{name}' is of a newer Secateur.", name=path.name),
        text("It has version {found}; this program knows {known}.", found=found, known=known),
        text("Open it with the newer program."),
    )
