"""Plans kept under a name, with what they give."""

from __future__ import annotations

import time

import msgspec

from core.project.coding import pack_plan, packed, unpack_plan, unpacked
from core.project.connection import Connection
from core.project.errors import explained
from core.project.records import Snapshot
from core.values import Outcome

_COLUMNS = "id, label, note, plan, outcome, model_sha256, data_sha256, made"


class Snapshots:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Snapshot, ...]:
        """The oldest first, without deleted ones."""
        rows = self._connection.read(f"SELECT {_COLUMNS} FROM snapshot WHERE deleted IS NULL ORDER BY id")
        with explained(self._connection.path):
            return tuple(_snapshot(row) for row in rows)

    def add(self, snapshot: Snapshot) -> Snapshot:
        """Keep it, forced to the disk; returns it with its id and the time."""
        snapshot = msgspec.structs.replace(snapshot, made=snapshot.made or time.time())
        with self._connection.transaction(durable=True) as connection:
            cursor = connection.execute(
                "INSERT INTO snapshot(label, note, plan, outcome, model_sha256, data_sha256, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    snapshot.label,
                    snapshot.note,
                    pack_plan(snapshot.plan),
                    packed(snapshot.outcome) if snapshot.outcome is not None else None,
                    snapshot.model_sha256,
                    snapshot.data_sha256,
                    snapshot.made,
                ),
            )
        return msgspec.structs.replace(snapshot, id=int(cursor.lastrowid or 0))

    def rename(self, snapshot_id: int, label: str, note: str) -> None:
        with self._connection.transaction(durable=True) as connection:
            connection.execute("UPDATE snapshot SET label=?, note=? WHERE id=?", (label, note, snapshot_id))

    def measured(self, snapshot_id: int, outcome: Outcome) -> None:
        """A run has measured this snapshot's plan: its figures take the place of the estimate."""
        with self._connection.transaction() as connection:
            connection.execute("UPDATE snapshot SET outcome=? WHERE id=?", (packed(outcome), snapshot_id))

    def delete(self, snapshot_id: int) -> None:
        """Out of sight; `bring_back` undoes it."""
        with self._connection.transaction(durable=True) as connection:
            connection.execute("UPDATE snapshot SET deleted=? WHERE id=?", (time.time(), snapshot_id))

    def bring_back(self, snapshot_id: int) -> None:
        with self._connection.transaction(durable=True) as connection:
            connection.execute("UPDATE snapshot SET deleted=NULL WHERE id=?", (snapshot_id,))


def _snapshot(row: tuple[object, ...]) -> Snapshot:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["plan"] = unpack_plan(values["plan"])
    if values["outcome"] is not None:
        values["outcome"] = unpacked(values["outcome"], Outcome)
    return msgspec.convert(values, Snapshot)
