"""Which project is open: the one that was asked for, or the untitled one of the model.

What only the person can decide (the model moved or changed, another window has the project, the file is
damaged) is asked in the error bar, never in a box of its own.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from core.project import (
    ENDING,
    RANDOM_PATH,
    ModelReference,
    Project,
    ProjectError,
    ProjectReadError,
    ProjectWriteError,
    leads_elsewhere,
    moved_with,
    open_previous,
    places,
    prepare_spare,
    previous_path,
    take_spare,
    untitled_path,
)
from core.values import DataSpec, ModelInfo
from gui import disk_work
from gui import project_questions as ask
from gui.job import Problem
from gui.project_keeper import ProjectKeeper
from gui.project_lock import ProjectLock
from gui.session import Session


class _Opening(NamedTuple):
    """A project whose model is being opened."""

    project: Project
    lock: ProjectLock | None
    reference: ModelReference | None
    model_path: str = ""
    trusted: bool = False
    """The person agreed to look on another computer."""


class ProjectOpening(QObject):
    locate_model_asked = Signal()
    locate_data_asked = Signal(bool)
    """True: a folder."""

    def __init__(self, session: Session, keeper: ProjectKeeper) -> None:
        super().__init__(session)
        self._session = session
        self._keeper = keeper
        self._opening: _Opening | None = None
        self._wanted = Path()
        self._anew = False
        self._missing_data: DataSpec | None = None
        session.model_changed.connect(self._on_model)
        session.problem.connect(self._on_problem)
        disk_work.later(prepare_spare, untitled_path("").parent)

    @property
    def under_way(self) -> bool:
        return self._opening is not None

    # ------------------------------------------------------------ asked by the person

    def new(self) -> None:
        """Nothing is open; the next model begins a new project."""
        self._drop()
        self._session.close_model()
        self._keeper.left, self._anew = None, True

    def open(self, path: str, read_only: bool = False) -> None:
        """Open a project and then its model."""
        self._drop()
        self._wanted = Path(path).absolute()
        if self._keeper.project is not None and self._keeper.project.path == self._wanted:
            self._session.leaving.emit()  # once more from the beginning: our own lock is no hindrance
        lock = None if read_only else self._keeper.departures.lock(self._wanted)
        if lock is not None and not lock.take():
            self._ask(ask.in_another_window(self._wanted.name))
            return
        project = None
        try:
            project = self._opened(read_only)
            reference = project.references.model
        except ProjectError as error:
            if project is not None:
                project.close()
            if lock is not None:
                lock.release()
            self._refused(error)
            return
        self._opening = _Opening(project, lock, reference)
        self._find_model()

    def reopen(self) -> None:
        """What is open, once more from its files."""
        project = self._keeper.project
        if project is not None:
            self.open(str(project.path), self._keeper.read_only)
        elif self._session.model is not None:
            self._session.open_model(self._session.model.source_path)

    def answer(self, key: str) -> None:
        """The person has decided."""
        opening = self._opening
        if key == "read_only":
            self.open(str(self._wanted), read_only=True)
        elif key == "previous":
            self._open_previous()
        elif key == "locate":
            self.locate_model_asked.emit()
        elif key in ("locate_folder", "locate_file"):
            self.locate_data_asked.emit(key == "locate_folder")
        elif key == "trust" and opening is not None:
            self._opening = opening._replace(trusted=True)
            self._find_model()
        elif key == "use" and opening is not None:
            self._hold(opening)
        elif key == "cancel":
            self._cancel()

    def located_model(self, path: str) -> None:
        """The person showed where the model is now."""
        if self._opening is not None:
            self._open_model(self._opening, path)

    def located_data(self, path: str) -> None:
        if self._missing_data is not None:
            spec, self._missing_data = self._missing_data, None
            self._session.open_data(msgspec.structs.replace(spec, path=path))

    def locating_ended(self) -> None:
        """The dialog was closed without a choice: the question stands."""
        if self._opening is not None:
            self._ask(ask.model_moved(self._opening.reference, self._opening.model_path))

    # ------------------------------------------------------------ on the way

    def _opened(self, read_only: bool) -> Project:
        try:
            return Project(self._wanted, create=False, read_only=read_only, thorough=True)
        except ProjectWriteError:
            return Project(self._wanted, create=False, read_only=True, thorough=True)

    def _find_model(self) -> None:
        opening = self._opening
        assert opening is not None
        reference = opening.reference
        if reference is None:
            self._ask(ask.no_model(opening.project.path.name))
            return
        if leads_elsewhere(reference.path, opening.project.path) and not opening.trusted:
            self._ask(ask.model_elsewhere(reference.path))
            return
        for path in places(reference, opening.project.path):
            if path.is_file():
                self._open_model(opening, str(path))
                return
        self._ask(ask.model_moved(reference, reference.path))

    def _open_model(self, opening: _Opening, path: str) -> None:
        self._opening = opening._replace(model_path=path)
        self._session.open_model(path)

    def _on_model(self, model: ModelInfo | None) -> None:
        self._missing_data = None
        if model is None:
            return
        opening = self._opening
        if opening is not None and opening.model_path == model.source_path:
            reference = opening.reference
            if reference is None or reference.sha256 == model.sha256:
                self._hold(opening)
            else:
                self._ask(ask.model_changed(model.name, opening.project.path.name))
            return
        self._drop()
        left, self._keeper.left = self._keeper.left, None
        if left is not None and left[1] == model.sha256 and left[0].exists():
            self._hold_again(left[0], model)
        else:
            self._hold_untitled(model)

    def _hold_again(self, path: Path, model: ModelInfo) -> None:
        lock = self._keeper.departures.lock(path)
        try:
            if lock.take():
                self._keeper.hold(Project(path, create=False), lock)
                self._restore_data()
                return
        except ProjectError:
            lock.release()
        self._hold_untitled(model)

    def _hold(self, opening: _Opening) -> None:
        self._opening = None
        try:
            self._keeper.hold(opening.project, opening.lock)
        except ProjectReadError as error:
            self._close(opening)
            self._refused(error)
            return
        if opening.project.read_only:
            self._ask(ask.open_read_only(opening.project.path.name))
        self._restore_data(opening.reference)

    def _hold_untitled(self, model: ModelInfo) -> None:
        """The model's own project; another if a window has that one or it is damaged."""
        first = untitled_path(model.sha256)
        anew, self._anew = self._anew, False
        damaged: ProjectError | None = None
        for number in range(1, 100):
            path = first if number == 1 else first.with_name(f"{first.stem}-{number}{ENDING}")
            lock = self._keeper.departures.lock(path)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not lock.take():
                    continue
                fresh = not path.exists()
                if fresh and take_spare(path):
                    disk_work.later(prepare_spare, path.parent)
                project = Project(path)
                if fresh and number > 1:
                    _lend(first, project)
                if anew:
                    _put_aside(project)
                self._keeper.hold(project, lock)
                self._restore_data()
                if damaged is not None:
                    self._refused(damaged)
                return
            except ProjectReadError as error:
                lock.release()  # damaged: left as it is, for who can read it
                self._wanted, damaged = path, error
            except (ProjectWriteError, OSError) as error:
                lock.release()
                failed = error if isinstance(error, ProjectError) else None
                self._ask(ask.told(failed) if failed is not None else ask.not_kept(str(error)))
                return

    def _restore_data(self, reference: ModelReference | None = None) -> None:
        """Open the samples that the project measures on, unless others are open or about to be."""
        project, session = self._keeper.project, self._session
        if project is None or session.data is not None or session.data_is_coming:
            return
        try:
            data = project.references.data
        except ProjectReadError as error:
            self._ask(ask.told(error))
            return
        if data is None:
            return
        spec = data.spec
        if reference is not None:
            spec = moved_with(spec, reference, project.path)
        if spec.path != RANDOM_PATH and (
            leads_elsewhere(spec.path, project.path) or not Path(spec.path).exists()
        ):
            self._missing_data = spec
            self._ask(ask.data_moved(spec.path))
            return
        session.open_data_later(spec)

    # ------------------------------------------------------------ refused, given up

    def _refused(self, error: ProjectError) -> None:
        self._keeper.departures.wait()  # it may be the copy of just this file
        previous = previous_path(self._wanted)
        made = previous.stat().st_mtime if previous.is_file() else None
        self._ask(ask.refused(error, made))

    def _open_previous(self) -> None:
        try:
            rescued = open_previous(self._wanted)
        except ProjectError as error:
            self._ask(ask.told(error))
            return
        self.open(str(rescued))

    def _on_problem(self, problem: Problem) -> None:
        """The project's model could not be opened: perhaps another file is meant."""
        if problem.kind == "open" and self._opening is not None and not problem.choices:
            # after whoever else hears of the problem
            QTimer.singleShot(0, self, lambda: self._ask(ask.model_unreadable(problem)))

    def _cancel(self) -> None:
        asked_after_opening = self._opening is not None and bool(self._opening.model_path)
        self._drop()
        self._missing_data = None
        if asked_after_opening:
            self._session.close_model()

    def _drop(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            self._close(opening)

    def _close(self, opening: _Opening) -> None:
        opening.project.close()
        if opening.lock is not None:
            opening.lock.release()

    def _ask(self, problem: Problem) -> None:
        self._session.problem.emit(problem)


def _lend(first: Path, project: Project) -> None:
    """What was measured of this model before counts here too."""
    try:
        known = Project(first, create=False, read_only=True)
    except ProjectError:
        return
    known.measurements.copy_to(project.measurements)
    known.close()


def _put_aside(project: Project) -> None:
    """Begin anew: what was planned so far stays in a file of its own."""
    past = project.history.load()
    if len(past.steps) > 1 or project.snapshots.all():
        stamp = time.strftime("%Y%m%d-%H%M%S")
        project.save_as(project.path.with_name(f"{project.path.stem}-{stamp}{ENDING}"))
    project.start_anew()
