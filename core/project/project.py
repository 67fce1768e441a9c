"""An open project file."""

from __future__ import annotations

import os
from pathlib import Path

from core.project.connection import Connection
from core.project.copies import keep_previous, place_copy
from core.project.findings import Findings
from core.project.history import History
from core.project.measurements import Measurements
from core.project.references import References
from core.project.runs import Runs
from core.project.snapshots import Snapshots


class Project:
    """Measurements by `get` and `put`; the rest by its kind. Two processes may have one file open.

    Safe to use from several threads. Everything raises ProjectError.
    """

    def __init__(
        self, path: str | Path, create: bool = True, read_only: bool = False, thorough: bool = False
    ) -> None:
        """Open, or create with its folder. Raises ProjectError; the file is then left as it was.

        `read_only` never writes, also where the folder does not allow it; `thorough` looks for damage.
        """
        self.connection = Connection(Path(path), create, read_only, thorough)
        self.path = self.connection.path
        self.read_only = read_only
        self.measurements = Measurements(self.connection)
        self.references = References(self.connection)
        self.history = History(self.connection)
        self.snapshots = Snapshots(self.connection)
        self.runs = Runs(self.connection)
        self.findings = Findings(self.connection)

    def get(self, key: str) -> bytes | None:
        """The measurement under this key."""
        return self.measurements.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep a measurement: from here on no death of a process loses it."""
        self.measurements.put(key, value)

    @property
    def in_place(self) -> bool:
        """Whether the file is still the one that was opened."""
        return self.connection.in_place

    def save_as(self, destination: str | Path) -> Path:
        """Put a whole copy at `destination`, replacing what is there in one step. Returns its path.

        Works also when this file cannot be written any more. Raises ProjectWriteError; the destination is
        then as it was.
        """
        path = place_copy(self.connection, Path(os.path.abspath(destination)))
        copy = Project(path, create=False)
        try:
            copy.references.relocate()
        finally:
            copy.close()
        return path

    def keep_previous(self) -> None:
        """Leave a copy beside the file for the day when it is damaged. Nothing depends on success."""
        if not self.read_only:
            keep_previous(self.connection)

    def start_anew(self) -> None:
        """Plans, snapshots and runs go; references, measurements and findings stay."""
        with self.connection.transaction(durable=True) as connection:
            for table in ("plan_step", "plan_in_force", "snapshot", "artefact", "run_partial", "run"):
                connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        self.connection.close()
