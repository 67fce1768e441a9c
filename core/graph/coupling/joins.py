"""Concat, Split, Slice, Gather, Expand, Tile: positions move to other offsets."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut, node_text
from core.graph.coupling.edit import (
    add_constant,
    constant,
    entry,
    integer,
    numbers,
    overwrite,
    set_input,
    set_integers,
)
from core.graph.coupling.registry import operator


@operator("Concat")
def concat(c: Coupling, node: ir.Node) -> None:
    output = node.outputs[0]
    axis = integer(node, "axis", 1) % c.rank(output)
    joined = c.axis(output, axis)
    start = 0
    for value in node.inputs:
        assert value is not None
        size = c.shape(value)[axis]
        # also of size 1, which `link` leaves alone otherwise: here it has a place of its own
        c.link(c.axis(value, axis), joined[start : start + size])
        start += size
        c.link_values(value, output, tuple(other for other in range(c.rank(output)) if other != axis))
        if size == 1:
            c.pin(joined[start - 1 : start], node_text(node))


@operator("Split")
def split(c: Coupling, node: ir.Node) -> None:
    given = entry(node, 0)
    assert given is not None
    rank = c.rank(given)
    axis = integer(node, "axis", 0) % rank
    atoms = c.axis(given, axis)
    start = 0
    for output in node.outputs:
        size = c.shape(output)[axis]
        c.link(c.axis(output, axis), atoms[start : start + size])
        if size == 1:
            c.pin(atoms[start : start + 1], node_text(node))
        start += size
        c.link_values(given, output, tuple(other for other in range(rank) if other != axis))

    def fix(cut: Cut) -> None:
        if not cut.changes(given, axis):
            return
        sizes = [int(cut.keep(output, axis).sum()) for output in node.outputs]
        node.attributes.pop("num_outputs", None)
        if c.opset < 13:
            set_integers(node, "split", sizes)
        else:
            set_input(node, 1, add_constant(c.model, f"{node.name}.split", np.array(sizes, np.int64)))

    c.after(fix)


@operator("Slice")
def slice_(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    rank = c.rank(given)
    starts, ends = numbers(node, 1, "starts"), numbers(node, 2, "ends")
    known = starts is not None and ends is not None
    axes = numbers(node, 3, "axes")
    known = known and (axes is not None or entry(node, 3) is None)
    steps = numbers(node, 4, "steps")
    known = known and (steps is not None or entry(node, 4) is None)
    if not known or starts is None or ends is None:
        for value in (given, output):
            c.pin_value(value, node_text(node))
        return
    axes = [axis % rank for axis in (axes if axes is not None else range(len(starts)))]
    steps = steps if steps is not None else [1] * len(starts)
    for axis in range(rank):
        if axis not in axes:
            c.link_axes(given, axis, output, axis)
            continue
        place = axes.index(axis)
        atoms = c.axis(given, axis)
        part = atoms[slice(*_bounds(starts[place], ends[place], steps[place]))]
        if part.size != c.shape(output)[axis] or steps[place] != 1:
            c.pin(atoms, node_text(node))
            c.pin_value(output, node_text(node), (axis,))
            continue
        c.link(part, c.axis(output, axis))
        if part.size == 1:
            c.pin(part, node_text(node))

    def fix(cut: Cut) -> None:
        first, last = list(starts), list(ends)
        for place, axis in enumerate(axes):
            if not cut.changes(given, axis):
                continue
            keep = cut.keep(given, axis)
            low, high, _ = slice(starts[place], ends[place]).indices(keep.size)
            first[place] = int(keep[:low].sum())
            last[place] = first[place] + int(keep[low:high].sum())
        if (first, last) == (starts, ends):
            return
        if entry(node, 1) is None:
            set_integers(node, "starts", first)
            set_integers(node, "ends", last)
            return
        overwrite(c.model, node, 1, dict(enumerate(first)), len(first))
        overwrite(c.model, node, 2, dict(enumerate(last)), len(last))

    c.after(fix)


def _bounds(start: int, end: int, step: int) -> tuple[int | None, int | None, int]:
    """Python's slice of ONNX's: counting down, an end far below zero means past the first."""
    if step < 0 and end < -(1 << 30):
        return start, None, step
    return start, end, step


@operator("Gather")
def gather(c: Coupling, node: ir.Node) -> None:
    """A table that is looked up gives its width; constant indices pick positions."""
    data, indices, output = entry(node, 0), entry(node, 1), node.outputs[0]
    assert data is not None and indices is not None
    rank = c.rank(data)
    axis = integer(node, "axis", 0) % rank
    width = c.rank(indices)
    for other in range(rank):
        if other == axis:
            continue
        target = other if other < axis else other - 1 + width
        c.link_axes(data, other, output, target)
        if axis == 0 and other == rank - 1:
            c.use(data, other, "out", node)
    chosen = constant(indices)
    atoms = c.axis(data, axis)
    if chosen is None or chosen.ndim != 1:
        c.pin(atoms if chosen is None else atoms[chosen.reshape(-1)], node_text(node))
        if chosen is None:
            for place in range(width):
                c.link_axes(indices, place, output, axis + place)
    else:
        c.link(atoms[chosen], c.axis(output, axis))
    if chosen is None:
        return

    def fix(cut: Cut) -> None:
        keep = cut.keep(data, axis)
        if keep.all():
            return
        flat = np.where(chosen < 0, chosen + keep.size, chosen)
        kept = flat[keep[flat]] if chosen.ndim == 1 else flat
        new = (np.cumsum(keep) - 1)[kept].astype(chosen.dtype).reshape(kept.shape)
        node.replace_input_with(1, add_constant(c.model, f"{node.name}.indices", np.asarray(new)))

    c.after(fix)


@operator("Expand", "Tile")
def repeat(c: Coupling, node: ir.Node) -> None:
    given, output = entry(node, 0), node.outputs[0]
    assert given is not None
    before, after = c.shape(given), c.shape(output)
    for behind in range(1, len(after) + 1):
        if behind <= len(before) and before[-behind] == after[-behind]:
            c.link_axes(given, -behind, output, -behind)
        else:
            c.pin_value(output, node_text(node), (len(after) - behind,))
            if behind <= len(before) and before[-behind] != 1:
                c.pin_value(given, node_text(node), (len(before) - behind,))
    if node.op_type == "Tile":
        return
    if constant(entry(node, 1)) is None:
        c.pin_varying(output, node_text(node))

    def fix(cut: Cut) -> None:
        kept = cut.keep_shape(output)
        overwrite(
            c.model, node, 1, {i: kept[i] for i in range(len(kept)) if cut.changes(output, i)}, len(kept)
        )

    c.after(fix)
