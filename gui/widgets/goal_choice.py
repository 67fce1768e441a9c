"""Goals in plain words: a choice of the usual ones, kept in step with the goal's own fields."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QComboBox, QWidget

from core.values import Goal
from gui.best_plans import BestPlanSearch
from gui.i18n import tr
from gui.session import Session
from gui.widgets.yielding_box import YieldingBox

LOSSES = (0.5, 1.0, 3.0)
"""Points."""
SHARES = (4, 10)
"""The file is to be so many times smaller."""
SPEEDUP = 2.0
CLOSE = 0.02
"""Fields round sizes: a size so near to the wanted one, as a share of it, is the wanted one."""


class GoalChoice(YieldingBox):
    def __init__(self, session: Session, search: BestPlanSearch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._search = search
        self._goals: list[Goal] = []
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(self._choose)
        search.goal_changed.connect(self._show)
        session.model_changed.connect(self._fill)
        session.data_changed.connect(self._fill)
        self._fill()

    def _fill(self, _value: object = None) -> None:
        """The usual goals for what is open, and the one in force where it is none of them."""
        session = self._session
        size = session.model.size_bytes if session.model is not None else 0
        answers = session.data is not None and session.data.task == "classification"
        goals = [Goal(max_loss=loss) for loss in LOSSES]
        names = (
            [
                tr("at most 1 more mistake in 200"),
                tr("at most 1 more mistake in 100"),
                tr("at most 3 more mistakes in 100"),
            ]
            if answers
            else [tr("lose at most half a point"), tr("lose at most 1 point"), tr("lose at most 3 points")]
        )
        if size:
            goals += [Goal(max_size_bytes=round(size / share)) for share in SHARES]
            names += [tr("a quarter of the size"), tr("a tenth of the size")]
        goals.append(Goal(speedup=SPEEDUP))
        names.append(tr("twice as fast"))
        self._goals = goals
        self.clear()
        self.addItems(names)
        self.setAccessibleName(tr("Goal"))
        self.setToolTip(tr("What the smaller model must keep to; more goals are under Best plans."))
        self._show(self._search.goal)

    def _show(self, goal: Goal) -> None:
        at = next((place for place, one in enumerate(self._goals) if _same(goal, one)), -1)
        own = self.count() > len(self._goals)
        if at < 0 and not own:
            self.addItem(tr("as said under Best plans"))
        elif at >= 0 and own:
            self.removeItem(self.count() - 1)
        self.setCurrentIndex(at if at >= 0 else self.count() - 1)

    def _choose(self, place: int) -> None:
        if place < len(self._goals):
            wanted = self._goals[place]
            limits = {name: getattr(wanted, name) for name in ("max_loss", "max_size_bytes", "speedup")}
            self._search.set_goal(msgspec.structs.replace(self._search.goal, **limits))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._fill()
        super().changeEvent(event)


def _same(goal: Goal, usual: Goal) -> bool:
    if (goal.max_loss, goal.speedup) != (usual.max_loss, usual.speedup):
        return False
    if goal.max_size_bytes is None or usual.max_size_bytes is None:
        return goal.max_size_bytes is usual.max_size_bytes
    return abs(goal.max_size_bytes - usual.max_size_bytes) <= CLOSE * usual.max_size_bytes
