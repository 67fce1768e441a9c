"""Lay out a graph in layers, top to bottom: places of boxes, way points of arrows.

The order within rows comes from fast-sugiyama (Sugiyama et al. 1981, coordinates after Brandes and
Köpf 2001). Long arrows run through free slots of the rows they pass, so they cross no box.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import msgspec
from fast_sugiyama import from_edges

from core.graph.boxes import GROUP_SIZE, LAYER_SIZE
from core.graph.deep_stack import call_with_stack
from core.values import Graph, GraphEdge, GraphNode

COLUMN = 164.0
"""Distance of neighbours in a row: the widest box and a gap."""
ROW = 60.0
"""Distance of rows: the highest box and room for arrows."""
MARGIN = 24.0

_HALF_ROW = GROUP_SIZE[1] / 2 + 3
_SLOTS_PER_NODE, _SLOTS = 4, 20_000
"""Long arrows may take so many slots of rows; beyond it the longest are led around the drawing."""
_STACK_BYTES, _STACK_BYTES_PER_BOX = 16 * 2**20, 1024
"""The library recurses along chains: 20,000 boxes need between 4 and 8 MiB."""
_SLANTED = 2 * COLUMN
_TRANSPOSE_LIMIT = 1500
_WIDEST = 6000.0
"""Unconnected parts stand side by side up to this width."""

Point = tuple[float, float]


@dataclass
class _Part:
    """A connected part with its own origin."""

    places: dict[int, Point]
    paths: dict[tuple[int, int], list[Point]]
    width: float
    height: float


def place(
    nodes: list[GraphNode],
    edges: list[tuple[int, int]],
    detail: Literal["layers", "nodes"],
    closed: tuple[str, ...] = (),
) -> Graph:
    """Give every box a place and every arrow its way points; the same boxes always get the same places.

    `edges` must hold no cycle. `closed` is handed on: what was asked for to get these boxes.
    """
    if not nodes:
        return Graph(detail=detail, nodes=(), edges=(), closed=closed)
    short, long = _split_long(len(nodes), edges)
    parts = _parts(short)
    inside = {index for part in parts for index in part.places}
    parts += [_Part({i: (0.0, 0.0)}, {}, 0.0, 0.0) for i in range(len(nodes)) if i not in inside]
    places, paths, width, height = _pack(parts)
    side = width
    for step, (source, target) in enumerate(long):
        side = width + 8.0 * (1 + step % 8)
        top, bottom = places[source], places[target]
        paths[source, target] = [
            (top[0], top[1] + ROW / 2),
            (side, top[1] + ROW / 2),
            (side, bottom[1] - ROW / 2),
            (bottom[0], bottom[1] - ROW / 2),
        ]
    return Graph(
        detail=detail,
        nodes=tuple(msgspec.structs.replace(n, x=places[i][0], y=places[i][1]) for i, n in enumerate(nodes)),
        edges=tuple(_edge(nodes, places, paths, pair) for pair in edges),
        width=side + MARGIN if long else width,
        height=height,
        closed=closed,
    )


def _edge(
    nodes: list[GraphNode],
    places: dict[int, Point],
    paths: dict[tuple[int, int], list[Point]],
    pair: tuple[int, int],
) -> GraphEdge:
    (x0, y0), (x1, y1) = places[pair[0]], places[pair[1]]
    start = (x0, y0 + nodes[pair[0]].height / 2)
    end = (x1, y1 - nodes[pair[1]].height / 2)
    middle = paths.get(pair, [])
    if not middle and abs(x1 - x0) <= _SLANTED:  # most arrows: to the next row
        return GraphEdge(source=nodes[pair[0]].id, target=nodes[pair[1]].id, points=(start, end))
    first, last = (middle[0], middle[-1]) if middle else (end, start)
    if abs(first[0] - x0) > _SLANTED or abs(last[0] - x1) > _SLANTED:
        # a flat arrow would graze a neighbour that is higher than its own box
        middle = [(x0, y0 + _HALF_ROW), *middle, (x1, y1 - _HALF_ROW)]
    points = (start, *_straightened(middle), end)
    return GraphEdge(source=nodes[pair[0]].id, target=nodes[pair[1]].id, points=points)


def _straightened(points: list[Point]) -> list[Point]:
    """Leave out points in the middle of a vertical run."""
    return [
        point
        for index, point in enumerate(points)
        if not 0 < index < len(points) - 1 or not points[index - 1][0] == point[0] == points[index + 1][0]
    ]


def _split_long(
    count: int, edges: list[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(edges to lay out, edges to lead around). The shortest edge into and out of each box always stays."""
    rank = _ranks(count, edges)
    spans = {pair: rank[pair[1]] - rank[pair[0]] for pair in edges}
    excess = sum(max(0, span - 1) for span in spans.values()) - _SLOTS - _SLOTS_PER_NODE * count
    if excess <= 0:
        return edges, []
    needed: set[tuple[int, int]] = set()
    for end in (0, 1):
        nearest: dict[int, tuple[int, int]] = {}
        for pair in edges:
            if pair[end] not in nearest or spans[pair] < spans[nearest[pair[end]]]:
                nearest[pair[end]] = pair
        needed.update(nearest.values())
    around: set[tuple[int, int]] = set()
    for pair in sorted(edges, key=lambda pair: (-spans[pair], pair)):
        if excess <= 0 or spans[pair] < 3:
            break
        if pair not in needed:
            around.add(pair)
            excess -= spans[pair] - 1
    return [pair for pair in edges if pair not in around], [pair for pair in edges if pair in around]


