"""Runs: the plan, what was published on the way, the result, and the files that were made."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from core.messages import Payload
from core.project.coding import pack_plan, packed, unpack_plan, unpacked
from core.project.connection import Connection
from core.project.errors import explained
from core.project.records import Artefact, RunRecord
from core.values import Plan, Result

_COLUMNS = "id, plan, model_sha256, data_sha256, state, result, started, ended"


class Runs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[RunRecord, ...]:
        """The oldest first."""
        return tuple(self._records("ORDER BY id"))

    def last(self, model_sha256: str) -> RunRecord | None:
        """The latest run of this model."""
        found = self._records("WHERE model_sha256=? ORDER BY id DESC LIMIT 1", (model_sha256,))
        return found[0] if found else None

    def _records(self, condition: str, parameters: tuple[object, ...] = ()) -> list[RunRecord]:
        rows = self._connection.read(f"SELECT {_COLUMNS} FROM run {condition}", parameters)
        return [self._record(row) for row in rows]

    def _record(self, row: tuple[object, ...]) -> RunRecord:
        partials = self._connection.read("SELECT value FROM run_partial WHERE run=? ORDER BY id", (row[0],))
        artefacts = self._connection.read(
            "SELECT path, sha256, size_bytes FROM artefact WHERE run=? ORDER BY path", (row[0],)
        )
        with explained(self._connection.path):
            values = dict(zip(_COLUMNS.split(", "), row, strict=True))
            values["plan"] = unpack_plan(values["plan"])
            values["result"] = _known(values["result"], Result)
            known = (_known(content, Payload) for (content,) in partials)
            values["partials"] = tuple(value for value in known if value is not None)
            values["artefacts"] = tuple(
                msgspec.convert(dict(zip(("path", "sha256", "size_bytes"), one, strict=True)), Artefact)
                for one in artefacts
            )
            return msgspec.convert(values, RunRecord)

    def begin(self, plan: Plan, model_sha256: str, data_sha256: str) -> int:
        """A run is under way; returns its id. Whatever still counted as running has been interrupted."""
        with self._connection.transaction() as connection:
            connection.execute("UPDATE run SET state='stopped' WHERE state='running'")
            cursor = connection.execute(
                "INSERT INTO run(plan, model_sha256, data_sha256, state, started) "
                "VALUES (?, ?, ?, 'running', ?)",
                (pack_plan(plan), model_sha256, data_sha256, time.time()),
            )
        return int(cursor.lastrowid or 0)

    def keep(self, run_id: int, value: Payload) -> None:
        """Keep what the run has just found on its way."""
        with self._connection.transaction() as connection:
            connection.execute("INSERT INTO run_partial(run, value) VALUES (?, ?)", (run_id, packed(value)))

    def finish(self, run_id: int, result: Result) -> None:
        """Keep the result and its artefact, forced to the disk."""
        with self._connection.transaction(durable=True) as connection:
            connection.execute(
                "UPDATE run SET state='done', result=?, ended=? WHERE id=?",
                (packed(result), time.time(), run_id),
            )
            connection.execute(
                "INSERT OR REPLACE INTO artefact(run, path, sha256, size_bytes) VALUES (?, ?, ?, ?)",
                (run_id, result.artefact, result.sha256, result.after.size_bytes),
            )

    def end(self, run_id: int, state: str) -> None:
        """It ended without a result: 'stopped' or 'failed'."""
        with self._connection.transaction() as connection:
            connection.execute("UPDATE run SET state=?, ended=? WHERE id=?", (state, time.time(), run_id))


def _known(content: object, kind: Any) -> Any:
    """The value, or None where another version wrote what this one cannot read: it is made anew."""
    if content is None:
        return None
    try:
        return unpacked(content, kind)
    except msgspec.MsgspecError:
        return None
