"""Boxes of two drawings that stand for each other, and which heights belong together for scrolling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from core.values import Counterpart
from gui.models.arrays import distinct
from gui.models.graph_items import GraphItems

_KEPT = ("same", "replaced")


class CounterpartMap:
    """Between the original's drawing (left) and the compressed network's (right), by box indices."""

    def __init__(self, left: GraphItems, right: GraphItems, pairs: Sequence[Counterpart]) -> None:
        self._forth: dict[int, tuple[int, ...]] = {}
        self._relation: dict[int, str] = {}
        back: dict[int, list[int]] = defaultdict(list)
        heights: list[tuple[float, float]] = []
        for name, others, relation in _with_ends(left, pairs):
            source = left.by_id.get(name)
            targets = tuple(right.by_id[other] for other in others if other in right.by_id)
            if source is None:
                continue
            self._forth[source], self._relation[source] = targets, relation
            for target in targets:
                back[target].append(source)
            if targets and relation in _KEPT:
                heights.append((left.nodes[source].y, right.nodes[targets[0]].y))
        self._back = {target: tuple(sources) for target, sources in back.items()}
        heights = sorted(set(heights)) or [(0.0, 0.0)]
        self._left_heights, first = distinct(np.array([one for one, _ in heights]))
        # branches may change places: where heights cross, scrolling only ever goes on
        self._right_heights = np.maximum.accumulate(np.array([other for _, other in heights]))[first]

    def right_of(self, index: int) -> tuple[int, ...]:
        """What stands for a box of the original, the kept one first; () for no counterpart."""
        return self._forth.get(index, ())

    def left_of(self, index: int) -> tuple[int, ...]:
        """The boxes of the original that a box of the compressed network stands for."""
        return self._back.get(index, ())

    def relation(self, index: int) -> str:
        """How a box of the original corresponds: see `Counterpart`."""
        return self._relation.get(index, "none") if self.right_of(index) else "none"

    @property
    def with_right(self) -> frozenset[int]:
        return frozenset(index for index, targets in self._forth.items() if targets)

    @property
    def with_left(self) -> frozenset[int]:
        return frozenset(self._back)

    def height_right(self, height: float) -> float:
        """The height in the compressed drawing that belongs to one in the original's."""
        return _between(height, self._left_heights, self._right_heights)

    def height_left(self, height: float) -> float:
        return _between(height, self._right_heights, self._left_heights)


def _with_ends(left: GraphItems, pairs: Sequence[Counterpart]) -> list[tuple[str, tuple[str, ...], str]]:
    """The pairs, and the inputs and outputs, which keep their names."""
    ends = [node.id for node in left.nodes if node.op in ("input", "output")]
    return [
        *((name, (name,), "same") for name in ends),
        *((pair.original, pair.compressed, pair.relation) for pair in pairs if pair.original),
    ]


def _between(height: float, known: np.ndarray, wanted: np.ndarray) -> float:
    """Interpolated; beyond the ends it goes on point by point."""
    if height <= known[0]:
        return float(wanted[0] + height - known[0])
    if height >= known[-1]:
        return float(wanted[-1] + height - known[-1])
    return float(np.interp(height, known, wanted))
