"""The project that is open: keeps what the person does in it, and fills the session from it.

`ProjectOpening` decides which project that is; from `hold` to `leave` this one writes into it. What the
engine finds is kept by the engine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from core.project import (
    ENDING,
    Past,
    PlanStep,
    Project,
    ProjectError,
    ProjectWriteError,
    RunRecord,
    Snapshot,
    is_untitled,
    tidy,
)
from core.values import DataInfo, DataSpec, Outcome, Plan, PlanMeasured
from gui import disk_work
from gui import project_questions as ask
from gui.departures import Departures
from gui.job import Problem
from gui.plan_journal import PlanJournal
from gui.project_lock import ProjectLock
from gui.remedies import RETRY, SAVE_AS
from gui.restore import fitting, restore_findings, restore_plans, restore_run
from gui.retold import retold_name
from gui.session import Session
from gui.settings import Settings

T = TypeVar("T")
RETRY_MS = 5000
"""What could not be kept is tried again so often, without a word."""
IDLE_MS = 4000
"""After so long without an edit the log is moved into the file: it waits for the disk then."""


class ProjectKeeper(QObject):
    changed = Signal()
    """Another project is open, or none, or it has another name."""
    snapshots_changed = Signal()

    def __init__(self, session: Session, settings: Settings) -> None:
        super().__init__(session)
        self._session = session
        self._settings = settings
        self.project: Project | None = None
        self._snapshots: tuple[Snapshot, ...] = ()
        self.left: tuple[Path, str] | None = None
        """The project that was left last and its model's hash: the same model again goes on in it."""
        self.departures = Departures()
        self._lock: ProjectLock | None = None
        self._run: RunRecord | None = None
        self._todo: list[Callable[[Project], object]] = []
        self._journal = PlanJournal(session)
        self._journal.failed.connect(self._on_failed)
        self._journal.kept.connect(self._on_kept)
        self._retry = QTimer(self)
        self._retry.setInterval(RETRY_MS)
        self._retry.timeout.connect(self.save_now)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self._tidy)
        session.leaving.connect(self.leave)
        session.data_changed.connect(self._on_data)
        session.result_changed.connect(self._on_result)
        session.plan_measured_changed.connect(self._on_plan_measured)

    # ------------------------------------------------------------ what is open

    @property
    def name(self) -> str:
        """The project's own name; empty while it has none."""
        if self.project is None or self.untitled:
            return ""
        return self.project.path.name.removesuffix(ENDING)

    @property
    def untitled(self) -> bool:
        return self.project is not None and is_untitled(self.project.path)

    @property
    def read_only(self) -> bool:
        return self.project is not None and self.project.read_only

    @property
    def unsaved(self) -> bool:
        """Whether something could not be kept yet."""
        return self._retry.isActive()

    def hold(self, project: Project, lock: ProjectLock | None) -> None:
        """This is the project of the model that has just been opened. Raises ProjectReadError.

        The session gets the project's plans; what was found follows when its samples are there.
        """
        session = self._session
        assert session.model is not None
        if self.project is not None:
            self.leave()
        past, snapshots = project.history.load(), project.snapshots.all()
        run = project.runs.last(session.model.sha256)
        self.project, self._lock, self._run, self._snapshots = project, lock, run, snapshots
        session.project_path, session.project_read_only = str(project.path), project.read_only
        model = session.model
        self._keep(lambda one: one.references.set_model(model))
        if past.steps:
            past = _fitted(past, lambda plan: fitting(plan, model))
            restore_plans(session, past.steps, past.in_force)
        self._journal.follow(project, past)
        self._settings.set_working(str(project.path), model.name)
        self.changed.emit()
        self.snapshots_changed.emit()
        self._on_data(session.data)
        if session.data is None and run is not None and not run.data_sha256:
            restore_run(session, run)

    def leave(self) -> None:
        """A clean close: everything is in the file; a copy of it is made beside the window's thread."""
        if self.project is None:
            return
        if self.unsaved:
            self.save_now()
        self._journal.leave()
        self._retry.stop()
        self._idle.stop()
        self._todo = []
        project, self.project = self.project, None
        model = self._session.model
        self.left = (project.path, model.sha256) if model is not None and not project.read_only else None
        self.departures.leave(project, self._lock)
        self._lock, self._run, self._snapshots = None, None, ()
        self._session.project_path, self._session.project_read_only = None, False
        self._settings.set_working("", "")
        self.changed.emit()
        self.snapshots_changed.emit()

    # ------------------------------------------------------------ keeping

    def save_now(self) -> None:
        """Keep whatever could not be kept."""
        todo, self._todo = self._todo, []
        for step in todo:
            self._keep(step)
        self._journal.write()

    def save_as(self, path: Path) -> bool:
        """Go on in a copy at `path`. False if it could not be made: the person was told why."""
        if path.suffix != ENDING:
            path = path.with_name(path.name + ENDING)
        old = self.project
        if old is None:
            return self._save_new(path)
        if path.exists() and path.samefile(old.path):
            self.save_now()
            return True
        lock = self.departures.lock(path)
        if not lock.take():
            self._tell(ask.in_use(path.name))
            return False
        self.departures.wait()  # what is replaced may be just being copied
        try:
            project = Project(old.save_as(path), create=False)
        except ProjectError as error:
            lock.release()
            self._tell(ask.told(error))
            return False
        if self.untitled and not old.read_only:
            # it has a name now: the next time the model is opened by itself, it begins anew
            with contextlib.suppress(ProjectError):
                old.start_anew()
        old.close()
        if self._lock is not None:
            self._lock.release()
        self.project, self._lock = project, lock
        self._session.project_path, self._session.project_read_only = str(project.path), False
        self._retry.stop()
        if self._session.data is not None:
            data = self._session.data
            self._keep(lambda one: one.references.set_data(data))
        self._journal.move_to(project)
        self.save_now()
        if self._session.model is not None:
            self._settings.set_working(str(project.path), self._session.model.name)
        self.changed.emit()
        return True

    def _save_new(self, path: Path) -> bool:
        """A project for what is open and could not be kept anywhere so far."""
        if path.exists():
            self._tell(ask.name_taken(path.name))
            return False
        lock = self.departures.lock(path)
        if not lock.take():
            self._tell(ask.in_use(path.name))
            return False
        try:
            self.hold(Project(path), lock)
        except ProjectError as error:
            lock.release()
            self._tell(ask.told(error))
            return False
        return True

    def _keep(self, step: Callable[[Project], object]) -> None:
        """Do it now, or as soon as it is possible."""
        if self.project is None or self.project.read_only:
            return
        try:
            step(self.project)
        except ProjectWriteError as error:
            self._todo.append(step)
            self._on_failed(error)

    def _on_failed(self, error: ProjectWriteError) -> None:
        if not self._retry.isActive():
            self._retry.start()
            self._tell(ask.told(error, (RETRY, SAVE_AS)))

    def _on_kept(self) -> None:
        self._idle.start()
        if not self._todo:
            self._retry.stop()

    def _tidy(self) -> None:
        if self.project is not None and not self.project.read_only and self.project.in_place:
            disk_work.later(tidy, self.project.path)

    # ------------------------------------------------------------ following the session

    def _on_data(self, data: DataInfo | None) -> None:
        session = self._session
        if data is None or self.project is None or session.model is None:
            return
        try:
            known = self.project.references.data
            values, complete = self.project.findings.load(session.model.sha256, data.key)
        except ProjectError as error:
            self._tell(ask.told(error))
            return
        if known is not None and known.sha256 != data.sha256 and _same_place(known.spec, data.spec):
            self._tell(ask.data_changed(Path(data.spec.path).name))
        self._keep(lambda one: one.references.set_data(data))
        restore_findings(session, values, complete)
        run, self._run = self._run, None
        if run is not None and run.data_sha256 == data.sha256:
            restore_run(session, run)

    def _on_result(self, _result: object) -> None:
        result = self._session.result
        if result is not None:
            self._measured(result.plan, result.after)

    def _on_plan_measured(self, measured: object) -> None:
        found = self._session.plan_measured
        if measured is not None and found is not None:
            self._measured(found.plan, found.outcome)

    def take_measured(self, measured: PlanMeasured) -> None:
        """Of a snapshot's plan, which need not be in force."""
        self._measured(measured.plan, measured.outcome)

    def _measured(self, plan: Plan, outcome: Outcome) -> None:
        """Snapshots of a plan that has just been measured get its figures."""
        session = self._session
        if session.model is None:
            return
        for one in self._snapshots:
            same_model = one.model_sha256 == session.model.sha256
            if one.plan == plan and same_model and one.outcome != outcome and _better(outcome, one.outcome):
                self._keep(lambda project, one=one: project.snapshots.measured(one.id, outcome))
                changed = msgspec.structs.replace(one, outcome=outcome)
                self._snapshots = tuple(changed if each is one else each for each in self._snapshots)
                self.snapshots_changed.emit()

    # ------------------------------------------------------------ runs

    def runs(self) -> tuple[RunRecord, ...]:
        """Those of this model on these samples, the oldest first; () where they cannot be read."""
        session = self._session
        if self.project is None or session.model is None or session.data is None:
            return ()
        with contextlib.suppress(ProjectError):
            same = session.model.sha256, session.data.sha256
            return tuple(
                run for run in self.project.runs.all() if (run.model_sha256, run.data_sha256) == same
            )
        return ()

    def show_run(self, run: RunRecord) -> None:
        """An earlier run is shown again, with its result; the plan in force stays."""
        if self._session.job is None:
            restore_run(self._session, run)

    # ------------------------------------------------------------ snapshots

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The oldest first. Names that the program gave are in the language in force."""
        replace = msgspec.structs.replace
        return tuple(replace(one, label=retold_name(one.label)) for one in self._snapshots)

    def retell(self, _language: str) -> None:
        """The language has changed."""
        self.snapshots_changed.emit()

    def take_snapshot(self, label: str) -> Snapshot | None:
        """The plan in force with what is known of it; None if it could not be kept."""
        session = self._session
        if session.model is None:
            return None
        if session.result is not None and session.result_is_current:
            outcome: Outcome | None = session.result.after
        elif session.plan_measured is not None and session.plan_is_measured:
            outcome = session.plan_measured.outcome
        else:
            outcome = session.estimate()
        snapshot = Snapshot(
            label=label,
            plan=session.plan,
            outcome=outcome,
            model_sha256=session.model.sha256,
            data_sha256=session.data.sha256 if session.data is not None else "",
        )
        return self._change(lambda project: project.snapshots.add(snapshot))

    def rename_snapshot(self, snapshot_id: int, label: str, note: str) -> None:
        self._change(lambda project: project.snapshots.rename(snapshot_id, label, note))

    def delete_snapshot(self, snapshot_id: int) -> None:
        self._change(lambda project: project.snapshots.delete(snapshot_id))

    def bring_back_snapshot(self, snapshot_id: int) -> None:
        self._change(lambda project: project.snapshots.bring_back(snapshot_id))

    def restore_snapshot(self, snapshot: Snapshot, label: str) -> None:
        """Its plan is in force again, as one undoable step."""
        if self._session.model is not None:
            self._session.replace_plan(fitting(snapshot.plan, self._session.model), label)

    def _change(self, step: Callable[[Project], T]) -> T | None:
        if self.project is None:
            return None
        try:
            done = step(self.project)
            self._snapshots = self.project.snapshots.all()
        except ProjectError as error:
            self._tell(ask.told(error, (SAVE_AS,)))
            return None
        self.snapshots_changed.emit()
        return done

    def _tell(self, problem: Problem) -> None:
        self._session.problem.emit(problem)


def _better(outcome: Outcome, known: Outcome | None) -> bool:
    """Whether it says at least as much: measured rather than estimated, on no fewer samples."""
    if known is None or known.estimate or known.primary is None:
        return True
    return outcome.primary is not None and outcome.primary.count >= known.primary.count


def _same_place(one: DataSpec, other: DataSpec) -> bool:
    """Whether both read the same files: who calibrates on another folder has changed nothing in either."""
    return one.kind == other.kind and all(
        os.path.abspath(mine or "") == os.path.abspath(theirs or "")
        for mine, theirs in ((one.path, other.path), (one.calibration_path, other.calibration_path))
    )


def _fitted(past: Past, fit: Callable[[Plan], Plan]) -> Past:
    steps: list[PlanStep] = []
    for step in past.steps:
        plan = fit(step.plan)
        steps.append(step if plan is step.plan else msgspec.structs.replace(step, plan=plan))
    return past._replace(steps=tuple(steps))
