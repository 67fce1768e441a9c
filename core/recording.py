"""What a job finds goes into the project before anybody hears of it: what was shown is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from core.context import Context
from core.errors import Cancelled
from core.predict import Curve
from core.project import Project
from core.values import DataInfo, ModelInfo, Plan, Result, SensitivityPoint, Value


class Store(Protocol):
    """Where measurements are kept; only a `Project` keeps more than these."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...


def record(store: Store, model: ModelInfo, data: DataInfo, value: Value) -> None:
    """Keep one thing that was found of the model on its samples. Raises ProjectWriteError."""
    if isinstance(store, Project):
        _refer(store, model, data)
        store.findings.keep(model.sha256, data.key, value)  # type: ignore[arg-type]


@contextlib.contextmanager
def recorded_analysis(
    store: Store, model: ModelInfo, data: DataInfo, context: Context, whole: bool
) -> Iterator[Context]:
    """The context for an analysis: what it publishes is kept. `whole`: it covers every layer.

    Raises ProjectWriteError from `publish`; the value is then neither kept nor told.
    """
    if not isinstance(store, Project):
        yield context
        return
    _refer(store, model, data)

    def keep(value: Value) -> None:
        store.findings.keep(model.sha256, data.key, value)  # type: ignore[arg-type]

    yield context.keeping(keep)
    if whole:
        store.findings.complete(model.sha256, data.key)


def recorded_curves(store: Store, model: ModelInfo, data: DataInfo) -> dict[str, Curve]:
    """Each layer's damage by setting as far as the project has it measured. Raises ProjectReadError."""
    points: dict[str, list[SensitivityPoint]] = {}
    for point in recorded_points(store, model, data):
        points.setdefault(point.layer_id, []).append(point)
    return {layer_id: Curve(own) for layer_id, own in points.items()}


def recorded_points(store: Store, model: ModelInfo, data: DataInfo) -> tuple[SensitivityPoint, ...]:
    """What single layers lose alone, as far as the project has it measured. Raises ProjectReadError."""
    if not isinstance(store, Project):
        return ()
    found = store.findings.load(model.sha256, data.key)[0]
    return tuple(value for value in found if isinstance(value, SensitivityPoint))


class RecordedRun:
    """A run under way. `context` is the job's; `finish` keeps the result."""

    def __init__(self, context: Context, project: Project | None = None, run_id: int = 0) -> None:
        self._project = project
        self._id = run_id
        self.context = context if project is None else context.keeping(self._keep)

    def _keep(self, value: Value) -> None:
        assert self._project is not None
        self._project.runs.keep(self._id, value)  # type: ignore[arg-type]

    def finish(self, result: Result) -> Result:
        if self._project is not None:
            self._project.runs.finish(self._id, result)
        return result


@contextlib.contextmanager
def recorded_run(
    store: Store, model: ModelInfo, data: DataInfo | None, plan: Plan, context: Context
) -> Iterator[RecordedRun]:
    """A run that the project remembers, also if it is stopped or fails."""
    if not isinstance(store, Project):
        yield RecordedRun(context)
        return
    _refer(store, model, data)
    run_id = store.runs.begin(plan, model.sha256, data.sha256 if data is not None else "")
    try:
        yield RecordedRun(context, store, run_id)
    except BaseException as error:
        # the first error counts, e.g. that the disk is full
        with contextlib.suppress(Exception):
            store.runs.end(run_id, "stopped" if isinstance(error, Cancelled) else "failed")
        raise


def _refer(project: Project, model: ModelInfo, data: DataInfo | None) -> None:
    project.references.set_model(model)
    if data is not None:
        project.references.set_data(data)
