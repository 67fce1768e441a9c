"""One connection to a project file: opened with care, one transaction for each thing that is kept.

Write-ahead logging lets the window and the engine write to one file, and makes what was committed survive
`kill -9` of either. With `synchronous=NORMAL` a power loss may take back the last transactions, never half
of one; a `durable` transaction forces itself, and all before it, to the disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import ProjectError
from core.project import schema
from core.project.errors import damaged, explained, newer, replaced, unreadable
from core.values import text

_MAGIC = b"SQLite format 3\0"
_BUSY_MS = 5000
"""How long one process waits for the other's transaction; each lasts milliseconds."""
_LONGEST_VALUE = 256 << 20
_CHECKED_BYTES = 64 << 20
"""Files up to this size are read whole when a person opens them: about a tenth of a second."""


class Connection:
    """Safe to use from several threads. Raises ProjectError from everything."""

    def __init__(
        self, path: Path, create: bool = True, read_only: bool = False, thorough: bool = False
    ) -> None:
        """Open the project at `path`; with `create` make it, and its folder, if there is none.

        Whatever is wrong with a file, it stays as it was. `thorough`: look for damage in all of it.
        Raises ProjectReadError, ProjectWriteError.
        """
        self.path = Path(path).absolute()
        self.read_only = read_only
        self._lock = threading.RLock()
        with explained(self.path, opening=True):
            self._check_file(create and not read_only)
            self._connection = self._connect()
            try:
                self._prepare(thorough)
            except BaseException:
                self._connection.close()
                raise
            self._identity = self._identify()

    # ------------------------------------------------------------ opening

    def _check_file(self, create: bool) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            if not create:
                raise unreadable(self.path, text("It was moved, renamed or is not connected.")) from None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return
        except (OSError, ValueError) as error:
            raise unreadable(self.path, text("It cannot be opened: {reason}.", reason=str(error))) from error
        if not stat.S_ISREG(status.st_mode):
            raise unreadable(self.path, text("It is not a file."))
        with self.path.open("rb") as file:
            head = file.read(len(_MAGIC))
        if not head and not create:
            raise damaged(self.path, "the file is empty")
        if head and head != _MAGIC:
            raise damaged(self.path, "file is not a database")

    def _connect(self, immutable: bool = False) -> sqlite3.Connection:
        name, uri = str(self.path), self.read_only
        if self.read_only:
            name = _uri(self.path) + "?mode=ro" + ("&immutable=1" if immutable else "")
        connection = sqlite3.connect(
            name, timeout=_BUSY_MS / 1000, check_same_thread=False, isolation_level=None, uri=uri
        )
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        # a stranger's file: functions in its schema do not run, and broken pages are told
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        return connection

    def _prepare(self, thorough: bool) -> None:
        try:
            schema.version_of(self._connection)
        except sqlite3.OperationalError:
            if not self.read_only:
                raise
            # a write-ahead log needs a file beside it, which a read-only folder does not allow
            self._connection.close()
            self._connection = self._connect(immutable=True)
        found = self._recognised()
        if thorough and self.path.stat().st_size <= _CHECKED_BYTES:
            said = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise damaged(self.path, str(said))
        if self.read_only:
            if found < schema.VERSION:
                raise unreadable(
                    self.path,
                    text("It was written by an older Secateur and must be converted, which needs to write."),
                    text("Copy it to a folder that can be written to, and open the copy."),
                )
            return
        if found < schema.VERSION:
            # in the old journal mode, so that a new file's first page is whole before anything else
            schema.climb(self._connection)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")

    def _recognised(self) -> int:
        """The file's version; all is asked of one moment, as another program may be converting the file."""
        connection = self._connection
        connection.execute("BEGIN")
        try:
            found = schema.version_of(connection)
            if found > schema.VERSION:
                raise newer(self.path, found, schema.VERSION)
            application = schema.application_of(connection)
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if (tables or found) and application != schema.APPLICATION_ID:
                raise damaged(self.path, "another program's database")
            if found and not schema.is_as_made(connection):
                raise damaged(self.path, "tables that Secateur did not make")
            return found
        finally:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    def _identify(self) -> tuple[int, int]:
        status = os.stat(self.path)
        return status.st_dev, status.st_ino

    # ------------------------------------------------------------ use

    def read(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with explained(self.path), self._lock:
            return self._connection.execute(statement, parameters).fetchall()

    @contextlib.contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Everything inside is kept, or nothing. Raises ProjectWriteError where it cannot be."""
        with explained(self.path), self._lock:
            self._check_in_place()
            connection = self._connection
            if durable:
                connection.execute("PRAGMA synchronous=FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous=NORMAL")

    def _check_in_place(self) -> None:
        """Writing on into a file that was deleted or replaced would keep nothing."""
        if not self.in_place:
            raise replaced(self.path)

    @property
    def in_place(self) -> bool:
        """Whether the file at `path` is still the one that was opened."""
        try:
            return self._identify() == self._identity
        except OSError:
            return False

    @property
    def data_version(self) -> int:
        """Changes when the other process has written."""
        return int(self.read("PRAGMA data_version")[0][0])

    def checkpoint(self) -> None:
        """Move what the log holds into the file, as far as nobody reads it. Nothing depends on success."""
        with contextlib.suppress(ProjectError):
            self.read("PRAGMA wal_checkpoint(PASSIVE)")

    def copy_to(self, path: Path) -> None:
        """SQLite's own backup into `path`: a whole, consistent file, whatever the other process writes."""
        with explained(path), self._lock:
            target = sqlite3.connect(path)
            try:
                self._connection.backup(target)
                # one file: without a log beside it
                target.execute("PRAGMA journal_mode=DELETE")
            finally:
                target.close()

    def close(self) -> None:
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _uri(path: Path) -> str:
    """`file:` with three slashes before a path, four before a Windows share."""
    plain = path.as_posix()
    quoted = urllib.parse.quote(plain, safe="/:")
    return "file://" + (quoted if plain.startswith("/") else "/" + quoted)
