"""Reshape, Flatten, Squeeze, Unsqueeze, Transpose, DepthToSpace: the same elements in another order."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut, Regrouping, node_text
from core.graph.coupling.convolution import pixels_stay
from core.graph.coupling.edit import constant, entry, integer, integers, overwrite
from core.graph.coupling.registry import operator


@operator("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    reason = node_text(node)
    parts = segments(c.shape(given), c.shape(output))
    if parts is None:
        c.pin_value(given, reason)
        c.pin_value(output, reason)
        return
    shuffles = node.op_type == "Reshape" and _shuffles(c, node)
    for before, after in parts:
        if len(before) == 1 and len(after) == 1:
            c.link_axes(given, before[0], output, after[0])
            continue
        places = [tuple((value, axis) for axis in axes) for value, axes in ((given, before), (output, after))]
        c.regroup(Regrouping(places[0], places[1], reason, inner_first=shuffles))
    if node.op_type != "Reshape":
        return
    if constant(entry(node, 1)) is None:
        c.pin_varying(output, reason)

    def fix(cut: Cut) -> None:
        wanted = cut.keep_shape(output)
        target = constant(entry(node, 1))
        changed = {}
        for axis, size in enumerate(wanted):
            if not cut.changes(output, axis):
                continue
            number = None if target is None else int(target.reshape(-1)[axis])
            copied = number == 0 and not integer(node, "allowzero", 0)
            if number == -1 or (copied and cut.keep_shape(given)[axis] == size):
                continue
            changed[axis] = size
        overwrite(c.model, node, 1, changed, len(wanted))

    c.after(fix)


def segments(
    before: tuple[int, ...], after: tuple[int, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]] | None:
    """Match axes of equal products from the front; axes of size 1 carry nothing and are left out.

    (2, 12, 64) to (2, 768) gives [((0,), (0,)), ((1, 2), (1,))]. None where nothing fits.
    """
    if 0 in before or 0 in after or np.prod(before, dtype=object) != np.prod(after, dtype=object):
        return None
    left = [axis for axis, size in enumerate(before) if size > 1]
    right = [axis for axis, size in enumerate(after) if size > 1]
    found = []
    while left and right:
        a, b = [left.pop(0)], [right.pop(0)]
        size_a, size_b = before[a[0]], after[b[0]]
        while size_a != size_b:
            if size_a < size_b:
                a.append(left.pop(0))
                size_a *= before[a[-1]]
            else:
                b.append(right.pop(0))
                size_b *= after[b[-1]]
        found.append((tuple(a), tuple(b)))
    return found


def _shuffles(c: Coupling, node: ir.Node) -> bool:
    """Split, swap, merge back into the same shape: the channel shuffle of ShuffleNet."""
    follower = _only_reader(node)
    last = None if follower is None or follower.op_type != "Transpose" else _only_reader(follower)
    if last is None or last.op_type != "Reshape" or node.inputs[0] is None:
        return False
    return c.shape(node.inputs[0]) == c.shape(last.outputs[0])


def _only_reader(node: ir.Node) -> ir.Node | None:
    readers = list(node.outputs[0].uses())
    return readers[0].node if len(readers) == 1 else None


@operator("Transpose")
def transpose(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    order = integers(node, "perm") or list(range(c.rank(given)))[::-1]
    for axis, source in enumerate(order):
        c.link_axes(given, source, output, axis)


@operator("DepthToSpace", "SpaceToDepth")
def depth(c: Coupling, node: ir.Node) -> None:
    """Each deep channel belongs to block² shallow ones: all of them go together."""
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    block = integer(node, "blocksize", 1)
    to_space = node.op_type == "DepthToSpace"
    deep, shallow = (given, output) if to_space else (output, given)
    channels = c.axis(deep, 1)
    mode = node.attributes.get("mode")
    if to_space and mode is not None and mode.as_string() == "CRD":
        blocks = channels.reshape(-1, block * block).T
    else:
        blocks = channels.reshape(block * block, -1)
    c.link(blocks, c.axis(shallow, 1)[None])
    c.link_axes(given, 0, output, 0)
    pixels_stay(c, node, given, output)
