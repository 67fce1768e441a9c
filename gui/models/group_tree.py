"""The groups of a drawn graph as the window asks about them: what is in them, what surrounds a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable

from core.values import Graph, GraphGroup, GraphGroups


class GroupTree:
    """`GraphGroups` and the whole `Graph` that they are of, made fast to ask."""

    def __init__(self, whole: Graph, groups: GraphGroups) -> None:
        self._nodes = whole.nodes
        self._order = groups.order
        self.groups = groups.groups
        self.by_id: dict[str, GraphGroup] = {group.id: group for group in self.groups}
        self._kinds = Counter(group.kind for group in self.groups)
        self._innermost: dict[str, int] = {}
        for index, group in enumerate(self.groups):
            # inner groups come later and have the last word
            for place in range(group.first, group.first + group.count):
                self._innermost[self._nodes[self._order[place]].id] = index
        self._places = {self._nodes[index].id: place for place, index in enumerate(self._order)}
        self._layers: dict[str, tuple[str, ...]] = {}

    def layers(self, group_id: str) -> tuple[str, ...]:
        """Ids of the layers inside, in the network's order; () for what is no group."""
        group = self.by_id.get(group_id)
        if group is None:
            return ()
        if group_id not in self._layers:
            inside = (self._nodes[index] for index in self._members(group))
            self._layers[group_id] = tuple(node.layer_id for node in inside if node.layer_id is not None)
        return self._layers[group_id]

    def words(self, group_id: str) -> str:
        """Names and operators of all boxes inside, for the search."""
        inside = (self._nodes[index] for index in self._members(self.by_id[group_id]))
        return "\n".join(f"{node.label}\n{node.id}\n{node.op}" for node in inside)

    def place(self, box_id: str) -> int:
        """Where a box or a group stands in the order."""
        group = self.by_id.get(box_id)
        return group.first if group is not None else self._places.get(box_id, -1)

    def first_of(self, group_id: str, there: Container[str]) -> str | None:
        """The first box in a group, itself or as the closed group that it is in, of those that are there."""
        group = self.by_id.get(group_id)
        for index in self._members(group) if group is not None else ():
            box = self._nodes[index].id
            if box in there:
                return box
            for around in self.around(box):
                if around.id in there:
                    return around.id
        return None

    def alike(self, group_id: str) -> tuple[str, ...]:
        """This group and all that are built like it, in order."""
        kind = self.by_id[group_id].kind
        return tuple(group.id for group in self.groups if group.kind == kind)

    def count_alike(self, group_id: str) -> int:
        return self._kinds[self.by_id[group_id].kind]

    def around(self, box_id: str) -> tuple[GraphGroup, ...]:
        """The groups in which a box or group stands, the innermost first."""
        if box_id in self.by_id:
            index = self.by_id[box_id].parent
        else:
            index = self._innermost.get(box_id, -1)
        found = []
        while index >= 0:
            found.append(self.groups[index])
            index = self.groups[index].parent
        return tuple(found)

    def outermost(self, closed: Iterable[str]) -> tuple[str, ...]:
        """Those of the closed groups that are to be seen: no closed one is around them."""
        names = set(closed)
        end = 0
        seen = []
        for group in self.groups:
            if group.id in names and group.first >= end:
                seen.append(group.id)
                end = group.first + group.count
        return tuple(seen)

    def groups_to_close(self) -> tuple[str, ...]:
        """All of them: whoever opens one finds those inside closed."""
        return tuple(group.id for group in self.groups)

    def rows(self) -> tuple[str, ...]:
        """Rows of identical blocks."""
        return tuple(group.id for group in self.groups if group.repeats)

    def inner(self) -> tuple[str, ...]:
        """Groups that hold no other group: the smallest blocks."""
        parents = {group.parent for group in self.groups}
        return tuple(group.id for index, group in enumerate(self.groups) if index not in parents)

    def _members(self, group: GraphGroup) -> tuple[int, ...]:
        return self._order[group.first : group.first + group.count]
