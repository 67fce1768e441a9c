"""Pooling, reductions, resizing, padding: channels pass where the operator leaves their axis alone."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut, node_text
from core.graph.coupling.convolution import pixels_stay
from core.graph.coupling.edit import constant, entry, integer, numbers, overwrite
from core.graph.coupling.normalization import averaged
from core.graph.coupling.registry import operator

_ADDED_UP = {"ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2"}
_AVERAGED = {"ReduceMean"}


@operator("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def pool(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    c.link_axes(given, 0, output, 0)
    c.link_axes(given, 1, output, 1)
    pixels_stay(c, node, given, output)
    for indices in node.outputs[1:]:
        if indices.uses() or indices.is_graph_output():
            # indices count over all channels
            c.pin_value(given, node_text(node))
            c.pin_value(indices, node_text(node))


# fmt: off
_REDUCTIONS = (
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
)
# fmt: on


@operator(*_REDUCTIONS)
def reduce(c: Coupling, node: ir.Node) -> None:
    """Sums lose nothing with a zero channel; a mean that keeps its axis is part of a normalisation."""
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    rank = c.rank(given)
    axes = numbers(node, 1, "axes")
    if axes is None and entry(node, 1) is not None:
        c.pin_value(given, node_text(node))
        c.pin_value(output, node_text(node))
        return
    if not axes:
        axes = [] if integer(node, "noop_with_empty_axes", 0) else list(range(rank))
    gone = {axis % rank for axis in axes}
    keepdims = bool(integer(node, "keepdims", 1))
    position = 0
    for axis in range(rank):
        if axis not in gone:
            c.link_axes(given, axis, output, position)
        elif node.op_type in _AVERAGED and keepdims:
            c.note(c.axis(given, axis), averaged(node))
        elif node.op_type not in _ADDED_UP:
            c.pin_value(given, node_text(node), (axis,))
        else:
            c.add_up(c.axis(given, axis))
        position += axis not in gone or keepdims


@operator("LRN")
def across_channels(c: Coupling, node: ir.Node) -> None:
    given = entry(node, 0)
    assert given is not None
    c.link_values(given, node.outputs[0])
    c.pin_value(given, node_text(node), (1,))


@operator("Resize", "Upsample")
def resize(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    before, after = c.shape(given), c.shape(output)
    for axis, (old, new) in enumerate(zip(before, after, strict=True)):
        if axis < 2 and old == new:
            c.link_axes(given, axis, output, axis)
        else:
            c.pin_value(given, node_text(node), (axis,))
            c.pin_value(output, node_text(node), (axis,))
    if node.op_type == "Resize" and entry(node, 3) is not None:
        if integers_of_axes := numbers(node, 9, "axes"):
            if 1 in [axis % len(before) for axis in integers_of_axes]:
                c.pin_value(given, node_text(node), (1,))
            return

        def fix(cut: Cut) -> None:
            kept = cut.keep_shape(output)
            overwrite(
                c.model, node, 3, {i: kept[i] for i in range(len(kept)) if cut.changes(output, i)}, len(kept)
            )

        c.after(fix)


@operator("Pad")
def pad(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    rank = c.rank(given)
    pads = numbers(node, 1, "pads")
    axes_value = entry(node, 3)
    axes = list(range(rank))
    if axes_value is not None:
        array = constant(axes_value)
        pads = None if array is None else pads
        axes = [] if array is None else [int(axis) % rank for axis in array.reshape(-1)]
    padded = set(range(rank))
    if pads is not None:
        half = len(pads) // 2
        padded = {axis for place, axis in enumerate(axes) if pads[place] or pads[place + half]}
    for axis in range(rank):
        if axis in padded:
            c.pin_value(given, node_text(node), (axis,))
            c.pin_value(output, node_text(node), (axis,))
        else:
            c.link_axes(given, axis, output, axis)
