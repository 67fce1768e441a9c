"""What a person who wants a smaller file does next: one thing at a time, until the file is written."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.values import LEAST_JUDGED
from gui.best_plans import BestPlanSearch
from gui.i18n import tr
from gui.session import Session
from gui.session_state import DEFAULT_PLAN


class NextStep(QObject):
    """Follows from what is open, planned, found and made; whoever shows it listens to `changed`."""

    changed = Signal()

    def __init__(self, session: Session, search: BestPlanSearch) -> None:
        super().__init__(session)
        self.session = session
        self.search = search
        for signal in (
            session.model_changed, session.data_changed, session.plan_changed, session.result_changed,
            session.job_changed, session.exported, search.changed,
        ):  # fmt: skip
            signal.connect(self._on_change)

    def _on_change(self, *_: object) -> None:
        self.changed.emit()

    @property
    def kind(self) -> str:
        """'open', 'data', 'goal' (find a plan), 'closest' (take what came nearest to the goal), 'run',
        'export', 'compare'; empty while something is at work and where nothing can be done."""
        session = self.session
        if session.job is not None:
            return ""
        if session.model is None:
            return "open"
        if session.data is None:
            return "data"
        if not session.model.compressible:
            return ""
        if session.step >= 5:
            return "export" if session.step == 5 else "compare"
        chosen = self.search.found.chosen
        if session.plan != DEFAULT_PLAN or (chosen is not None and chosen.plan == session.plan):
            return "run"
        if session.data.judge_count < LEAST_JUDGED:
            return "run"  # a search would have nothing left to check its plan with
        return "closest" if chosen is not None else "goal"

    @property
    def label(self) -> str:
        """What stands on the button."""
        return {
            "open": tr("Open a model…"),
            "data": tr("Choose data…"),
            "goal": tr("Find the best plan"),
            "closest": tr("Take the closest plan"),
            "run": tr("Make the smaller model"),
            "export": tr("Save it as a file…"),
            "compare": tr("See what changed"),
        }.get(self.kind, "")

    @property
    def tip(self) -> str:
        """Why, and what happens then."""
        return {
            "open": tr("Choose the file of a trained network. Nothing in it is changed."),
            "data": tr("Choose samples that show what the model is for: they tell what a change costs."),
            "goal": tr("Every layer is measured, and each gets what it can bear. This can be undone."),
            "closest": tr("No plan reaches the goal; this one comes nearest. Taking it can be undone."),
            "run": tr("Carry the plan out on a copy and measure what came of it."),
            "export": tr("Choose where the smaller model is written, with a report beside it."),
            "compare": tr("Which answers are different from those of the original?"),
        }.get(self.kind, "")

    def take_closest(self) -> None:
        """Make the plan that came nearest to the goal the plan in force."""
        if self.search.found.chosen is not None:
            self.search.take(self.search.found.chosen, tr("Closest plan"))

    def find(self) -> None:
        """Look for the plan that reaches the goal as it was said."""
        self.search.find(self.search.goal)
