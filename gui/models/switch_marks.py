"""Where a drawn graph changes its precision: which edges, and where on them the mark stands."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF

from core.precision import Switches
from gui.models.graph_items import GraphItems
from gui.models.group_tree import GroupTree

MARK = 40.0, 15.0
"""Width and height that a mark may take, in points at 100 %."""
_FROM_END = (17.0, 34.0, 52.0, 72.0, 100.0)
"""Places to try, so far from the end of the edge."""


def switch_text(bits: tuple[int, ...]) -> str:
    """'32→8'."""
    return "→".join(map(str, bits))


class SwitchMarks:
    """Edge index -> bits along it, one after the other; where two marks would meet one moves up its edge."""

    def __init__(self, items: GraphItems, found: Switches, tree: GroupTree | None = None) -> None:
        """`found` is of the whole graph; boxes inside closed groups count as these."""
        self._items = items
        self.by_edge = _by_edge(items, found, tree)
        self._into: dict[str, list[int]] = {}
        self._out_of: dict[str, list[int]] = {}
        for index in self.by_edge:
            edge = items.edges[index]
            self._into.setdefault(edge.target, []).append(index)
            self._out_of.setdefault(edge.source, []).append(index)
        self._places: dict[int, QPointF] = {}

    def __len__(self) -> int:
        return len(self.by_edge)

    def into(self, box_id: str) -> list[int]:
        """Edges with a mark that lead to this box."""
        return self._into.get(box_id, [])

    def out_of(self, box_id: str) -> list[int]:
        return self._out_of.get(box_id, [])

    def place(self, index: int) -> QPointF:
        """The middle of an edge's mark, in the graph's coordinates; the same whatever part is painted."""
        if index not in self._places:
            taken: list[QRectF] = []
            for other in self.into(self._items.edges[index].target):
                spot = self._free_spot(other, taken)
                taken.append(_around(spot))
                self._places[other] = spot
        return self._places[index]

    def _free_spot(self, index: int, taken: list[QRectF]) -> QPointF:
        path = self._items.path(index)
        length = path.length()
        spots = [
            path.pointAtPercent(path.percentAtLength(length - min(back, length / 2))) for back in _FROM_END
        ]
        for spot in spots:
            mark = _around(spot)
            if not any(mark.intersects(other) for other in taken):
                return spot
        return spots[-1]


def _around(spot: QPointF) -> QRectF:
    return QRectF(spot.x() - MARK[0] / 2, spot.y() - MARK[1] / 2, *MARK)


def _by_edge(
    items: GraphItems, found: Mapping[tuple[str, str], tuple[int, ...]], tree: GroupTree | None
) -> dict[int, tuple[int, ...]]:
    if not found:
        return {}
    shown: dict[tuple[str, str], tuple[int, ...]] = {}
    for (source, target), bits in found.items():
        pair = _box(items, source, tree), _box(items, target, tree)
        # of several edges that a closed group draws as one, the one that changes most
        if len(bits) > len(shown.get(pair, ())):
            shown[pair] = bits
    return {
        index: shown[edge.source, edge.target]
        for index, edge in enumerate(items.edges)
        if (edge.source, edge.target) in shown
    }


def _box(items: GraphItems, box_id: str, tree: GroupTree | None) -> str:
    """The box itself, or the closed group that it is drawn as."""
    if box_id in items.by_id or tree is None:
        return box_id
    return next((group.id for group in tree.around(box_id) if group.id in items.by_id), box_id)
