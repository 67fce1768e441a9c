"""The drawn graph: which boxes, no two on one spot, arrows downwards and around boxes."""

from __future__ import annotations

import random as chance
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from graph_makers import body_of, graph_of, node, opened, random

from core.graph.drawing import layout
from core.graph.layout import place
from core.values import Graph, GraphNode

Edges = list[tuple[int, int]]
Point = tuple[float, float]


def drawn(count: int, edges: Edges, wide: int = 3) -> Graph:
    """Boxes '0', '1', ...; every `wide`-th is a layer's wide box."""
    nodes = [
        GraphNode(
            id=str(i),
            label=str(i),
            op="Op",
            layer_id=str(i) if i % wide == 0 else None,
            width=144.0 if i % wide == 0 else 96.0,
            height=26.0 if i % wide == 0 else 22.0,
        )
        for i in range(count)
    ]
    return place(nodes, edges, "nodes")


def mixed(count: int, seed: int = 0, span: int = 12) -> Edges:
    """A chain with branches and skips, as networks are."""
    rng = chance.Random(seed)
    edges = set()
    for i in range(1, count):
        edges.add((max(0, i - rng.choice([1, 1, 1, 2, 3])), i))
        if rng.random() < 0.3:
            edges.add((max(0, i - rng.randint(1, span)), i))
    return sorted(edges)


def box(entry: GraphNode) -> tuple[float, float, float, float]:
    half_width, half_height = entry.width / 2, entry.height / 2
    return entry.x - half_width, entry.y - half_height, entry.x + half_width, entry.y + half_height


def assert_no_overlap(graph: Graph) -> None:
    rows: dict[float, list[GraphNode]] = {}
    for entry in graph.nodes:
        rows.setdefault(entry.y, []).append(entry)
    heights = sorted(rows)
    assert all(b - a > 26 for a, b in pairwise(heights))
    for row in rows.values():
        row.sort(key=lambda entry: entry.x)
        for left, right in pairwise(row):
            assert box(left)[2] < box(right)[0]


def assert_downwards(graph: Graph) -> None:
    at = {entry.id: entry for entry in graph.nodes}
    for edge in graph.edges:
        source, target = at[edge.source], at[edge.target]
        assert edge.points[0] == (source.x, source.y + source.height / 2)
        assert edge.points[-1] == (target.x, target.y - target.height / 2)
        heights = [y for _, y in edge.points]
        assert heights == sorted(heights)


def crosses(
    start: tuple[float, float], end: tuple[float, float], area: tuple[float, float, float, float]
) -> bool:
    """Whether a segment runs through a box: clipped at its sides (Liang and Barsky 1984)."""
    left, top, right, bottom = area
    low, high = 0.0, 1.0
    (x0, y0), (x1, y1) = start, end
    for delta, room_before, room_after in (
        (x1 - x0, left - x0, right - x0),
        (y1 - y0, top - y0, bottom - y0),
    ):
        if delta == 0:
            if not room_before < 0 < room_after:
                return False
            continue
        first, second = sorted((room_before / delta, room_after / delta))
        low, high = max(low, first), min(high, second)
    return high - low > 1e-9


def assert_around_boxes(graph: Graph) -> None:
    boxes = [(entry.id, box(entry)) for entry in graph.nodes]
    for edge in graph.edges:
        for start, end in pairwise(edge.points):
            for name, area in boxes:
                if name not in (edge.source, edge.target):
                    assert not crosses(start, end, area), (edge.source, edge.target, name)


def assert_inside(graph: Graph) -> None:
    for entry in graph.nodes:
        left, top, right, bottom = box(entry)
        assert left >= 0 and top >= 0 and right <= graph.width and bottom <= graph.height
    for edge in graph.edges:
        assert all(0 <= x <= graph.width and 0 <= y <= graph.height for x, y in edge.points)


# ---------------------------------------------------------------- places


def test_chain_is_a_straight_column() -> None:
    graph = drawn(4, [(0, 1), (1, 2), (2, 3)])
    assert len({entry.x for entry in graph.nodes}) == 1
    heights = [entry.y for entry in graph.nodes]
    assert heights == sorted(heights)
    assert len({b - a for a, b in pairwise(heights)}) == 1
    assert all(len(edge.points) == 2 for edge in graph.edges)


