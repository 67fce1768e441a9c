"""What of a drawing can be closed: scopes, repeated blocks, and that what is left has no cycle."""

from __future__ import annotations

import random as chance
from pathlib import Path

import onnx
import pytest
from graph_makers import body_of, graph_of, node, opened, random

from core.context import Context
from core.formats import open_model
from core.graph.boxes import Boxes
from core.graph.drawing import Drawing
from core.graph.grouping import Grouping
from core.graph.repeats import Repeat, repeats
from core.values import Graph, GraphNode


def block(name: str, source: str, width: int = 4, named: bool = True) -> list[onnx.NodeProto]:
    """Conv, Relu, Conv, Add, Relu; four weights' names start with the block's."""
    steps = [
        ("Conv", f"{source} {name}.w1", f"{name}.a", "conv1"),
        ("Relu", f"{name}.a", f"{name}.b", "relu1"),
        ("Conv", f"{name}.b {name}.w2", f"{name}.c", "conv2"),
        ("Add", f"{name}.c {source}", f"{name}.d", "add"),
        ("Relu", f"{name}.d", f"{name}.out", "relu2"),
    ]
    return [
        node(op, given, made, name=f"{name}.{own}" if named else f"{op.lower()}_{name}_{own}")
        for op, given, made, own in steps
    ]


def residual(widths: list[int], named: bool = True) -> onnx.ModelProto:
    nodes, weights, source = [], {}, "x"
    for index, kernel in enumerate(widths):
        name = f"body.{index}"
        made = block(name, source, named=named)
        for step in made:
            if step.op_type == "Conv":
                pad = kernel // 2
                step.attribute.append(onnx.helper.make_attribute("pads", [pad, pad, pad, pad]))
        nodes += made
        for which in ("w1", "w2"):
            # without names the weights must not tell the blocks either
            weights[f"{name}.{which}"] = random(4, 4, kernel, kernel, seed=index)
        source = f"{name}.out"
    model = graph_of(nodes, {"x": [1, 4, 8, 8]}, [source], weights)
    if not named:
        for number, tensor in enumerate(model.graph.initializer):
            for step in model.graph.node:
                step.input[:] = [f"{number}" if name == tensor.name else name for name in step.input]
            tensor.name = f"{number}"
    return model


def by_id(drawing: Drawing) -> dict[str, list[str]]:
    """Group -> its boxes."""
    groups, nodes = drawing.groups, drawing.whole().nodes
    return {
        group.id.removeprefix("group:"): [
            nodes[index].id for index in groups.order[group.first : group.first + group.count]
        ]
        for group in groups.groups
    }


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


# ---------------------------------------------------------------- what repeats


def test_a_piece_that_comes_three_times_is_found_where_it_is() -> None:
    # 9 | 1 2 3 1 2 3 1 2 3 | 8
    assert repeats([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 8]) == [Repeat(start=1, period=3, count=3, slack=0)]


def test_the_shortest_piece_is_meant_and_a_rest_leaves_room_to_shift() -> None:
    assert repeats([5, 5, 5, 5]) == [Repeat(0, 1, 4, 0)]
    # 1 2 1 2 1: two pieces, which may begin one later too
    assert repeats([1, 2, 1, 2, 1]) == [Repeat(0, 2, 2, 1)]
    assert repeats([1, 2, 3, 4]) == []


# ---------------------------------------------------------------- scopes and blocks


def test_alike_blocks_in_a_row_are_one_group_of_three(tmp_path: Path) -> None:
    """Three blocks of 3 × 3 kernels, then one of 1 × 1, which is not like them."""
    drawing = Drawing(opened(residual([3, 3, 3, 1]), tmp_path), "nodes")
    groups = {group.id: group for group in drawing.groups.groups}
    members = by_id(drawing)
    assert set(members) == {"body", "body.0×3", "body.0", "body.1", "body.2", "body.3"}
    assert groups["group:body.0×3"].repeats == 3
    assert groups["group:body.0×3"].label == "body.0 … 2"
    assert members["body.1"] == [f"body.1.{own}" for own in ("conv1", "relu1", "conv2", "add", "relu2")]
    kinds = [groups[f"group:body.{index}"].kind for index in range(4)]
    assert kinds[0] == kinds[1] == kinds[2] != kinds[3]


