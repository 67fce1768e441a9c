"""What each operator says about channels that are multiplied by a factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, UnknownShapeError, node_text
from core.graph.coupling.edit import constant, entry, integer, numbers
from core.graph.coupling.elementwise import broadcast
from core.graph.coupling.registry import rule_of
from core.graph.scaling.freedom import Absorber, Ceiling, Freedom
from core.values import text

_PASS = {"Relu", "LeakyRelu", "PRelu", "Identity", "Dropout", "Neg", "Abs"}
"""f(s·x) = s·f(x) for s > 0."""
_MOVE = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Resize"}
"""Positions go elsewhere, or are mixed with their like only."""
_POOL = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
_REDUCE = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"}
_GATES = {"Sigmoid", "HardSigmoid", "Softmax", "Tanh"}
"""What comes out of these weighs another tensor and keeps its own size."""


@dataclass
class Finder:
    """Walks over the nodes once; then reads off what is free."""

    coupling: Coupling
    drafts: list[tuple[str, str, str, np.ndarray, np.ndarray, int, int, str | None]] = field(
        default_factory=list
    )
    ceilings: list[tuple[ir.Value, int, float, float]] = field(default_factory=list)
    added: list[tuple[ir.Value, int]] = field(default_factory=list)

    def freedom(self) -> Freedom:
        c = self.coupling
        edge = text("The model's own inputs and outputs keep their size.")
        for value in (*c.model.graph.inputs, *c.model.graph.outputs):
            c.pin_value(value, edge)
        main = set(map(id, c.model.graph))
        for node in c.model.graph.all_nodes():
            self._state(node, id(node) in main)
        c.settle()
        labels, number = c.components()
        held = np.array([reason is not None for reason in c.reasons(labels, number)], dtype=bool)
        made = [atoms for _, _, _, _, atoms, *_ in self.drafts]
        born = np.zeros(number, dtype=bool)
        if made:
            born[labels[np.concatenate(made)]] = True
        free = born & ~held
        values = self._values(labels, free)
        kept = np.flatnonzero(free)
        renamed = np.full(number + 1, -1)
        renamed[kept] = np.arange(kept.size)

        def named(atoms: np.ndarray) -> np.ndarray:
            return np.asarray(renamed[labels[atoms]])

        return Freedom(
            count=int(kept.size),
            absorbers=tuple(
                Absorber(node, op, weight, named(given), named(out), groups, axis, bias)
                for node, op, weight, given, out, groups, axis, bias in self.drafts
            ),
            ceilings=tuple(
                Ceiling(value.name or "", named(c.axis(value, axis)), axis, low, high)
                for value, axis, low, high in self.ceilings
                if free[labels[c.axis(value, axis)]].any()
            ),
            added=tuple(
                (value.name or "", axis, named(c.axis(value, axis)))
                for value, axis in self.added
                if free[labels[c.axis(value, axis)]].any()
            ),
            values={name: (axis, renamed[found]) for name, (axis, found) in values.items()},
        )

    def _values(self, labels: np.ndarray, free: np.ndarray) -> dict[str, tuple[int, np.ndarray]]:
        """Along which axis each value scales. One that would along two keeps its size, and all with it."""
        c = self.coupling
        while True:
            found: dict[str, tuple[int, np.ndarray]] = {}
            before = int(free.sum())
            for node in c.model.graph:
                for value in node.outputs:
                    try:
                        axes = range(c.rank(value))
                    except UnknownShapeError:
                        continue
                    known = [(axis, labels[c.axis(value, axis)]) for axis in axes if c.knows(value, axis)]
                    scaling = [(axis, own) for axis, own in known if free[own].any()]
                    if len(scaling) > 1:
                        for _, own in scaling:
                            free[own] = False
                    elif scaling and value.name:
                        axis, own = scaling[0]
                        found[value.name] = axis, np.where(free[own], own, -1)
            if int(free.sum()) == before:
                return found

    # ------------------------------------------------------------ what nodes say

    def _state(self, node: ir.Node, in_main: bool) -> None:
        c = self.coupling
        rule = self._rule(node) if in_main and node.domain in ("", "ai.onnx") else None
        if rule is not None:
            try:
                rule(node)
                return
            except (UnknownShapeError, ValueError, IndexError, KeyError, AssertionError):
                pass  # a form of the operator that is not written down here
        bodies = [a.as_graph() for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]
        inner = (value for body in bodies for value in (*body.inputs, *body.outputs))
        for value in (*node.inputs, *node.outputs, *inner):
            c.pin_value(value, node_text(node))

    def _rule(self, node: ir.Node) -> Callable[[ir.Node], None] | None:
        op = node.op_type
        if op in _PASS:
            return self._passes
        if op in _MOVE or op == "Pad":
            return self._moves
        if op in _POOL:
            return self._pools
        if op in _REDUCE:
            return self._reduces
        own: dict[str, Callable[[ir.Node], None]] = {
            "Clip": self._clip,
            "Add": self._adds,
            "Sub": self._adds,
            "Sum": self._adds,
            "Mul": self._times,
            "Div": self._times,
            "Conv": self._convolution,
            "Gemm": self._gemm,
            "MatMul": self._matmul,
            "LayerNormalization": self._normalisation,
        }
        return own.get(op)

    def _passes(self, node: ir.Node) -> None:
        if node.op_type == "PRelu" and constant(entry(node, 1)) is None:
            raise ValueError("computed slopes")
        assert node.inputs[0] is not None
        self.coupling.link_values(node.inputs[0], node.outputs[0])

    def _moves(self, node: ir.Node) -> None:
        if node.op_type == "Pad":
            mode = node.attributes.get("mode")
            filler = entry(node, 2)
            number = constant(filler)
            if (mode is not None and mode.as_string() != "constant") or (
                filler is not None and (number is None or number.any())
            ):
                raise ValueError("padded with numbers that do not scale")
        rule = rule_of(node)
        assert rule is not None
        rule(self.coupling, node)

    def _pools(self, node: ir.Node) -> None:
        rule = rule_of(node)
        assert rule is not None
        rule(self.coupling, node)

    def _reduces(self, node: ir.Node) -> None:
        c = self.coupling
        given, output = entry(node, 0), node.outputs[0]
        assert given is not None
        rank, axes = c.rank(given), numbers(node, 1, "axes")
        if not axes:
            raise ValueError("all axes, or unknown ones")
        gone = {axis % rank for axis in axes}
        keepdims = bool(integer(node, "keepdims", 1))
        position = 0
        for axis in range(rank):
            if axis in gone:
                c.pin_value(given, node_text(node), (axis,))
            else:
                c.link_axes(given, axis, output, position)
            position += axis not in gone or keepdims

    def _clip(self, node: ir.Node) -> None:
        c = self.coupling
        edges = []
        for index, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
            if name in node.attributes:
                edges.append(node.attributes[name].as_float())
            elif entry(node, index) is None:
                edges.append(float(default))
            else:
                bound = constant(entry(node, index))
                if bound is None:
                    raise ValueError("computed bounds")
                edges.append(float(bound.reshape(-1)[0]))
        given, output = entry(node, 0), node.outputs[0]
        assert given is not None
        if not edges[0] <= 0.0 <= edges[1]:
            raise ValueError("zero is outside")
        c.link_values(given, output)
        low, high = (edge if edge else 0.0 for edge in edges)
        if (np.isfinite(low) and low) or (np.isfinite(high) and high):
            axis = 1 if c.rank(given) > 2 else -1 % c.rank(given)
            self.ceilings.append((given, axis, low or -np.inf, high or np.inf))
            for other in range(c.rank(given)):
                if other != axis:
                    c.pin_value(given, node_text(node), (other,))

    def _adds(self, node: ir.Node) -> None:
        c, output = self.coupling, node.outputs[0]
        shape = c.shape(output)
        for value in node.inputs:
            assert value is not None
            own = c.shape(value)
            stored = constant(value)
            if stored is not None and not stored.any():
                continue
            for behind in range(1, len(shape) + 1):
                size = own[-behind] if behind <= len(own) else 1
                if size == shape[-behind] and size > 1:
                    c.link_axes(value, -behind, output, -behind)
                elif shape[-behind] > 1:
                    # the same number for all positions: they can only keep their size
                    self.coupling.pin_value(output, node_text(node), (len(shape) - behind,))
            if stored is not None:
                self._constant(value, node)

    def _constant(self, value: ir.Value, node: ir.Node) -> None:
        if not value.is_initializer() or len(list(value.uses())) != 1:
            self.coupling.pin_value(value, node_text(node))
            return
        for axis in range(self.coupling.rank(value)):
            if self.coupling.shape(value)[axis] > 1:
                self.added.append((value, axis))

    def _times(self, node: ir.Node) -> None:
        c, output = self.coupling, node.outputs[0]
        a, b = node.inputs[0], node.inputs[1]
        assert a is not None and b is not None
        if constant(a) is not None and node.op_type == "Mul":
            a, b = b, a
        if constant(b) is not None:
            self._by_constant(node, a, b)
            return
        if node.op_type == "Mul":
            for gate, other in ((a, b), (b, a)):
                producer = gate.producer()
                if producer is not None and producer.op_type in _GATES and gate is not other:
                    c.pin_value(gate, node_text(node))
                    broadcast(c, [other], output)
                    self._repeated(other, output, node)
                    return
        raise ValueError("a product of two computed values")

    def _by_constant(self, node: ir.Node, given: ir.Value, factor: ir.Value) -> None:
        """One constant for each channel takes factors up like a layer; others let them pass."""
        c, output = self.coupling, node.outputs[0]
        wide = [axis for axis, size in enumerate(c.shape(factor)) if size > 1]
        behind = c.rank(factor) - wide[0] if len(wide) == 1 else 0
        diagonal = (
            node.op_type == "Mul"
            and bool(behind)
            and factor.is_initializer()
            and len(list(factor.uses())) == 1
            and behind <= c.rank(given)
            and c.shape(given)[-behind] == c.shape(factor)[wide[0]]
        )
        if not diagonal:
            broadcast(c, [given], output)
            self._repeated(given, output, node)
            return
        axis = c.rank(given) - behind
        rest = tuple(other for other in range(c.rank(given)) if other != axis)
        c.link_values(given, output, rest)
        self._take_up(node, factor, c.axis(given, axis), c.axis(output, axis), op="Diagonal")

    def _repeated(self, value: ir.Value, output: ir.Value, node: ir.Node) -> None:
        c = self.coupling
        own, shape = c.shape(value), c.shape(output)
        for behind in range(1, len(shape) + 1):
            if shape[-behind] > 1 and (behind > len(own) or own[-behind] != shape[-behind]):
                c.pin_value(output, node_text(node), (len(shape) - behind,))

    # ------------------------------------------------------------ what takes factors up

    def _take_up(
        self,
        node: ir.Node,
        weight: ir.Value,
        given: np.ndarray,
        made: np.ndarray,
        op: str = "Layer",
        groups: int = 1,
        axis: int = 0,
        bias: ir.Value | None = None,
    ) -> None:
        c = self.coupling
        sole = all(
            value is None
            or (value.is_initializer() and constant(value) is not None and len(list(value.uses())) == 1)
            for value in (weight, bias)
        )
        if not sole:
            # several layers read the same numbers
            for atoms in (given, made):
                c.pin(atoms, node_text(node))
        draft = node.name or "", op, weight.name or "", given, made, groups, axis
        self.drafts.append((*draft, bias.name if bias is not None else None))

    def _convolution(self, node: ir.Node) -> None:
        c = self.coupling
        given, weight, bias, output = entry(node, 0), entry(node, 1), entry(node, 2), node.outputs[0]
        assert given is not None and weight is not None
        if constant(weight) is None or (bias is not None and constant(bias) is None):
            raise ValueError("computed weights")
        for value in (given, output):
            c.pin_value(value, node_text(node), (0, *range(2, c.rank(value))))
        groups = integer(node, "group", 1)
        self._take_up(node, weight, c.axis(given, 1), c.axis(output, 1), groups=groups, bias=bias)

    def _gemm(self, node: ir.Node) -> None:
        c = self.coupling
        given, weight, bias, output = entry(node, 0), entry(node, 1), entry(node, 2), node.outputs[0]
        assert given is not None and weight is not None
        if integer(node, "transA", 0) or constant(weight) is None:
            raise ValueError("a form that is no layer")
        if bias is not None and c.shape(bias) != c.shape(output)[1:]:
            raise ValueError("a bias of another shape")
        c.link_axes(given, 0, output, 0)
        axis = 0 if integer(node, "transB", 0) else 1
        self._take_up(node, weight, c.axis(given, 1), c.axis(output, 1), axis=axis, bias=bias)

    def _matmul(self, node: ir.Node) -> None:
        c = self.coupling
        a, b, output = entry(node, 0), entry(node, 1), node.outputs[0]
        assert a is not None and b is not None
        rank_a, rank_b = c.rank(a), c.rank(b)
        if min(rank_a, rank_b) < 2:
            raise ValueError("a vector")
        if constant(a) is not None:
            raise ValueError("the weight comes first")
        for behind in range(2, rank_a + 1):
            if c.shape(a)[-behind] == c.shape(output)[-behind]:
                c.link_axes(a, -behind, output, -behind)
        if constant(b) is not None and rank_b == 2:
            self._take_up(node, b, c.axis(a, -1), c.axis(output, -1), axis=1)
            return
        if constant(b) is not None:
            raise ValueError("stacked weights")
        # rows are weighed and added up: what is added keeps its size, the columns pass on
        c.pin_value(a, node_text(node), (rank_a - 1,))
        c.pin_value(b, node_text(node), (rank_b - 2,))
        c.link_axes(b, -1, output, -1)
        for behind in range(3, rank_b + 1):
            if c.shape(b)[-behind] == c.shape(output)[-behind]:
                c.link_axes(b, -behind, output, -behind)

    def _normalisation(self, node: ir.Node) -> None:
        c = self.coupling
        given, weight, bias, output = entry(node, 0), entry(node, 1), entry(node, 2), node.outputs[0]
        assert given is not None and weight is not None
        rank = c.rank(given)
        if integer(node, "axis", -1) % rank != rank - 1 or any(out.uses() for out in node.outputs[1:]):
            raise ValueError("over several axes")
        c.pin_value(given, node_text(node), (rank - 1,))
        c.link_values(given, output, tuple(range(rank - 1)))
        fixed = np.array([], dtype=int)
        if c.shape(weight) != c.shape(output)[-1:]:
            raise ValueError("a scale for several positions")
        self._take_up(node, weight, fixed, c.axis(output, -1), op="Diagonal", bias=bias)
