"""Which node of a compressed network stands for which of the original, through fusion and conversions.

A run keeps the names of the nodes that it keeps. What it adds (conversions of activations, what turns stored
weights into numbers) belongs to the kept node that it serves. A node that is gone while its neighbours are
there was taken over: by the conversions in its place (a Relu by the range of a QuantizeLinear), or by the
node that made its input.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import onnx_ir as ir

from core.graph.boxes import body_outputs
from core.values import Counterpart

_FAMILIES = (
    frozenset({"Conv", "ConvInteger", "QLinearConv", "FusedConv"}),
    frozenset(
        {"MatMul", "Gemm", "MatMulInteger", "QLinearMatMul", "MatMulNBits", "QGemm", "DynamicQuantizeMatMul"}
    ),
    frozenset({"LSTM", "DynamicQuantizeLSTM"}),
    frozenset({"Gather", "GatherBlockQuantized"}),
)
"""Operators that do the same on other numbers."""


class _Side:
    """A network's nodes by name, with what each feeds; bodies of If, Loop and Scan included."""

    def __init__(self, model: ir.Model) -> None:
        self.nodes = {node.name or "": node for node in model.graph.all_nodes()}
        self.sources: dict[str, list[str]] = {}
        self.targets: dict[str, list[str]] = defaultdict(list)
        for name, node in self.nodes.items():
            made = []
            for value in (*node.inputs, *body_outputs(node)):
                producer = value.producer() if value is not None else None
                if producer is not None and producer.name in self.nodes and producer.name != name:
                    made.append(producer.name)
                    self.targets[producer.name].append(name)
            self.sources[name] = made


def counterparts(original: ir.Model, compressed: ir.Model) -> tuple[Counterpart, ...]:
    """Return what stands for each node of the original, in its order, then what was added for no node.

    Both must be normalised, so that names are unique. Inputs and outputs are not among them.
    """
    before, after = _Side(original), _Side(compressed)
    kept = {name for name, node in before.nodes.items() if _same(node, after.nodes.get(name))}
    owner = _owners(after, kept)
    parts: dict[str, list[str]] = defaultdict(list)
    for name, owned_by in owner.items():
        parts[owned_by].append(name)
    result = []
    for name in before.nodes:
        if name in kept:
            same = before.nodes[name].op_type == after.nodes[name].op_type
            parts_of = (name, *parts.get(name, ()))
            result.append(
                Counterpart(original=name, compressed=parts_of, relation="same" if same else "replaced")
            )
            continue
        taken = _taken_over(name, before, after, kept)
        result.append(
            Counterpart(original=name, compressed=taken, relation="taken over" if taken else "none")
        )
    accounted = kept | set(owner)
    added = (name for name in after.nodes if name not in accounted)
    return (*result, *(Counterpart(original="", compressed=(name,), relation="added") for name in added))


def _same(node: ir.Node, other: ir.Node | None) -> bool:
    """A name that was made from an operator says nothing where the operators differ."""
    if other is None:
        return False
    if node.op_type == other.op_type or any({node.op_type, other.op_type} <= family for family in _FAMILIES):
        return True
    return re.fullmatch(rf"(node_)?{re.escape(other.op_type)}_\d+", other.name or "") is None


def _owners(after: _Side, kept: set[str]) -> dict[str, str]:
    """Added node -> the kept node that it serves: whose value it goes on with, or whose weight it makes."""
    owner: dict[str, str] = {}
    added = [name for name in after.nodes if name not in kept]
    going_on = True
    while going_on:  # nodes may stand before what they read
        going_on = False
        for name in added:
            if name in owner:
                continue
            found = [source if source in kept else owner.get(source) for source in after.sources[name]]
            served = next((source for source in found if source is not None), None)
            if served is not None:
                owner[name] = served
                going_on = True
    for name in added:
        if name not in owner:
            readers = _nearest(name, after.targets, kept)
            if readers:
                owner[name] = min(readers)
    return owner


def _taken_over(name: str, before: _Side, after: _Side, kept: set[str]) -> tuple[str, ...]:
    """What stands between the kept nodes in front of a node and those behind it, else the one in front."""
    front = _nearest(name, before.sources, kept)
    behind = _nearest(name, before.targets, kept)
    if not front:
        return ()
    between: list[str] = []
    linked = False
    for source in sorted(front):
        for path in _paths(source, behind, after, kept):
            linked = True
            between.extend(step for step in path if step not in between)
    if between:
        return tuple(between)
    return tuple(sorted(front)) if linked and len(front) == 1 else ()


def _nearest(name: str, ways: dict[str, list[str]], kept: set[str]) -> set[str]:
    """Kept nodes that are reached first along `ways`."""
    found: set[str] = set()
    seen, queue = {name}, [name]
    while queue:
        for other in ways.get(queue.pop(), ()):
            if other in kept:
                found.add(other)
            elif other not in seen:
                seen.add(other)
                queue.append(other)
    return found


def _paths(source: str, goals: Iterable[str], after: _Side, kept: set[str]) -> list[tuple[str, ...]]:
    """The added nodes on the ways from a kept node to kept ones, a tuple for each way's last step."""
    wanted = set(goals)
    came: dict[str, tuple[str, ...]] = {source: ()}
    queue = [source]
    found = []
    while queue:
        here = queue.pop()
        for target in after.targets[here]:
            if target in wanted:
                found.append(came[here])
            elif target not in kept and target not in came:
                came[target] = (*came[here], target)
                queue.append(target)
    return found