def test_a_scope_of_nothing_but_alike_blocks_is_their_group_itself(tmp_path: Path) -> None:
    drawing = Drawing(opened(residual([3, 3, 3]), tmp_path), "layers")
    (scope, *_) = drawing.groups.groups
    assert (scope.id, scope.repeats, scope.count) == ("group:body", 3, 9)


def test_blocks_without_any_name_are_recognised_by_their_structure(tmp_path: Path) -> None:
    drawing = Drawing(opened(residual([1, 3, 3, 3], named=False), tmp_path), "nodes")
    run, *blocks = drawing.groups.groups
    assert run.repeats == 3
    assert [group.count for group in blocks] == [5, 5, 5]
    members = by_id(drawing)
    assert [name.split("_")[0] for name in members[blocks[0].id.removeprefix("group:")]] == [
        "conv", "relu", "conv", "add", "relu",
    ]  # fmt: skip


def test_branches_of_an_if_are_groups_of_their_own(tmp_path: Path) -> None:
    branch = [node("Conv", "x w", "a", name="m.conv"), node("Relu", "a", "b", name="m.relu")]
    other = [node("Conv", "x w", "c", name="m.conv"), node("Relu", "c", "d", name="m.relu")]
    model = graph_of(
        [
            node("ReduceMax", "x", "top", keepdims=0),
            node("Greater", "top zero", "positive"),
            node(
                "If", "positive", "y", then_branch=body_of(branch, ["b"]), else_branch=body_of(other, ["d"])
            ),
        ],
        {"x": [1, 4, 8, 8]},
        ["y"],
        {"w": random(4, 4, 1, 1), "zero": random().reshape(())},
    )
    drawing = Drawing(opened(model, tmp_path), "nodes")
    groups = {group.label.split(".", 1)[1]: group for group in drawing.groups.groups}
    # alike, but side by side: no row of blocks
    assert set(groups) == {"then.m", "else.m"}
    assert groups["then.m"].kind == groups["else.m"].kind


def test_three_alike_branches_side_by_side_are_a_row(tmp_path: Path) -> None:
    steps, weights = [], {}
    for name in ("expert.0", "expert.1", "expert.2"):
        steps += [
            node("Conv", f"x {name}.w", f"{name}.a", name=f"{name}.conv"),
            node("Relu", f"{name}.a", f"{name}.b", name=f"{name}.relu"),
        ]
        weights[f"{name}.w"] = random(4, 4, 1, 1, seed=len(weights))
    steps.append(node("Sum", "expert.0.b expert.1.b expert.2.b", "y", name="sum"))
    model = graph_of(steps, {"x": [1, 4, 8, 8]}, ["y"], weights)
    row = Drawing(opened(model, tmp_path), "nodes").groups.groups[0]
    assert (row.id, row.repeats, row.count) == ("group:expert", 3, 6)


# ---------------------------------------------------------------- closing


def test_a_closed_group_is_one_box_with_the_arrows_of_all_in_it(tmp_path: Path) -> None:
    drawing = Drawing(opened(residual([3, 3, 1]), tmp_path), "nodes")
    graph = drawing.closed(["group:body.1"])
    assert graph.closed == ("group:body.1",)
    assert [box.id for box in graph.nodes if box.op == "group"] == ["group:body.1"]
    assert len(graph.nodes) == len(drawing.whole().nodes) - 4
    assert ("body.0.relu2", "group:body.1") in pairs(graph)
    assert {target for source, target in pairs(graph) if source == "group:body.1"} == {
        "body.2.conv1",
        "body.2.add",
    }


