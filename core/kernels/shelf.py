"""Where times that this computer took are kept from project to project: a small file in the cache folder.

Losing it costs seconds. So a file that cannot be read is thrown away and begun anew, and where none can be
written the times are kept for as long as the engine runs.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

NAME = "kernel-times.sqlite"
_BUSY_SECONDS = 2.0
_LONGEST_VALUE = 4096
_MOST_ROWS = 200_000
"""Beyond it the oldest half goes: a year of different networks."""


class Shelf:
    """Small values by key. Safe to use from several threads, and two processes may share one file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._lock = threading.Lock()
        self._known: dict[str, bytes] = {}
        self._connection = self._opened()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._known or self._connection is None:
                return self._known.get(key)
            try:
                row = self._connection.execute("SELECT value FROM kernel WHERE key=?", (key,)).fetchone()
            except sqlite3.Error:
                self._anew()
                return None
            if row is None or not isinstance(row[0], bytes) or len(row[0]) > _LONGEST_VALUE:
                return None
            self._known[key] = row[0]
            return row[0]

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; what another process put under the key meanwhile is replaced."""
        with self._lock:
            self._known[key] = value
            if self._connection is None:
                return
            try:
                self._connection.execute(
                    "INSERT OR REPLACE INTO kernel(key, value) VALUES (?, ?)", (key, value)
                )
            except sqlite3.OperationalError:
                return  # locked by another process, or the disk is full: kept for this run only
            except sqlite3.Error:
                self._anew()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> sqlite3.Connection | None:
        """The file, made if there is none; None where that is impossible."""
        for again in (True, False):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return _connected(self.path)
            except sqlite3.DatabaseError as error:
                locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
                if locked or not again or not self._removed():
                    return None
            except OSError:
                return None
        return None

    def _anew(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened() if self._removed() else None

    def _removed(self) -> bool:
        try:
            for ending in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        except OSError:
            return False
        return True


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA journal_mode=WAL")
        # a power loss may take the last times: they are measured again
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS kernel(key TEXT PRIMARY KEY, value BLOB NOT NULL)")
        count = connection.execute("SELECT count(value) FROM kernel").fetchone()[0]
        if count > _MOST_ROWS:
            connection.execute(
                "DELETE FROM kernel WHERE rowid IN (SELECT rowid FROM kernel ORDER BY rowid LIMIT ?)",
                (count // 2,),
            )
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        raise
    return connection
