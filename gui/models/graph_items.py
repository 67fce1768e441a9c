"""The geometry of a laid-out graph: what lies where, what is next to what. No widget, no colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from core.values import Graph, GraphEdge, GraphNode

GROUP = "group"
"""The `op` of a closed group's box."""
CORNER = 8.0
"""Radius of an edge's bends, in points at 100 %."""


class GraphItems:
    """A `Graph` made fast to ask: by place, by name, by neighbour. Coordinates are the graph's own.

    `rects` is (nodes, 4) and `edge_boxes` is (edges, 4), both left, top, right, bottom, float64.
    """

    def __init__(
        self,
        graph: Graph,
        spare_right: float = 0.0,
        inside: Callable[[str], Sequence[str]] | None = None,
        around: float = 0.0,
    ) -> None:
        """`inside`: group id -> ids of the layers in it, which are found at the closed group's box."""
        self.graph = graph
        self.nodes: tuple[GraphNode, ...] = graph.nodes
        self.edges: tuple[GraphEdge, ...] = graph.edges
        self.rects = np.array(
            [
                (n.x - n.width / 2, n.y - n.height / 2, n.x + n.width / 2, n.y + n.height / 2)
                for n in self.nodes
            ],
            dtype=float,
        ).reshape(-1, 4)
        self.edge_boxes = np.array([_box(edge) for edge in self.edges], dtype=float).reshape(-1, 4)
        self.by_id = {node.id: index for index, node in enumerate(self.nodes)}
        self.by_layer: dict[str, int] = {}
        for index, node in enumerate(self.nodes):
            if node.layer_id is not None:
                self.by_layer.setdefault(node.layer_id, index)
            elif node.op == GROUP and inside is not None:
                for layer_id in inside(node.id):
                    self.by_layer.setdefault(layer_id, index)
        self.layer_ids = [node.layer_id for node in self.nodes]
        self.coloured = np.array(
            [node.layer_id is not None or node.op == GROUP for node in self.nodes], dtype=bool
        )
        """Which boxes may have a figure."""
        self.groups = [index for index, node in enumerate(self.nodes) if node.op == GROUP]
        self._paths: dict[int, QPainterPath] = {}
        self._segments: tuple[np.ndarray, np.ndarray] | None = None
        self._next: list[list[int]] = [[] for _ in self.nodes]
        self._previous: list[list[int]] = [[] for _ in self.nodes]
        for edge in self.edges:
            source, target = self.by_id.get(edge.source), self.by_id.get(edge.target)
            if source is not None and target is not None:
                self._next[source].append(target)
                self._previous[target].append(source)
        self.bounds = self._bounds().adjusted(-around, -around, spare_right + around, around)
        """All of the drawing, with `spare_right` and `around` points for what is drawn beside it."""

    def _bounds(self) -> QRectF:
        boxes = np.concatenate([self.rects, self.edge_boxes])
        if not len(boxes):
            return QRectF()
        left, top = boxes[:, :2].min(axis=0)
        right, bottom = boxes[:, 2:].max(axis=0)
        return QRectF(left, top, right - left, bottom - top)

    def rect(self, index: int) -> QRectF:
        left, top, right, bottom = self.rects[index]
        return QRectF(left, top, right - left, bottom - top)

    def nodes_in(self, area: QRectF) -> np.ndarray:
        """Indices of the nodes that touch `area`."""
        return _touching(self.rects, area)

    def edges_in(self, area: QRectF) -> np.ndarray:
        """Indices of the edges whose bounding box touches `area`."""
        return _touching(self.edge_boxes, area)

    def at(self, point: QPointF) -> int | None:
        """The node under a point."""
        found = self.nodes_in(QRectF(point.x(), point.y(), 0, 0))
        return int(found[-1]) if len(found) else None

    def nearest(self, point: QPointF) -> int | None:
        """The node whose middle is nearest to a point."""
        if not len(self.rects):
            return None
        middles = (self.rects[:, :2] + self.rects[:, 2:]) / 2
        return int(((middles - (point.x(), point.y())) ** 2).sum(axis=1).argmin())

    def path(self, edge: int) -> QPainterPath:
        """The edge with its bends rounded."""
        if edge not in self._paths:
            self._paths[edge] = rounded(self.edges[edge].points)
        return self._paths[edge]

    def segments_in(self, area: QRectF) -> np.ndarray:
        """The straight pieces of all edges that touch `area`, (pieces, 4): from x, y to x, y."""
        if self._segments is None:
            points = [point for edge in self.edges for point in edge.points]
            pieces = np.array(points, dtype=float).reshape(-1, 2)
            pieces = np.concatenate([pieces[:-1], pieces[1:]], axis=1) if len(points) else np.zeros((0, 4))
            ends = np.cumsum([len(edge.points) for edge in self.edges])[:-1] - 1
            # between the last point of an edge and the first of the next there is nothing
            pieces = np.delete(pieces, ends[(ends >= 0) & (ends < len(pieces))], axis=0)
            low, high = np.minimum(pieces[:, :2], pieces[:, 2:]), np.maximum(pieces[:, :2], pieces[:, 2:])
            self._segments = pieces, np.concatenate([low, high], axis=1)
        pieces, boxes = self._segments
        return pieces[_touching(boxes, area)]

    def start_x(self) -> float:
        """Where the first row is; of several boxes in it the one nearest the middle."""
        if not len(self.rects):
            return 0.0
        first = self.rects[self.rects[:, 1] <= self.rects[:, 1].min() + 1.0]
        middles = (first[:, 0] + first[:, 2]) / 2
        return float(middles[np.abs(middles - self.bounds.center().x()).argmin()])

    def is_free(self, area: QRectF) -> bool:
        """Whether no box touches `area`."""
        return not len(self.nodes_in(area))

    def right_end(self, top: float, bottom: float) -> float:
        """The rightmost point of all boxes and edges between two heights."""
        area = QRectF(-1e9, top, 2e9, max(bottom - top, 0.0))
        boxes = np.concatenate([self.rects[self.nodes_in(area)], self.edge_boxes[self.edges_in(area)]])
        return float(boxes[:, 2].max()) if len(boxes) else 0.0

    # ------------------------------------------------------------ neighbours, for the arrow keys

    def below(self, index: int) -> int | None:
        return self._nearest(index, self._next[index])

    def above(self, index: int) -> int | None:
        return self._nearest(index, self._previous[index])

    def beside(self, index: int, direction: int) -> int | None:
        """The nearest node on the same height, to the left (-1) or to the right (+1)."""
        left, top, right, bottom = self.rects[index]
        level = (self.rects[:, 1] < bottom) & (self.rects[:, 3] > top)
        middle = (left + right) / 2
        offset = ((self.rects[:, 0] + self.rects[:, 2]) / 2 - middle) * direction
        candidates = np.flatnonzero(level & (offset > 0))
        return int(candidates[offset[candidates].argmin()]) if len(candidates) else None

    def _nearest(self, index: int, candidates: list[int]) -> int | None:
        """The candidate that is straightest ahead: a skip connection comes last."""
        here = self.nodes[index]
        return min(
            candidates,
            key=lambda other: abs(self.nodes[other].y - here.y) + abs(self.nodes[other].x - here.x),
            default=None,
        )


