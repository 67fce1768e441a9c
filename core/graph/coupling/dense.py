"""Gemm, MatMul, Einsum: sums over one axis, constants on either side or none."""

from __future__ import annotations

import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, node_text
from core.graph.coupling.edit import entry, integer
from core.graph.coupling.elementwise import broadcast
from core.graph.coupling.registry import operator
from core.graph.roles import stored


@operator("Gemm")
def gemm(c: Coupling, node: ir.Node) -> None:
    a, b, bias, output = entry(node, 0), entry(node, 1), entry(node, 2), node.outputs[0]
    assert a is not None and b is not None
    rows, inner_a = (1, 0) if integer(node, "transA", 0) else (0, 1)
    inner_b, columns = (1, 0) if integer(node, "transB", 0) else (0, 1)
    c.link_axes(a, inner_a, b, inner_b)
    if stored(a) is None and stored(b) is None:
        c.add_up(c.axis(a, inner_a))
    c.link_axes(a, rows, output, 0)
    c.link_axes(b, columns, output, 1)
    c.use(b, columns, "out", node)
    c.use(b, inner_b, "in", node)
    c.use(a, rows, "out", node)
    c.use(a, inner_a, "in", node)
    if bias is not None:
        broadcast(c, [bias], output)
        if c.rank(bias):
            c.use(bias, -1, "along", node)


@operator("MatMul")
def matmul(c: Coupling, node: ir.Node) -> None:
    a, b, output = entry(node, 0), entry(node, 1), node.outputs[0]
    assert a is not None and b is not None
    rank_a, rank_b = c.rank(a), c.rank(b)
    if rank_a < 2 or rank_b < 2:
        for value in (a, b, output):
            c.pin_value(value, node_text(node))
        return
    c.link_axes(a, -1, b, -2)
    if stored(a) is None and stored(b) is None:
        c.add_up(c.axis(a, -1))
    c.link_axes(a, -2, output, -2)
    c.link_axes(b, -1, output, -1)
    for value, rank in ((a, rank_a), (b, rank_b)):
        for behind in range(3, rank + 1):
            if c.shape(value)[-behind] > 1:
                c.link_axes(value, -behind, output, -behind)
    for value, outward, inward in ((a, -2, -1), (b, -1, -2)):
        c.use(value, outward, "out", node)
        c.use(value, inward, "in", node)


@operator("Einsum")
def einsum(c: Coupling, node: ir.Node) -> None:
    """Letters are axes. Repeated letters within an operand and dots are left alone."""
    equation = node.attributes["equation"].as_string().replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    values = [*node.inputs, node.outputs[0]]
    known = bool(arrow) and "." not in equation and len(terms) == len(node.inputs)
    if not known or any(len(set(term)) != len(term) for term in (*terms, right)):
        for value in values:
            c.pin_value(value, node_text(node))
        return
    weighted = any(stored(value) is not None for value in node.inputs)
    first: dict[str, tuple[ir.Value, int]] = {}
    for value, term in zip(values, [*terms, right], strict=True):
        assert value is not None
        for axis, letter in enumerate(term):
            if c.shape(value)[axis] == 1:
                continue
            if letter in first:
                c.link_axes(value, axis, *first[letter])
            else:
                first[letter] = (value, axis)
            if letter not in right and not weighted:
                c.add_up(c.axis(value, axis))
            c.use(value, axis, "out" if letter in right else "in", node)
