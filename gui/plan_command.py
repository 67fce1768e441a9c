"""The one undo command: a plan before, a plan after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from core.values import Plan

if TYPE_CHECKING:
    from gui.session import Session

MERGEABLE = 1


class PlanCommand(QUndoCommand):
    """Undo is assignment. Commands with the same merge key become one, as while dragging a slider."""

    def __init__(self, session: Session, before: Plan, after: Plan, label: str, merge: str = "") -> None:
        super().__init__(label)
        self._session = session
        self._before = before
        self._after = after
        self._merge = merge

    def id(self) -> int:
        return MERGEABLE if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, PlanCommand) or other._merge != self._merge:
            return False
        self._after = other._after
        return True

    def redo(self) -> None:
        self._session.assign_plan(self._after)

    def undo(self) -> None:
        self._session.assign_plan(self._before)
