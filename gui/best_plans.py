"""The best plans that were looked for: asks the engine, keeps what it answers, tells the views."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import BestPlan, BestPlans, Goal
from gui.engine_client import EngineClient
from gui.i18n import tr
from gui.job import Job
from gui.session import Session


class BestPlanSearch(QObject):
    """Belongs to the session; a search is a job like any other, so progress and Stop are the usual ones."""

    changed = Signal()
    goal_changed = Signal(object)
    """The Goal that the next search is for."""

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._asked: int | None = None
        self.goal = Goal(max_loss=1.0)
        """What the next search is for, as it was said last."""
        self.found = BestPlans()
        self.tried: tuple[BestPlan, ...] = ()
        """Plans that the search measured, the latest last."""
        engine.event.connect(self._on_event)
        session.data_changed.connect(self._forget)
        session.job_changed.connect(self._on_job)

    @property
    def busy(self) -> bool:
        job = self._session.job
        return job is not None and job.id == self._asked

    def set_goal(self, goal: Goal) -> None:
        if goal != self.goal:
            self.goal = goal
            self.goal_changed.emit(goal)

    def find(self, goal: Goal) -> None:
        """Look for the plan that reaches this goal, and verify it."""
        self._ask(m.FindPlan, goal)

    def draw(self, goal: Goal) -> None:
        """The curve of best plans for the goal's target."""
        self._ask(m.BestCurve, goal)

    def take(self, plan: BestPlan, label: str) -> None:
        """Make it the plan in force, as one step that can be undone."""
        self._session.replace_plan(plan.plan, label)

    def _ask(self, kind: type[m.FindPlan] | type[m.BestCurve], goal: Goal) -> None:
        session = self._session
        if session.model is None or session.data is None:
            return
        self.tried = ()
        session.begin(
            "plan",
            kind(
                model=session.model.path,
                data=session.data.spec,
                goal=goal,
                plan=session.plan,
            ),
        )
        self.changed.emit()

    def _on_job(self, job: Job | None) -> None:
        # also when the session tries again after a failure
        if job is not None and job.kind == "plan":
            self._asked = job.id

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked:
            return
        if isinstance(event, m.Partial) and isinstance(event.value, BestPlan):
            self.tried = (*self.tried, event.value)
            self.changed.emit()
        elif isinstance(event, m.Done) and isinstance(event.value, BestPlans):
            self.found = event.value
            chosen = event.value.chosen
            if chosen is not None and event.value.reached:
                # whoever asks for the best plan wants it: undo brings back what was
                self.take(chosen, tr("Best plan"))
                if chosen.measured is not None:
                    self._session.whatif.take(chosen.measured)
            self.changed.emit()
        elif isinstance(event, m.Failed):
            self.changed.emit()

    def _forget(self, _data: object = None) -> None:
        if self.found != BestPlans() or self.tried:
            self.found, self.tried = BestPlans(), ()
            self.changed.emit()
