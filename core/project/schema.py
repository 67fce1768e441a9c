"""The tables of a project file, one step for each version; a file of an older version climbs them.

A file must hold these objects and no others, to the letter: triggers and views of a stranger's making
would run inside our own statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x53454354
"""'SECT', so that `file` and we can tell a project from another database."""

_VERSION_1 = (
    """CREATE TABLE measurement (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    made REAL NOT NULL DEFAULT (julianday('now'))
) WITHOUT ROWID""",
)

_VERSION_2 = (
    # the latest row of each is the one in force; older ones say what earlier figures are of
    """CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    relative TEXT,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    made REAL NOT NULL
)""",
    """CREATE TABLE data (
    id INTEGER PRIMARY KEY,
    spec BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    sample_count INTEGER NOT NULL,
    made REAL NOT NULL
)""",
    # place: position in the undo stack, 0 being the plan before the first edit; NULL: undone, then
    # replaced by another edit
    """CREATE TABLE plan_step (
    id INTEGER PRIMARY KEY,
    place INTEGER UNIQUE,
    plan BLOB NOT NULL,
    label TEXT NOT NULL,
    merge_key TEXT NOT NULL,
    made REAL NOT NULL
)""",
    # one row: which place is in force
    """CREATE TABLE plan_in_force (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    place INTEGER NOT NULL
)""",
    """CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY,
    label TEXT NOT NULL,
    note TEXT NOT NULL,
    plan BLOB NOT NULL,
    outcome BLOB,
    model_sha256 TEXT NOT NULL,
    data_sha256 TEXT NOT NULL,
    made REAL NOT NULL,
    deleted REAL
)""",
    """CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    plan BLOB NOT NULL,
    model_sha256 TEXT NOT NULL,
    data_sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    result BLOB,
    started REAL NOT NULL,
    ended REAL
)""",
    """CREATE TABLE run_partial (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (id),
    value BLOB NOT NULL
)""",
    "CREATE INDEX run_partial_of_run ON run_partial (run)",
    """CREATE TABLE artefact (
    run INTEGER NOT NULL REFERENCES run (id),
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) WITHOUT ROWID""",
    # subject: the value's kind, for a what-if of a layer with its setting; or 'complete'
    """CREATE TABLE finding (
    model_sha256 TEXT NOT NULL,
    data_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    value BLOB NOT NULL,
    made REAL NOT NULL,
    PRIMARY KEY (model_sha256, data_key, subject)
) WITHOUT ROWID""",
)

STEPS: tuple[Sequence[str], ...] = (_VERSION_1, _VERSION_2)
"""Statements that lead from each version to the next; step 0 makes an empty file one of version 1."""

VERSION = len(STEPS)


def climb(connection: sqlite3.Connection) -> None:
    """Bring an empty file or one of an older version to `VERSION`, whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # read again: the other process may have been quicker
        found = version_of(connection)
        for step in STEPS[found:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def application_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def is_as_made(connection: sqlite3.Connection) -> bool:
    """Whether the file holds just what a file of its version holds."""
    model = sqlite3.connect(":memory:")
    try:
        for step in STEPS[: version_of(connection)]:
            for statement in step:
                model.execute(statement)
        return _objects(connection) == _objects(model)
    finally:
        model.close()


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
    found = {(str(kind), str(name), str(sql)) for kind, name, sql in rows}
    # the statistics of ANALYZE are SQLite's own and harmless
    return {one for one in found if one[:2] not in (("table", "sqlite_stat1"), ("table", "sqlite_stat4"))}