def test_all_closed_is_a_chain_and_nothing_closed_is_the_whole(tmp_path: Path) -> None:
    drawing = Drawing(opened(residual([3, 3, 1]), tmp_path), "nodes")
    assert pairs(drawing.closed(["group:body"])) == {
        ("input:x", "group:body"),
        ("group:body", "output:body.2.out"),
    }
    nothing = drawing.closed([])
    assert {box.id for box in nothing.nodes} == {box.id for box in drawing.whole().nodes}
    assert pairs(nothing) == pairs(drawing.whole())
    # a group in a closed one is not to be seen, and one that is unknown changes nothing
    assert pairs(drawing.closed(["group:body.1", "group:body", "group:nowhere"])) == pairs(
        drawing.closed(["group:body"])
    )


def tangled(seed: int, count: int = 60) -> Boxes:
    """Random arrows and scopes drawn at random: scopes feed each other in circles."""
    rng = chance.Random(seed)
    drawn = Boxes()
    import onnx_ir as ir

    for index in range(count):
        scope = "/".join(rng.choice("abc") for _ in range(rng.randint(0, 3)))
        made_of = ir.Node("", "Op", [], name=f"{scope}/n{index}")
        drawn.add(GraphNode(id=f"n{index}", label=f"n{index}", op=rng.choice(["Relu", "Add"])), made_of)
    drawn.edges = sorted(
        {(rng.randrange(index), index) for index in range(1, count) for _ in range(rng.randint(1, 3))}
    )
    return drawn


@pytest.mark.parametrize("seed", range(20))
def test_groups_are_nested_intervals_of_an_order_in_which_sources_come_first(seed: int) -> None:
    drawn = tangled(seed)
    values = Grouping(drawn, {}, "nodes").values
    place = {index: at for at, index in enumerate(values.order)}
    assert sorted(values.order) == list(range(len(drawn.nodes)))
    assert all(place[source] < place[target] for source, target in drawn.edges)
    assert len({group.id for group in values.groups}) == len(values.groups)
    for group in values.groups:
        if group.parent >= 0:
            outer = values.groups[group.parent]
            assert outer.first <= group.first
            assert group.first + group.count <= outer.first + outer.count
    rng = chance.Random(seed)
    closed = [group for group in values.groups if rng.random() < 0.4]
    box = {index: index for index in place}
    for group in reversed(closed):  # the outermost has the last word
        for index in values.order[group.first : group.first + group.count]:
            box[index] = -1 - group.first
    at = {name: min(place[index] for index in box if box[index] == name) for name in set(box.values())}
    # every arrow between boxes still leads on in the order: no cycle
    assert all(
        box[source] == box[target] or at[box[source]] < at[box[target]] for source, target in drawn.edges
    )


@pytest.mark.parametrize("detail", ["layers", "nodes"])
def test_real_networks(shared_models: Path, detail: str) -> None:
    """ResNet-20: nine blocks in three stages; the first of stages two and three has a shortcut of its own."""
    drawing = Drawing(open_model(shared_models / "resnet20_cifar10.onnx", Context()), detail)  # type: ignore[arg-type]
    rows = {group.label: group.repeats for group in drawing.groups.groups if group.repeats}
    assert rows == {"layers.0 … 2": 3, "layers.4 … 5": 2, "layers.7 … 8": 2}
    graph = drawing.closed([group.id for group in drawing.groups.groups if group.repeats])
    labels = [box.label for box in sorted(graph.nodes, key=lambda box: box.y) if box.op == "group"]
    assert labels == ["layers.0 … 2", "layers.4 … 5", "layers.7 … 8"]


def test_silero_closes_to_its_two_branches(shared_models: Path) -> None:
    drawing = Drawing(open_model(shared_models / "silero_vad.onnx", Context()), "nodes")
    outer = [group for group in drawing.groups.groups if group.parent < 0]
    assert [group.label for group in outer] == ["If_0.else", "If_0.then"]
    graph = drawing.closed([group.id for group in outer])
    assert sum(group.count for group in outer) + len(graph.nodes) - 2 == len(drawing.whole().nodes)
    assert len(graph.nodes) < 12
