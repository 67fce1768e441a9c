"""The one undo command: a plan before, a plan after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from core.values import Plan

if TYPE_CHECKING:
    from gui.session_plan import PlanningSession

MERGEABLE = 1


class PlanCommand(QUndoCommand):
    """Undo is assignment. Commands with the same merge key become one, as while dragging a slider."""

    def __init__(
        self,
        session: PlanningSession,
        before: Plan,
        after: Plan,
        label: str,
        merge: str = "",
        done: bool = False,
    ) -> None:
        """`done`: the plan is in force already, so that pushing the command assigns nothing."""
        super().__init__(label)
        self._session = session
        self.before = before
        self.after = after
        self.merge = merge
        self._done = done

    def id(self) -> int:
        return MERGEABLE if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, PlanCommand) or other.merge != self.merge:
            return False
        self.after = other.after
        return True

    def redo(self) -> None:
        if self._done:
            self._done = False
            return
        self._session.assign_plan(self.after)

    def undo(self) -> None:
        self._session.assign_plan(self.before)
