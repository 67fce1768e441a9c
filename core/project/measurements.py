"""Measurements by key: what the engine need not measure again."""

from __future__ import annotations

import time

from core.project.connection import Connection

_UNIX_EPOCH_JULIAN = 2440587.5


class Measurements:
    """A key is a digest of all that a figure depends on; a value is the engine's own business."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> bytes | None:
        rows = self._connection.read("SELECT value FROM measurement WHERE key=?", (key,))
        return bytes(rows[0][0]) if rows else None

    def put(self, key: str, value: bytes) -> None:
        """Keep `value`: from here on no death of a process loses it."""
        made = time.time() / 86400 + _UNIX_EPOCH_JULIAN
        with self._connection.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO measurement(key, value, made) VALUES (?, ?, ?)", (key, value, made)
            )

    def copy_to(self, other: Measurements) -> None:
        """Add those that `other` lacks."""
        known = {key for (key,) in other._connection.read("SELECT key FROM measurement")}
        missing = [key for (key,) in self._connection.read("SELECT key FROM measurement") if key not in known]
        for key in missing:
            value = self.get(key)
            if value is not None:
                other.put(key, value)

    @property
    def count(self) -> int:
        return int(self._connection.read("SELECT count(*) FROM measurement")[0][0])
