"""What a project file keeps, as values: references, plans, snapshots, runs.

Times are seconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Literal

from core.messages import Payload
from core.values import DataSpec, Outcome, Plan, Result, Value


class ModelReference(Value, frozen=True, kw_only=True):
    """A model that a project is about."""

    path: str
    """Absolute."""
    relative: str | None
    """As seen from the project's folder, for both moved together; None: not below it."""
    sha256: str
    size_bytes: int
    made: float


class DataReference(Value, frozen=True, kw_only=True):
    """Samples that a project measures on; the paths in `spec` are absolute."""

    spec: DataSpec
    sha256: str
    sample_count: int
    made: float


class PlanStep(Value, frozen=True, kw_only=True):
    """A plan that was in force, and the words of the edit that made it so."""

    plan: Plan
    label: str = ""
    merge: str = ""
    """Equal keys in a row are one edit, as of a slider being dragged."""
    made: float = 0.0


class Snapshot(Value, frozen=True, kw_only=True):
    """A plan kept under a name, with what it gives as far as that is known."""

    id: int = 0
    label: str
    note: str = ""
    plan: Plan
    outcome: Outcome | None = None
    """Measured, or an estimate that says so."""
    model_sha256: str = ""
    data_sha256: str = ""
    made: float = 0.0

    @property
    def measured(self) -> bool:
        return self.outcome is not None and not self.outcome.estimate


class Artefact(Value, frozen=True, kw_only=True):
    """A file that a run made."""

    path: str
    sha256: str
    size_bytes: int


class RunRecord(Value, frozen=True, kw_only=True):
    """A run, finished or not. Still 'running' in a file that nobody works on: it was interrupted."""

    id: int
    plan: Plan
    model_sha256: str
    data_sha256: str
    state: Literal["running", "done", "stopped", "failed"]
    partials: tuple[Payload, ...] = ()
    """What it published on its way, in order: the accuracy after each layer."""
    result: Result | None = None
    artefacts: tuple[Artefact, ...] = ()
    started: float
    ended: float | None = None
