"""What the graph shows beside boxes and edges: where the precision changes, and whose channels go as one."""

from __future__ import annotations

from core.precision import Switches, planned_precision, switches
from core.values import GraphNode, Wiring
from gui import format as fmt
from gui.i18n import tr
from gui.models.graph_items import GraphItems
from gui.models.group_tree import GroupTree
from gui.models.switch_marks import SwitchMarks
from gui.models.tie_words import coupling_lines, switch_lines
from gui.session import Session


class GraphTies:
    def __init__(self, session: Session) -> None:
        self._session = session
        self.marks: SwitchMarks | None = None
        self._made_of: tuple[GraphItems, GroupTree | None, Switches] | None = None
        self._found: tuple[Wiring, str, dict[str, int], Switches] | None = None

    def resolve(self, items: GraphItems | None, detail: str, tree: GroupTree | None) -> None:
        """Work out the marks for a drawing under the plan as it stands; what did not change is kept."""
        found = self._switches(detail)
        if items is None or found is None:
            self.marks, self._made_of = None, None
            return
        kept = self._made_of
        if kept is None or kept[0] is not items or kept[1] is not tree or kept[2] is not found:
            self._made_of = items, tree, found
            self.marks = SwitchMarks(items, found, tree)

    def _switches(self, detail: str) -> Switches | None:
        wiring, graph = self._session.layouts.wiring, self._session.graphs.get(detail)
        if wiring is None or graph is None:
            return None
        precision, kept = planned_precision(wiring, self._session.plan), self._found
        if kept is None or kept[0] is not wiring or kept[1] != detail or kept[2] != precision:
            boxes = [node.id for node in graph.nodes]
            kept = self._found = wiring, detail, precision, switches(wiring, boxes, precision)
        return kept[3]

    def mates(self, items: GraphItems | None) -> frozenset[int]:
        """Boxes of the layers whose channels go with those of the selected one."""
        if items is None:
            return frozenset()
        mates = self._session.couplings.mates(self._session.selection)
        own = items.by_layer.get(self._session.selection or "")
        return frozenset(items.by_layer[mate] for mate in mates if mate in items.by_layer) - {own}

    def count_words(self) -> str:
        """How often the precision changes; '' where it never does."""
        count = len(self.marks) if self.marks is not None else 0
        return "" if not count else tr("{n} changes of precision").format(n=fmt.count(count))

    def lines(self, items: GraphItems, node: GraphNode) -> list[str]:
        """What is to be said of a box."""
        said = switch_lines(items, self.marks, node)
        return said + coupling_lines(self._session, node.layer_id)