def _ranks(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """Longest path from a source; sources move down to their first user."""
    followers: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        followers[source].append(target)
        waiting[target] += 1
    sources = [index for index in range(count) if not waiting[index]]
    rank = [0] * count
    ready = list(sources)
    while ready:
        index = ready.pop()
        for target in followers[index]:
            rank[target] = max(rank[target], rank[index] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for index in sources:
        if followers[index]:
            rank[index] = min(rank[target] for target in followers[index]) - 1
    return rank


def _parts(edges: list[tuple[int, int]]) -> list[_Part]:
    """Lay out each connected part, in the order of their first boxes."""
    if not edges:
        return []
    # the library numbers its slots upwards from the boxes: those must be 0..n-1 without a gap
    used = sorted({index for pair in edges for index in pair})
    number = {index: position for position, index in enumerate(used)}
    numbered = [(number[source], number[target]) for source, target in edges]
    layouts = call_with_stack(
        lambda: from_edges(
            numbered, vertex_spacing=COLUMN, transpose=len(used) <= _TRANSPOSE_LIMIT, check_layout=False
        ),
        _STACK_BYTES + _STACK_BYTES_PER_BOX * len(used),
    )
    parts = [
        _part(
            {int(key): (float(x), float(y)) for key, (x, y) in positions},
            [(int(source), int(target)) for source, target in links or []],
            used,
        )
        for positions, _, _, links in layouts
    ]
    return sorted(parts, key=lambda part: min(part.places))


def _part(positions: dict[int, Point], links: list[tuple[int, int]], used: list[int]) -> _Part:
    highest = max(y for _, y in positions.values())
    leftmost = min(x for x, _ in positions.values())
    # the library counts y upwards, a row every COLUMN
    at = {key: (x - leftmost, (highest - y) / COLUMN * ROW) for key, (x, y) in positions.items()}
    follow: dict[int, list[int]] = defaultdict(list)
    for source, target in links:
        follow[source].append(target)
    paths: dict[tuple[int, int], list[Point]] = {}
    for source in [key for key in at if key < len(used)]:
        for first in follow[source]:
            points: list[Point] = []
            step = first
            while step >= len(used):
                x, y = at[step]
                points += [(x, y - _HALF_ROW), (x, y + _HALF_ROW)]
                step = follow[step][0]
            paths[used[source], used[step]] = points
    return _Part(
        {used[key]: point for key, point in at.items() if key < len(used)},
        paths,
        max(x for x, _ in at.values()),
        max(y for _, y in at.values()),
    )


def _pack(
    parts: list[_Part],
) -> tuple[dict[int, Point], dict[tuple[int, int], list[Point]], float, float]:
    """Set the parts side by side, in rows. Returns places, paths, width and height of the drawing."""
    places: dict[int, Point] = {}
    paths: dict[tuple[int, int], list[Point]] = {}
    half_width, half_height = LAYER_SIZE[0] / 2, GROUP_SIZE[1] / 2
    left, top = MARGIN + half_width, MARGIN + half_height
    x, y, row_height = left, top, 0.0
    width = height = 0.0
    for part in parts:
        if x > left and x + part.width > _WIDEST:
            x, y, row_height = left, y + row_height + ROW, 0.0
        for index, point in part.places.items():
            places[index] = (x + point[0], y + point[1])
        for pair, points in part.paths.items():
            paths[pair] = [(x + px, y + py) for px, py in points]
        width = max(width, x + part.width + half_width + MARGIN)
        height = max(height, y + part.height + half_height + MARGIN)
        row_height = max(row_height, part.height)
        x += part.width + COLUMN
    return places, paths, width, height
