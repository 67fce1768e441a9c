"""The fewest layers to give back so that the plan keeps to its goal: asks the engine, keeps its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import Plan, Rescue
from gui.engine_client import EngineClient
from gui.job import Job

if TYPE_CHECKING:
    from gui.session import Session


class PlanRescue(QObject):
    """Belongs to the session; a job like any other, dropped when the plan moves on."""

    changed = Signal()

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._asked: int | None = None
        self._found: Rescue | None = None
        engine.event.connect(self._on_event)
        session.job_changed.connect(self._on_job)
        session.plan_changed.connect(self._on_plan)
        session.data_changed.connect(self._forget)

    @property
    def busy(self) -> bool:
        job = self._session.job
        return job is not None and job.kind == "rescue"

    @property
    def found(self) -> Rescue | None:
        """For the plan in force; None: not looked for."""
        if self._found is None or self._found.before.plan != self._session.plan:
            return None
        return self._found

    def find(self, max_loss: float) -> None:
        """Look for the fewest layers to give back so that at most so many points are lost."""
        session = self._session
        if session.model is not None and session.data is not None and session.job is None:
            self._found = None
            request = m.RescuePlan(
                model=session.model.path, data=session.data.spec, plan=session.plan, max_loss=max_loss
            )
            session.begin("rescue", request)

    def take(self, label: str) -> None:
        """Give the layers back, as one step that can be undone."""
        if self.found is not None:
            self._session.replace_plan(self.found.after.plan, label)

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked or not isinstance(event, m.Done):
            return
        if isinstance(event.value, Rescue):
            self._found = event.value
            self.changed.emit()

    def _on_job(self, job: Job | None) -> None:
        # also when the session tries again after a failure
        if job is not None and job.kind == "rescue" and job.id != self._asked:
            self._asked = job.id
            self.changed.emit()

    def _on_plan(self, _plan: Plan) -> None:
        self.changed.emit()  # `PlanBlame` drops the job

    def _forget(self, _data: object = None) -> None:
        self._found = None
        self.changed.emit()
