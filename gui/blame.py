"""Which layers cost the plan how much, as far as it was measured: asks, keeps, tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import DataInfo, GiveBack, Plan, PlanMeasured, digest
from gui.engine_client import EngineClient
from gui.job import Job

if TYPE_CHECKING:
    from gui.session import Session

JOBS = ("blame", "rescue")
"""Kinds of jobs that give layers back one at a time: a rescue begins with that."""


class PlanBlame(QObject):
    """Belongs to the session. What was measured of a plan stays: undo brings it back without measuring."""

    changed = Signal()

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._asked: int | None = None
        self._asked_for: Plan | None = None
        """The plan in force when the job began."""
        self._backs: dict[str, dict[tuple[str, ...], GiveBack]] = {}
        self._wholes: dict[str, PlanMeasured] = {}
        self._key: tuple[Plan, str] | None = None
        self._source: tuple[str, str] | None = None
        self._was_busy = False
        self._told = False
        """Whether something was known when the views were told last."""
        engine.event.connect(self._on_event)
        session.job_changed.connect(self._on_job)
        session.plan_changed.connect(self._on_plan)
        session.data_changed.connect(self._on_data)

    @property
    def possible(self) -> bool:
        """Whether there is a plan whose layers can be given back."""
        session = self._session
        if session.model is None or session.data is None:
            return False
        return any(session.plan.changes(layer.id) for layer in session.model.layers)

    @property
    def busy(self) -> bool:
        job = self._session.job
        return job is not None and job.kind in JOBS

    def ask(self) -> None:
        """Measure what each layer of the plan in force costs."""
        session = self._session
        if self.possible and session.job is None and session.model is not None and session.data is not None:
            request = m.BlamePlan(model=session.model.path, data=session.data.spec, plan=session.plan)
            session.begin("blame", request)

    @property
    def layers(self) -> tuple[GiveBack, ...]:
        """Of the plan in force, what costs most first."""
        found = self._backs.get(self.key, {})
        return tuple(sorted(found.values(), key=lambda back: -back.damage))

    def by_layer(self) -> Mapping[str, GiveBack]:
        """The same by layer id; layers that share weights have the same."""
        return {layer_id: back for back in self.layers for layer_id in back.layers}

    @property
    def whole(self) -> PlanMeasured | None:
        """The plan in force, measured on the samples of its give-backs."""
        return self._wholes.get(self.key)

    @property
    def key(self) -> str:
        plan = self._session.plan
        if self._key is None or self._key[0] is not plan:
            self._key = plan, digest(plan)
        return self._key[1]

    def take(self, value: GiveBack | PlanMeasured) -> None:
        """What was measured, now or in an earlier life of the project."""
        if isinstance(value, GiveBack):
            self._backs.setdefault(value.plan_key, {})[value.layers] = value
        else:
            self._wholes[digest(value.plan)] = value
        self._tell()

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked or not isinstance(event, m.Partial):
            return
        if isinstance(event.value, PlanMeasured):
            self._session.whatif.take(event.value)
            self.take(event.value)
        elif isinstance(event.value, GiveBack):
            self.take(event.value)

    def _on_job(self, job: Job | None) -> None:
        # also when the session tries again after a failure
        if job is not None and job.kind in JOBS and job.id != self._asked:
            self._asked, self._asked_for = job.id, self._session.plan
        if self.busy != self._was_busy:
            self._was_busy = self.busy
            self.changed.emit()

    def _on_plan(self, plan: Plan) -> None:
        if self.busy and plan != self._asked_for:
            self._session.stop()  # nobody waits for what another plan costs
        if self._told or self._known:  # every view that colours layers by it looks at all of them anew
            self._tell()

    def _on_data(self, data: DataInfo | None) -> None:
        """What was measured is of one model on one set of samples."""
        model = self._session.model
        source = (model.sha256, data.key) if model is not None and data is not None else None
        if source != self._source:
            self._source = source
            self._backs, self._wholes = {}, {}
        self._tell()

    @property
    def _known(self) -> bool:
        """Whether something was measured of the plan in force."""
        return self.key in self._backs or self.key in self._wholes

    def _tell(self) -> None:
        self._told = self._known
        self.changed.emit()
