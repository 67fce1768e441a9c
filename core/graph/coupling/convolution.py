"""Conv and ConvTranspose: channels lie along axis 1, pixels stay."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut
from core.graph.coupling.edit import entry, integer, set_integer
from core.graph.coupling.registry import operator
from core.graph.roles import stored
from core.values import text

MANY_GROUPS = 8
"""From so many groups on, and where a group has a single channel on one side, whole groups are removed; else
the same positions of every group."""


def pixels_stay(c: Coupling, node: ir.Node, *values: ir.Value | None) -> None:
    reason = text("'{node}' ({operator}) slides over it.", node=node.name or "", operator=node.op_type)
    for value in values:
        if value is not None:
            c.pin_value(value, reason, tuple(range(2, c.rank(value))))


@operator("Conv", "ConvTranspose")
def convolution(c: Coupling, node: ir.Node) -> None:
    given, weight, bias, output = entry(node, 0), entry(node, 1), entry(node, 2), node.outputs[0]
    assert given is not None and weight is not None
    groups = integer(node, "group", 1)
    transposed = node.op_type == "ConvTranspose"
    c.link_axes(given, 0, output, 0)
    pixels_stay(c, node, given, weight, output)
    inputs, outputs = c.axis(given, 1), c.axis(output, 1)
    if bias is not None:
        c.link(c.axis(bias, 0), outputs)
        c.use(bias, 0, "along", node)
    if stored(weight) is None:
        c.add_up(inputs)
    split_in, split_out = inputs.reshape(groups, -1), outputs.reshape(groups, -1)
    # a weight has only one group's channels along one of its axes
    full, partial = (split_in, split_out) if transposed else (split_out, split_in)
    whole = groups >= MANY_GROUPS or (groups > 1 and 1 in (split_in.shape[1], split_out.shape[1]))
    # in whole groups both sides are counted along axis 0, and nothing is summed over groups
    c.use(weight, 0, "in" if transposed and not whole else "out", node)
    c.link(c.axis(weight, 0), full.ravel())
    if groups == 1:
        c.use(weight, 1, "out" if transposed else "in", node)
        c.link(c.axis(weight, 1), partial.ravel())
        return
    if whole:
        together = np.concatenate([split_in, split_out], axis=1)
        c.link(together[:, 1:], together[:, :1])
        c.pin_value(weight, text("Whole groups of '{node}' go or stay.", node=node.name or ""), axes=(1,))
    else:
        # each group keeps as many: position i of one goes with position i of all
        c.link(split_in[1:], split_in[:1])
        c.link(split_out[1:], split_out[:1])
        c.use(weight, 1, "out" if transposed else "in", node)
        c.link(c.axis(weight, 1), partial[0])

    def fix(cut: Cut) -> None:
        kept = cut.keep(given, 1).reshape(groups, -1).any(axis=1)
        set_integer(node, "group", int(kept.sum()))

    c.after(fix)
