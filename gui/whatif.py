"""Measures the plan by itself once the person pauses: at most one at a time, the latest."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.predict import PlanDamage, predict
from core.values import LatencyTable, PlanMeasured
from gui.engine_client import EngineClient
from gui.restore import in_project
from gui.session_state import SessionState

PAUSE_MS = 500


class WhatIf(QObject):
    """Puts what it measures into the session: `plan_measured`, and `plans` for better predictions."""

    working = Signal(bool)

    def __init__(self, engine: EngineClient, session: SessionState) -> None:
        super().__init__(session)
        self._engine = engine
        self._session = session
        self._wanted: m.MeasurePlan | None = None
        self._asked: m.MeasurePlan | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        engine.event.connect(self._on_event)

    def consider(self) -> None:
        """Measure the plan as it stands after a pause; what is under way for another plan is dropped."""
        request = self._request()
        if self._asked is not None and not _same(self._asked, request):
            self._engine.cancel(self._asked.id)
        self._wanted = None if _same(self._asked, request) else request
        if self._wanted is None:
            self._timer.stop()
        else:
            self._timer.start()

    def _request(self) -> m.MeasurePlan | None:
        session = self._session
        model, data, plan = session.model, session.data, session.plan
        if model is None or data is None or session.link is None or session.job is not None:
            return None
        # what training brings only training can tell
        if session.result_is_current or session.plan_is_measured or plan.trains:
            return None
        if not plan.restructures and not any(plan.changes(layer.id) for layer in model.layers):
            return None
        return m.MeasurePlan(model=model.path, data=data.spec, plan=plan)

    def _ask(self) -> None:
        if self._asked is None and self._wanted is not None:
            request, self._wanted = self._wanted, None
            self._asked = self._engine.send(in_project(self._session, request))
            self.working.emit(True)

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked.id:
            return
        if (
            isinstance(event, m.Partial)
            and isinstance(event.value, LatencyTable)
            and self._is_open(self._asked)
        ):
            self._session.take_latency_table(event.value)
        if not isinstance(event, m.Done | m.Failed):
            return
        asked, self._asked = self._asked, None
        self.working.emit(False)
        # a failure stays an estimate: the run itself says what is wrong, when the person asks for it
        if isinstance(event, m.Done) and isinstance(event.value, PlanMeasured) and self._is_open(asked):
            self.take(event.value)
        if self._wanted is not None:
            self._timer.start()

    def _is_open(self, asked: m.MeasurePlan) -> bool:
        session = self._session
        if session.model is None or session.data is None:
            return False
        return (session.model.path, session.data.spec) == (asked.model, asked.data)

    def take(self, measured: PlanMeasured) -> None:
        """A plan that was measured, now or in an earlier life of the project."""
        session = self._session
        # of what steps on the whole network cost the layers' curves know nothing
        if session.model is not None and session.link is not None and not measured.plan.restructures:
            layers = [layer.id for layer in session.model.layers]
            predicted = predict(layers, measured.plan, session.curves(), session.link)
            if predicted is not None:
                learnt = PlanDamage(summed=predicted.damage, measured=measured.damage, loss=measured.loss)
                session.plans = (*session.plans, learnt)
        session.plan_measured = measured
        session.plan_measured_changed.emit(measured)


def _same(one: m.MeasurePlan | None, other: m.MeasurePlan | None) -> bool:
    return (
        one is not None
        and other is not None
        and (one.model, one.data, one.plan) == (other.model, other.data, other.plan)
    )
