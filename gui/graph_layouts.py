"""Which groups of the drawn graph are closed; the engine lays out what is left, the latest wish counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import Graph, GraphGroups, Wiring
from gui.engine_client import EngineClient
from gui.models.group_tree import GroupTree
from gui.session_state import SessionState
from gui.side_by_side import SideBySideDrawing


class GraphLayouts(QObject):
    """Of the open model, for each detail: its groups, which of them are closed, and the drawing to show."""

    changed = Signal(str)
    """The detail whose drawing or groups are others now."""
    wired = Signal()
    """It is known now which nodes may compute on integers."""

    def __init__(self, engine: EngineClient, state: SessionState) -> None:
        super().__init__(state)
        self._engine = engine
        self._state = state
        self._trees: dict[str, GroupTree] = {}
        self._closed: dict[str, frozenset[str]] = {}
        self._drawn: dict[str, Graph] = {}
        self._asked: dict[int, str] = {}
        self.shown: Literal["layers", "nodes"] = "layers"
        """The detail that is looked at: of a model that is opened it comes first."""
        self.wiring: Wiring | None = None
        """Of the open model; None until the engine has told it."""
        self.side = SideBySideDrawing(engine, state)
        engine.event.connect(self._on_event)
        state.model_changed.connect(self._on_model)

    # ------------------------------------------------------------ what is shown

    def tree(self, detail: str) -> GroupTree | None:
        """None until the engine has told the groups."""
        return self._trees.get(detail)

    def graph(self, detail: str) -> Graph | None:
        """The drawing to show: with the closed groups as boxes, or the whole."""
        return self._drawn.get(detail) or self._state.graphs.get(detail)

    def closed(self, detail: str) -> frozenset[str]:
        """Ids of all closed groups, those inside closed ones too."""
        return self._closed.get(detail, frozenset())

    def waiting(self, detail: str) -> bool:
        """Whether the drawing is behind what was asked for."""
        return detail in self._asked.values()

    # ------------------------------------------------------------ wishes

    def close(self, detail: str, groups: Iterable[str]) -> None:
        self._set(detail, self.closed(detail) | set(groups))

    def open(self, detail: str, groups: Iterable[str]) -> None:
        """Open these; what is closed inside them stays so."""
        self._set(detail, self.closed(detail) - set(groups))

    def open_all(self, detail: str) -> None:
        self._set(detail, frozenset())

    def _set(self, detail: str, closed: frozenset[str]) -> None:
        tree, model = self._trees.get(detail), self._state.model
        if tree is None or model is None or closed == self.closed(detail):
            return
        self._closed[detail] = closed
        self._asked = {asked: what for asked, what in self._asked.items() if what != detail}
        seen = tree.outermost(closed)
        if not seen:
            self._drawn.pop(detail, None)
            self.changed.emit(detail)
            return
        request = m.LayOut(
            model=model.path,
            detail="nodes" if detail == "nodes" else "layers",
            closed=seen,
            model_sha256=model.sha256,
        )
        self._asked[self._engine.send(request).id] = detail

    # ------------------------------------------------------------ answers

    def take_groups(self, groups: GraphGroups) -> None:
        whole = self._state.graphs.get(groups.detail)
        if whole is not None and len(whole.nodes) == len(groups.order):
            self._trees[groups.detail] = GroupTree(whole, groups)
            self.changed.emit(groups.detail)

    def take_wiring(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.wired.emit()

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id not in self._asked or not isinstance(event, m.Done | m.Failed):
            return
        detail = self._asked.pop(event.id)
        if isinstance(event, m.Done) and isinstance(event.value, Graph):
            self._drawn[detail] = event.value
        else:
            # the file changed or the engine died: the drawing stays, and says what is closed in it
            drawn = self._drawn.get(detail)
            self._closed[detail] = frozenset(drawn.closed if drawn is not None else ())
        self.changed.emit(detail)

    def _on_model(self, _model: object) -> None:
        self._trees, self._closed, self._drawn, self._asked = {}, {}, {}, {}
        self.wiring = None
