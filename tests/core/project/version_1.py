"""A project file as the first version of the program wrote it."""

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS measurement (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    made REAL NOT NULL DEFAULT (julianday('now'))
) WITHOUT ROWID;
"""


def write_version_1(path, measurements):
    """Statement by statement as version 1 did it, and left without a clean close's tidying."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(SCHEMA)
    connection.execute(f"PRAGMA application_id={0x53454354}")
    connection.execute("PRAGMA user_version=1")
    for key, value in measurements.items():
        connection.execute("INSERT INTO measurement(key, value) VALUES (?, ?)", (key, value))
    connection.close()
