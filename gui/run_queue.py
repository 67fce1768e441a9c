"""Runs that wait for their turn: plans are carried out one after another, and the project keeps each."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from core.values import ModelInfo, Plan
from gui.job import Job
from gui.session import Session


class Waiting(msgspec.Struct, frozen=True):
    """A plan that is to be run, with what the person calls it."""

    plan: Plan
    label: str


class RunQueue(QObject):
    """Starts the next one when nothing else is at work; whoever stops a run stops those behind it too."""

    changed = Signal()
    ended = Signal()
    """A run has come to its end just now, whichever way; the session knows what came of it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._model: ModelInfo | None = None
        self._was_running = False
        self._following: Plan | None = None
        self.running: Plan | None = None
        """What is being carried out."""
        self.waiting: tuple[Waiting, ...] = ()
        session.job_changed.connect(self._on_job)
        session.model_changed.connect(self._on_model)
        session.data_changed.connect(self._on_data)

    def add(self, plan: Plan, label: str) -> None:
        """Behind those that wait already; at once if nothing is at work. The same plan waits only once."""
        if self._session.data is None or any(one.plan == plan for one in self.waiting):
            return
        self._model = self._session.model
        self.waiting = (*self.waiting, Waiting(plan, label))
        self.changed.emit()
        self._start()

    def clear(self) -> None:
        """None of those that wait; what runs goes on."""
        if self.waiting:
            self.waiting = ()
            self.changed.emit()

    def _start(self) -> None:
        if self.waiting and self._session.job is None:
            following, self.waiting = self.waiting[0], self.waiting[1:]
            self._following = following.plan
            self._session.run(following.plan)
            self.changed.emit()

    def _on_job(self, job: Job | None) -> None:
        if job is not None:
            if job.kind == "compress" and not self._was_running:
                self.running, self._following = self._following or self._session.plan, None
                self._was_running = True
                self.changed.emit()
            return
        ran, self._was_running, self.running = self._was_running, False, None
        if ran and self._session.run_state == "stopped":
            self.clear()
        if ran or self.waiting:
            # the session has yet to take what the job brought
            QTimer.singleShot(0, self, self._go_on if ran else self._start)

    def _go_on(self) -> None:
        self.ended.emit()
        self.changed.emit()
        self._start()

    def _on_model(self, model: ModelInfo | None) -> None:
        if model is not self._model:
            self.clear()

    def _on_data(self, _data: object) -> None:
        # other samples: what was queued was meant for those before
        self.clear()
