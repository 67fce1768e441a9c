"""A model's drawing in one detail: laid out whole, or with some of its groups closed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from core.graph.boxes import GROUP_SIZE, boxes
from core.graph.grouping import Grouping
from core.graph.labels import clean
from core.graph.layout import place
from core.graph.opened import OpenedModel
from core.values import Graph, GraphGroup, GraphGroups, GraphNode

MOST_BOXES = 50_000
"""More are not laid out: nobody finds anything among them, and the window would stand still meanwhile."""
_LABEL_LENGTH = 22


def layout(opened: OpenedModel, detail: Literal["layers", "nodes"]) -> Graph:
    """Return the drawn graph of a model, every box of it."""
    return Drawing(opened, detail).whole()


class Drawing:
    """What it works out it keeps: closing one group after another asks for the same again."""

    def __init__(self, opened: OpenedModel, detail: Literal["layers", "nodes"]) -> None:
        self.opened = opened
        self.detail: Literal["layers", "nodes"] = detail
        self._boxes = boxes(opened, detail)

    @property
    def drawable(self) -> bool:
        return len(self._boxes.nodes) <= MOST_BOXES

    def whole(self) -> Graph:
        if not self.drawable:
            return Graph(detail=self.detail, nodes=(), edges=(), too_many=len(self._boxes.nodes))
        return place(self._boxes.nodes, self._boxes.edges, self.detail)

    @property
    def groups(self) -> GraphGroups:
        return self._grouping.values

    @cached_property
    def _grouping(self) -> Grouping:
        return Grouping(self._boxes, {layer.id: layer for layer in self.opened.info.layers}, self.detail)

    def closed(self, wanted: Iterable[str]) -> Graph:
        """Lay out with these groups drawn as one box each; ids that are unknown here change nothing.

        A closed group inside a closed one is not to be seen.
        """
        asked = tuple(wanted)
        names = set(asked)
        order = self.groups.order
        box_of = [-1] * len(order)
        nodes: list[GraphNode] = []
        done = 0
        for group in self.groups.groups:
            if group.id not in names or group.first < done:
                continue
            self._open(done, group.first, box_of, nodes)
            for index in order[group.first : group.first + group.count]:
                box_of[index] = len(nodes)
            nodes.append(_box(group))
            done = group.first + group.count
        self._open(done, len(order), box_of, nodes)
        edges = {(box_of[source], box_of[target]) for source, target in self._boxes.edges}
        return place(nodes, sorted(pair for pair in edges if pair[0] != pair[1]), self.detail, asked)

    def _open(self, begin: int, end: int, box_of: list[int], nodes: list[GraphNode]) -> None:
        """Add the boxes of this stretch, each for itself."""
        for index in self.groups.order[begin:end]:
            box_of[index] = len(nodes)
            nodes.append(self._boxes.nodes[index])


def _box(group: GraphGroup) -> GraphNode:
    return GraphNode(
        id=group.id,
        label=clean(group.label, _LABEL_LENGTH),
        op="group",
        width=GROUP_SIZE[0],
        height=GROUP_SIZE[1],
    )