def test_skip_runs_beside_the_boxes() -> None:
    graph = drawn(4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    skip = next(edge for edge in graph.edges if (edge.source, edge.target) == ("0", "3"))
    assert len(skip.points) > 2
    assert_around_boxes(graph)


@pytest.mark.parametrize("seed", range(5))
def test_mixed_graph(seed: int) -> None:
    graph = drawn(150, mixed(150, seed))
    assert_no_overlap(graph)
    assert_downwards(graph)
    assert_around_boxes(graph)
    assert_inside(graph)


def test_wide_fan() -> None:
    graph = drawn(62, [(0, i) for i in range(1, 61)] + [(i, 61) for i in range(1, 61)])
    assert_no_overlap(graph)
    assert_around_boxes(graph)


def test_unconnected_parts_stand_side_by_side() -> None:
    graph = drawn(7, [(0, 1), (2, 3), (3, 4)])
    assert_no_overlap(graph)
    assert_inside(graph)
    assert graph.nodes[0].y == graph.nodes[2].y == graph.nodes[5].y == graph.nodes[6].y


def test_many_single_boxes_wrap_into_rows() -> None:
    graph = drawn(500, [])
    assert_no_overlap(graph)
    assert graph.width < 7000


def test_no_boxes() -> None:
    assert place([], [], "layers") == Graph(detail="layers", nodes=(), edges=())


def test_same_graph_gives_the_same_drawing() -> None:
    assert drawn(200, mixed(200)) == drawn(200, mixed(200))


def test_long_arrows_are_led_around_when_there_are_too_many() -> None:
    # one box feeds a third of a long chain: as slots of rows these arrows would outnumber the boxes by far
    count = 1500
    edges = [(i, i + 1) for i in range(count - 1)] + [(0, i) for i in range(3, count, 3)]
    started = time.monotonic()
    graph = drawn(count, edges)
    assert time.monotonic() - started < 1.5
    assert len(graph.edges) == len(edges)
    assert_no_overlap(graph)
    assert_inside(graph)
    assert_downwards(graph)


def test_long_chain_on_a_small_stack() -> None:
    # the engine works in threads, which have half a megabyte of stack on some systems
    graphs: list[Graph] = []
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: graphs.append(drawn(6000, mixed(6000))))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(graphs[0].nodes) == 6000


def test_3000_boxes_in_time() -> None:
    edges = mixed(3000)
    started = time.monotonic()
    graph = drawn(3000, edges)
    assert time.monotonic() - started < 1.5
    assert_no_overlap(graph)


# ---------------------------------------------------------------- what is drawn


def boxes(folder: Path, nodes: list, detail: Literal["layers", "nodes"], **weights: np.ndarray) -> Graph:
    return layout(opened(graph_of(nodes, {"x": [2, 4]}, ["y"], weights), folder), detail)


def arrows(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


BRANCHES = [
    node("MatMul", "x w", "a", name="one"),
    node("Relu", "a", "b", name="act"),
    node("MatMul", "b w", "c", name="two"),
    node("Add", "c b", "d", name="join"),
    node("Tanh", "d", "y", name="end"),
]


def test_layers_and_joins_alone(tmp_path: Path) -> None:
    graph = boxes(tmp_path, BRANCHES, "layers", w=random(4, 4))
    assert [entry.id for entry in graph.nodes] == ["input:x", "one", "two", "join", "output:y"]
    assert [entry.layer_id for entry in graph.nodes] == [None, "one", "two", None, None]
    assert arrows(graph) == {
        ("input:x", "one"), ("one", "two"), ("one", "join"), ("two", "join"), ("join", "output:y")
    }  # fmt: skip


def test_every_node(tmp_path: Path) -> None:
    graph = boxes(tmp_path, BRANCHES, "nodes", w=random(4, 4))
    assert [entry.id for entry in graph.nodes] == ["input:x", "one", "act", "two", "join", "end", "output:y"]
    assert ("one", "act") in arrows(graph) and ("act", "join") in arrows(graph)
    assert {entry.op for entry in graph.nodes} == {"input", "MatMul", "Relu", "Add", "Tanh", "output"}
    assert_downwards(graph)


def test_activation_written_as_several_nodes_is_no_join(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "a", name="one"),
        node("Sigmoid", "a", "s"),
        node("Mul", "a s", "b"),
        node("MatMul", "b w", "y", name="two"),
    ]
    graph = boxes(tmp_path, nodes, "layers", w=random(4, 4))
    assert [entry.id for entry in graph.nodes] == ["input:x", "one", "two", "output:y"]


def test_sizes_are_no_branches(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "a", name="one"),
        node("Shape", "x", "s"),
        node("Reshape", "a s", "y"),
    ]
    graph = boxes(tmp_path, nodes, "layers", w=random(4, 4))
    assert arrows(graph) == {("input:x", "one"), ("one", "output:y")}


def test_layers_in_bodies_are_drawn(tmp_path: Path) -> None:
    then = body_of([node("MatMul", "a w", "t", name="inside")], ["t"])
    other = body_of([node("Relu", "a", "o", name="calm")], ["o"])
    nodes = [
        node("MatMul", "x w", "a", name="one"),
        node("ReduceSum", "a", "sum", keepdims=0),
        node("Greater", "sum zero", "c"),
        node("If", "c", "y", name="choice", then_branch=then, else_branch=other),
    ]
    graph = boxes(tmp_path, nodes, "layers", w=random(4, 4), zero=np.float32(0))
    assert arrows(graph) == {
        ("input:x", "one"), ("one", "inside"), ("inside", "choice"), ("one", "choice"), ("choice", "output:y")
    }  # fmt: skip
    graph = boxes(tmp_path, nodes, "nodes", w=random(4, 4), zero=np.float32(0))
    assert {("one", "calm"), ("calm", "choice")} <= arrows(graph)
    assert_downwards(graph)
