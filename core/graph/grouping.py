"""Which boxes of a drawing belong together: by their names' scopes, and because blocks repeat.

All boxes are put into one order in which every source stands before its targets and every group is an
interval. So whichever groups are closed, the drawing that is left has no cycle.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from core.graph.boxes import Boxes
from core.graph.labels import clean
from core.graph.repeats import Repeat, repeats
from core.graph.scopes import Scope, filled, scope_of
from core.values import GraphGroup, GraphGroups, Layer

PREFIX = "group:"
_LABEL_LENGTH = 40
_LEAST_TIMES = 3
"""So often must a block come that no name marks and no layer is in, and branches side by side."""


@dataclass(eq=False)
class _Group:
    id: str
    label: str
    children: list[int | _Group]
    named: bool = True
    """Whether its label is the name of a scope, and not made of its members'."""
    repeats: int = 0
    kind: int = -1
    members: list[int] = field(default_factory=list)


class Grouping:
    """The groups of a drawing. `order` holds the boxes' indices, `groups` the intervals, outer ones first."""

    def __init__(self, drawn: Boxes, layers: dict[str, Layer], detail: str) -> None:
        self._nodes = drawn.nodes
        count = len(drawn.nodes)
        self._sources: list[list[int]] = [[] for _ in range(count)]
        self._targets: list[list[int]] = [[] for _ in range(count)]
        for source, target in drawn.edges:
            self._sources[target].append(source)
            self._targets[source].append(target)
        found: list[Scope | None] = [
            scope_of(node, layers.get(node.name or ""), body) if node is not None else ()
            for node, body in zip(drawn.made_of, drawn.bodies, strict=True)
        ]
        self._scopes = filled(found, drawn.bodies, self._sources, self._targets)
        self._numbers: dict[Hashable, int] = {}
        self._times: dict[str, int] = defaultdict(int)
        self._kinds = [
            self._number((box.op, *(box.detail.split("\n")[1:] if box.layer_id or box.detail else ())))
            for box in drawn.nodes
        ]
        children = self._simple(self._arranged(list(range(count)), 0))
        self.order: list[int] = _members(children)
        self._place = {index: place for place, index in enumerate(self.order)}
        self._collect(children)
        root = _Group("", "", self._folded(children))
        self.values = GraphGroups(
            detail="layers" if detail == "layers" else "nodes",
            order=tuple(self.order),
            groups=tuple(self._values(root.children, -1, [0])),
        )

    # ------------------------------------------------------------ by name

    def _arranged(self, members: list[int], depth: int) -> list[int | _Group]:
        """Members in order, those with the same next step of their scope as one group."""
        keys: dict[int, Hashable] = {}
        for index in members:
            scope = self._scopes[index]
            keys[index] = scope[depth] if len(scope) > depth else (index,)
        if all(isinstance(key, tuple) for key in keys.values()):
            return list(members)
        pieces = self._pieces(members, keys)
        result: list[int | _Group] = []
        for key, inside in pieces:
            if isinstance(key, tuple):
                result.extend(inside)
                continue
            steps = self._scopes[inside[0]][: depth + 1]
            # a body is called after its node, whose name repeats the whole way there
            path = ".".join(step.rsplit("/", 1)[-1] for step in steps)
            self._times[path] += 1
            again = f" #{self._times[path]}" if self._times[path] > 1 else ""
            group = _Group(PREFIX + path + again, path + again, self._arranged(inside, depth + 1))
            result.append(group)
        return result

    def _pieces(self, members: list[int], keys: dict[int, Hashable]) -> list[tuple[Hashable, list[int]]]:
        """Members in an order that sources precede targets in, cut where the key changes; most keys once."""
        inside: dict[Hashable, list[int]] = defaultdict(list)
        for index in members:
            inside[keys[index]].append(index)
        waits: dict[Hashable, set[Hashable]] = {key: set() for key in inside}
        follow: dict[Hashable, set[Hashable]] = {key: set() for key in inside}
        for index in members:
            for source in self._sources[index]:
                if source in keys and keys[source] != keys[index]:
                    waits[keys[index]].add(keys[source])
                    follow[keys[source]].add(keys[index])
        ready = [(held[0], key) for key, held in inside.items() if not waits[key]]
        heapq.heapify(ready)
        pieces: list[tuple[Hashable, list[int]]] = []
        done: set[Hashable] = set()
        while ready:
            _, key = heapq.heappop(ready)
            done.add(key)
            pieces.append((key, inside[key]))
            for target in follow[key]:
                waits[target].discard(key)
                if not waits[target]:
                    heapq.heappush(ready, (inside[target][0], target))
        if len(done) < len(inside):
            # scopes that feed each other in a circle: node by node, each as long as it can go on
            pieces += self._runs([index for index in members if keys[index] not in done], keys)
        return pieces

    def _runs(self, members: list[int], keys: dict[int, Hashable]) -> list[tuple[Hashable, list[int]]]:
        left = set(members)
        waiting = {index: sum(source in left for source in self._sources[index]) for index in members}
        ready: dict[Hashable, list[int]] = defaultdict(list)
        everywhere: list[int] = []

        def offer(index: int) -> None:
            heapq.heappush(ready[keys[index]], index)
            heapq.heappush(everywhere, index)

        for index in members:
            if not waiting[index]:
                offer(index)
        runs: list[tuple[Hashable, list[int]]] = []
        while everywhere:
            first = heapq.heappop(everywhere)
            if first not in left:
                continue
            key, run = keys[first], []
            while ready[key]:
                index = heapq.heappop(ready[key])
                left.remove(index)
                run.append(index)
                for target in self._targets[index]:
                    if target in left:
                        waiting[target] -= 1
                        if not waiting[target]:
                            offer(target)
            runs.append((key, run))
        return runs

    def _simple(self, children: list[int | _Group]) -> list[int | _Group]:
        """Groups of a single member give way to it."""
        result: list[int | _Group] = []
        for child in children:
            if isinstance(child, _Group):
                child.children = self._simple(child.children)
                result.append(child.children[0] if len(child.children) == 1 else child)
            else:
                result.append(child)
        return result

    # ------------------------------------------------------------ by repetition

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _collect(self, children: list[int | _Group]) -> None:
        """Note each group's members and what kind of network it is: equal numbers mean equal blocks."""
        for child in children:
            if isinstance(child, _Group):
                self._collect(child.children)
                child.members = _members(child.children)
                child.kind = self._number(self._structure(child.members))

    def _structure(self, members: list[int]) -> tuple[object, ...]:
        """Operators, attributes, weights' shapes and inner wiring of neighbours in the order."""
        first = self._place[members[0]]
        wiring = [
            sorted(at - first for at in map(self._place.__getitem__, self._sources[index]) if at >= first)
            for index in members
        ]
        return tuple((self._kinds[index], *inner) for index, inner in zip(members, wiring, strict=True))

    def _folded(self, children: list[int | _Group]) -> list[int | _Group]:
        """Children with what repeats put together: each piece a group, and all pieces one."""
        for child in children:
            if isinstance(child, _Group):
                inner = self._folded(child.children)
                if len(inner) == 1 and isinstance(inner[0], _Group):
                    # the scope holds nothing but repeated blocks: it is their group itself
                    child.repeats, inner = inner[0].repeats, inner[0].children
                child.children = inner
        kinds = [child.kind if isinstance(child, _Group) else self._kinds[child] for child in children]
        result: list[int | _Group] = []
        at = 0
        for repeat in repeats(kinds):
            blocks = self._blocks(children, repeat)
            if not blocks:
                continue
            begin, pieces = blocks
            result.extend(children[at:begin])
            named = _between(self._label(pieces[0], 0), self._label(pieces[-1], -1))
            run = _Group(f"{pieces[0].id}×{len(pieces)}", named, list(pieces), repeats=len(pieces))
            run.members = _members(run.children)
            run.kind = self._number(("run", run.repeats, pieces[0].kind))
            result.append(run)
            at = begin + repeat.period * len(pieces)
        result.extend(children[at:])
        return result

    def _blocks(self, children: list[int | _Group], repeat: Repeat) -> tuple[int, list[_Group]] | None:
        """Where the pieces begin, and the pieces; None where they are no blocks worth a box."""
        if repeat.period == 1:
            pieces = [child for child in children[repeat.start : repeat.end] if isinstance(child, _Group)]
            if len(pieces) < repeat.count or not (repeat.count >= _LEAST_TIMES or self._feeds(*pieces[:2])):
                return None  # two alike side by side are branches that a person wants to see as such
            return repeat.start, pieces
        layers = sum(
            any(self._nodes[index].layer_id for index in _members([child]))
            for child in children[repeat.start : repeat.start + repeat.period]
        )
        if repeat.count < _LEAST_TIMES and not layers:
            return None
        begin = min(range(repeat.slack + 1), key=lambda slack: self._seam(children, repeat, slack))
        begin += repeat.start
        pieces = []
        for number in range(repeat.count):
            start = begin + number * repeat.period
            inside = children[start : start + repeat.period]
            members = _members(inside)
            first, last = self._nodes[members[0]], self._nodes[members[-1]]
            group = _Group(f"{PREFIX}{first.id} … {last.id}", _between(first.label, last.label), inside)
            group.named = False
            group.members, group.kind = members, self._number(self._structure(members))
            pieces.append(group)
        same = [group for group in pieces if group.kind == pieces[0].kind]
        return (begin, pieces) if len(same) == len(pieces) and self._joined(pieces[0]) else None

    def _label(self, group: _Group, end: int) -> str:
        return group.label if group.named else self._nodes[group.members[end]].label

    def _feeds(self, group: _Group, other: _Group) -> bool:
        members = set(other.members)
        return any(target in members for index in group.members for target in self._targets[index])

    def _seam(self, children: list[int | _Group], repeat: Repeat, slack: int) -> tuple[int, int, int]:
        """How cleanly pieces part that begin so much later: values and arrows across, no layer in front."""
        start = repeat.start + slack + repeat.period
        end = self._place[_members([children[start]])[0]]
        inside = _members(children[start - repeat.period : start])
        crossing = [
            (index, target)
            for index in inside
            for target in self._targets[index]
            if self._place[target] >= end
        ]
        first = self._nodes[_members([children[start]])[0]]
        return len({index for index, _ in crossing}), int(first.layer_id is None), len(crossing)

    def _joined(self, group: _Group) -> bool:
        """Whether the members hang together: parallel branches side by side are no block."""
        members = set(group.members)
        seen, queue = {group.members[0]}, [group.members[0]]
        while queue:
            index = queue.pop()
            for other in (*self._sources[index], *self._targets[index]):
                if other in members and other not in seen:
                    seen.add(other)
                    queue.append(other)
        return seen == members

    # ------------------------------------------------------------ values

    def _values(self, children: list[int | _Group], parent: int, counter: list[int]) -> list[GraphGroup]:
        result: list[GraphGroup] = []
        for child in children:
            if isinstance(child, _Group):
                number = counter[0]
                counter[0] += 1
                first = self._place[child.members[0]]
                result.append(
                    GraphGroup(
                        id=child.id,
                        label=clean(child.label, _LABEL_LENGTH),
                        parent=parent,
                        first=first,
                        count=len(child.members),
                        repeats=child.repeats,
                        kind=child.kind,
                    )
                )
                result.extend(self._values(child.children, number, counter))
        return result


def _members(children: list[int | _Group]) -> list[int]:
    members: list[int] = []
    for child in children:
        if isinstance(child, _Group):
            members.extend(child.members or _members(child.children))
        else:
            members.append(child)
    return members


def _between(first: str, last: str) -> str:
    """'layers.0', 'layers.2' -> 'layers.0 … 2'."""
    one, other = first.split("."), last.split(".")
    shared = 0
    while shared < min(len(one), len(other)) - 1 and one[shared] == other[shared]:
        shared += 1
    return f"{first} … {'.'.join(other[shared:])}"