def rounded(points: tuple[tuple[float, float], ...], radius: float = CORNER) -> QPainterPath:
    """A polyline whose corners are quarter-like curves of at most `radius`."""
    path = QPainterPath()
    if not points:
        return path
    corners = [QPointF(x, y) for x, y in points]
    path.moveTo(corners[0])
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        path.lineTo(_towards(corner, before, radius))
        path.quadTo(corner, _towards(corner, after, radius))
    path.lineTo(corners[-1])
    return path


def _towards(corner: QPointF, other: QPointF, radius: float) -> QPointF:
    """The point `radius` from the corner, at most half the way to the other point."""
    way = other - corner
    length = (way.x() ** 2 + way.y() ** 2) ** 0.5
    if length == 0:
        return corner
    return corner + way * (min(radius, length / 2) / length)


def _box(edge: GraphEdge) -> tuple[float, float, float, float]:
    if not edge.points:
        return (np.inf, np.inf, -np.inf, -np.inf)
    xs, ys = zip(*edge.points, strict=True)
    return (min(xs), min(ys), max(xs), max(ys))


def _touching(boxes: np.ndarray, area: QRectF) -> np.ndarray:
    return np.flatnonzero(
        (boxes[:, 2] >= area.left())
        & (boxes[:, 0] <= area.right())
        & (boxes[:, 3] >= area.top())
        & (boxes[:, 1] <= area.bottom())
    )


def lanes(spans: list[tuple[float, float]]) -> list[int]:
    """Spread vertical brackets over as few lanes as keep them apart: one lane number per span."""
    order = sorted(range(len(spans)), key=lambda index: spans[index])
    ends: list[float] = []
    chosen = [0] * len(spans)
    for index in order:
        top, bottom = spans[index]
        lane = next((number for number, end in enumerate(ends) if end < top), len(ends))
        if lane == len(ends):
            ends.append(bottom)
        else:
            ends[lane] = bottom
        chosen[index] = lane
    return chosen
