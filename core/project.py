"""The project file: one SQLite database that keeps every measurement the moment it exists.

Write-ahead logging and one transaction per measurement: what was acknowledged survives `kill -9`.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from core.errors import SecateurError
from core.values import text

APPLICATION_ID = 0x53454354  # "SECT", so that `file` and we can tell a project from another database
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS measurement (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    made REAL NOT NULL DEFAULT (julianday('now'))
) WITHOUT ROWID;
"""


class ProjectError(SecateurError):
    """The project file is damaged, of a newer version, or no project at all."""


class Store:
    """Measurements by key. Safe to use from several threads; one writer process at a time is enough."""

    def __init__(self, path: str | Path) -> None:
        """Open or create. Raises ProjectError; the file is then left as it was."""
        self.path = Path(path)
        self._lock = threading.Lock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise ProjectError(
                text("The project file '{name}' cannot be read.", name=self.path.name),
                text("It is damaged or not a Secateur project ({reason}).", reason=str(error)),
                text("Choose another project file, or delete it to start anew."),
            ) from error

    def _prepare(self) -> None:
        application_id = self._pragma("application_id")
        version = self._pragma("user_version")
        if version > VERSION:
            self._connection.close()
            raise ProjectError(
                text("The project file '{name}' is of a newer Secateur.", name=self.path.name),
                text("It has version {found}; this program knows {known}.", found=version, known=VERSION),
                text("Open it with the newer program."),
            )
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application_id != APPLICATION_ID:
            self._connection.close()
            raise sqlite3.DatabaseError("another program's database")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA busy_timeout=5000")
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version={VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def get(self, key: str) -> bytes | None:
        with self._lock:
            row = self._connection.execute("SELECT value FROM measurement WHERE key=?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, key: str, value: bytes) -> None:
        """Keep `value`; it is on its way to the disk when this returns."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO measurement(key, value) VALUES (?, ?)", (key, value)
            )

    def close(self) -> None:
        with self._lock:
            self._connection.close()
