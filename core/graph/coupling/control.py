"""If bodies, sizes that the graph reads, and tensors filled with one number."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut, node_text
from core.graph.coupling.edit import constant, entry, integer, numbers, overwrite
from core.graph.coupling.registry import operator
from core.values import text


@operator("If")
def branches(c: Coupling, node: ir.Node) -> None:
    for name in ("then_branch", "else_branch"):
        body = node.attributes[name].as_graph()
        for inner, outer in zip(body.outputs, node.outputs, strict=True):
            try:
                same = c.shape(inner) == c.shape(outer)
            except Exception:  # one of the two is not known
                same = False
            if same:
                c.link_values(inner, outer)
            else:
                c.pin_value(inner, node_text(node))
                c.pin_value(outer, node_text(node))


@operator("Shape")
def shape(c: Coupling, node: ir.Node) -> None:
    """A size that the graph computes with stays; of sizes picked by constants only those picked."""
    given = entry(node, 0)
    assert given is not None
    rank = c.rank(given)
    start, end, _ = slice(integer(node, "start", 0), integer(node, "end", rank)).indices(rank)
    axes = list(range(start, end))
    picked = _picked(node.outputs[0], axes)
    reason = text("Their number is computed with ('{node}').", node=node.name or "")
    c.pin_value(given, reason, tuple(sorted(picked)))


def _picked(vector: ir.Value, axes: list[int]) -> set[int]:
    """Which of these axes' sizes are read from a vector that holds them."""
    picked: set[int] = set()
    for use in vector.uses():
        reader = use.node
        chosen = constant(entry(reader, 1))
        if reader.op_type == "Cast":
            picked |= _picked(reader.outputs[0], axes)
        elif reader.op_type == "Gather" and use.idx == 0 and chosen is not None:
            picked |= {axes[int(index)] for index in chosen.reshape(-1)}
        elif reader.op_type == "Slice" and use.idx == 0:
            low, high = numbers(reader, 1, "starts"), numbers(reader, 2, "ends")
            steps = numbers(reader, 4, "steps") or [1]
            known = low is not None and high is not None and steps == [1]
            picked |= set(axes[low[0] : high[0]]) if known and low and high else set(axes)
        else:
            picked |= set(axes)
    return picked


@operator("Size")
def size(c: Coupling, node: ir.Node) -> None:
    c.pin_value(entry(node, 0), text("Their number is computed with ('{node}').", node=node.name or ""))


@operator("ConstantOfShape")
def filled(c: Coupling, node: ir.Node) -> None:
    output = node.outputs[0]
    if entry(node, 0) is None:
        return
    c.shape(output)
    if constant(entry(node, 0)) is None:
        c.pin_varying(output, node_text(node))

    def fix(cut: Cut) -> None:
        kept = cut.keep_shape(output)
        overwrite(
            c.model, node, 0, {i: kept[i] for i in range(len(kept)) if cut.changes(output, i)}, len(kept)
        )

    c.after(fix)
