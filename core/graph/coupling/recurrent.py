"""LSTM, GRU, RNN: a hidden unit is a row in every gate, a column of R, and a feature of the output."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Cut, node_text
from core.graph.coupling.edit import entry, integer, set_integer
from core.graph.coupling.registry import operator
from core.graph.roles import GATES


@operator(*GATES)
def recurrent(c: Coupling, node: ir.Node) -> None:
    given, w, r, bias = (entry(node, index) for index in range(4))
    assert given is not None and w is not None and r is not None
    gates = GATES[node.op_type]
    hidden = c.axis(r, 2)
    c.use(w, 1, "out", node)
    c.use(w, 2, "in", node)
    c.use(r, 1, "out", node)
    c.use(r, 2, "in", node)
    for weight in (w, r):
        c.link(c.axis(weight, 1).reshape(gates, -1), hidden[None])
        c.pin_value(weight, node_text(node), (0,))
    c.link_axes(given, 2, w, 2)
    if bias is not None:
        c.link(c.axis(bias, 1).reshape(2 * gates, -1), hidden[None])
        c.pin_value(bias, node_text(node), (0,))
        c.use(bias, 1, "along", node)
    peephole = entry(node, 7)
    if peephole is not None:
        c.link(c.axis(peephole, 1).reshape(3, -1), hidden[None])
    c.pin_value(entry(node, 4), node_text(node))
    for state in (entry(node, 5), entry(node, 6)):
        if state is not None:
            c.link(c.axis(state, 2), hidden)
            c.pin_value(state, node_text(node), (0, 1))
    for output in node.outputs:
        if output.uses() or output.is_graph_output():
            rank = c.rank(output)
            c.link(c.axis(output, rank - 1), hidden)
            c.pin_value(output, node_text(node), tuple(range(rank - 1)))
    c.pin_value(given, node_text(node), (0, 1))

    def fix(cut: Cut) -> None:
        if cut.changes(r, 2) or "hidden_size" in node.attributes:
            set_integer(node, "hidden_size", int(cut.keep(r, 2).sum()))

    assert integer(node, "layout", 0) == 0, "onnxruntime runs no other layout"
    c.after(fix)
