"""Writes the undo stack into the project at every edit, so that it can be picked up after a restart."""

from __future__ import annotations

import time
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from core.project import Past, PlanStep, Project, ProjectWriteError
from core.values import Plan
from gui.plan_command import PlanCommand
from gui.session import Session


class _State(NamedTuple):
    plan: Plan
    label: str
    merge: str


class PlanJournal(QObject):
    failed = Signal(object)
    """ProjectWriteError: what is not kept yet is kept with the next edit, or at the next `write`."""
    kept = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._project: Project | None = None
        self._written: list[_State] = []
        self._in_force = -1
        self._first = 0
        session.undo_stack.indexChanged.connect(self.write)

    def follow(self, project: Project, past: Past) -> None:
        """From now on; `past` is what the file holds, and the same plans are on the undo stack."""
        self._project = project
        self._written = [_State(step.plan, step.label, "") for step in past.steps]
        self._in_force, self._first = past.in_force, past.first
        self.write()

    def move_to(self, project: Project) -> None:
        """The same from now on in a copy of the file, together with whatever could not be kept there."""
        self._project = project
        self.write()

    def leave(self) -> None:
        self._project = None
        self._written = []

    def write(self, *_: object) -> None:
        """Bring the file up to the undo stack; only what differs is written."""
        if self._project is None or self._project.read_only or not isValid(self._session.undo_stack):
            return  # the stack says good-bye with a last indexChanged when the program ends
        states, in_force = self._states(), self._session.undo_stack.index()
        same = 0
        for old, new in zip(self._written, states, strict=False):
            # by identity: a plan of hundreds of layers takes long to compare
            if old.plan is not new.plan or old.label != new.label:
                break
            same += 1
        if same == len(states) == len(self._written) and in_force == self._in_force:
            return
        now = time.time()
        steps = [PlanStep(plan=one.plan, label=one.label, merge=one.merge, made=now) for one in states[same:]]
        try:
            self._project.history.save(
                self._first + same, steps, self._first + in_force, self._is_merge(states, same, in_force)
            )
        except ProjectWriteError as error:
            self.failed.emit(error)
            return
        self._written, self._in_force = states, in_force
        self.kept.emit()

    def _is_merge(self, states: list[_State], same: int, in_force: int) -> bool:
        """Whether the last edit was swallowed by the one before, as while a slider is dragged."""
        last = len(states) - 1
        return (
            same == last == in_force == self._in_force
            and len(self._written) == len(states)
            and bool(states[last].merge)
            and states[last].merge == self._written[last].merge
        )

    def _states(self) -> list[_State]:
        stack = self._session.undo_stack
        commands = [stack.command(index) for index in range(stack.count())]
        known = [command for command in commands if isinstance(command, PlanCommand)]
        before = known[0].before if known else self._session.plan
        return [_State(before, "", ""), *(_State(one.after, one.text(), one.merge) for one in known)]
