"""Which positions along which axes of which tensors stand or fall together.

Every position along every axis of every tensor is an atom. Each operator states which atoms are one
(link), which cannot be removed (pin), and how its own settings follow a removal (after). Components of
linked atoms without a pin are what can be removed, and the removal is the same everywhere: take the
kept positions along each axis of each stored tensor. After DepGraph (Fang et al. 2023), with positions
in the place of layers, so that offsets and blocks need no rules of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import onnx_ir as ir
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.graph.roles import stored
from core.graph.shapes import Shape, infer_shapes, sample_inputs, scaled_inputs
from core.values import Text, text

Role = Literal["out", "in", "along"]
LARGEST_RESHAPE = 1 << 24
"""Elements of one sample up to which a reshape is followed."""


class UnknownShapeError(Exception):
    """A tensor's shape cannot be worked out; the operator's other tensors are pinned then."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Use:
    """An axis of a stored tensor that a layer's outputs ('out') or inputs ('in') lie along."""

    weight: str
    axis: int
    role: Role
    layer: str


@dataclass(frozen=True)
class Regrouping:
    """Axes that a reshape splits or merges: the same elements, counted along other axes."""

    before: tuple[tuple[ir.Value, int], ...]
    after: tuple[tuple[ir.Value, int], ...]
    reason: Text
    inner_first: bool = False
    """A channel shuffle: the inner axis carries the channels, the outer one is a handful of groups."""


class Cut:
    """Which atoms stay."""

    def __init__(self, coupling: Coupling, kept: np.ndarray) -> None:
        self._coupling = coupling
        self._kept = kept

    def keep(self, value: ir.Value, axis: int) -> np.ndarray:
        """Return which positions along the axis stay, bool (size,)."""
        atoms = self._coupling.axis(value, axis)
        # an axis that no operator said anything about has only got its atoms now
        known = atoms[atoms < self._kept.size]
        return np.asarray(self._kept[known]) if known.size else np.ones(atoms.size, dtype=bool)

    def keep_shape(self, value: ir.Value) -> tuple[int, ...]:
        return tuple(int(self.keep(value, axis).sum()) for axis in range(len(self._coupling.shape(value))))

    def changes(self, value: ir.Value, axis: int) -> bool:
        return not bool(self.keep(value, axis).all())


class Coupling:
    """Collects what the operators state about one model."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.opset = model.graph.opset_imports.get("", 17)
        inputs, _ = sample_inputs(model)
        self._shapes: dict[str, Shape] = infer_shapes(model, inputs)
        self._larger: dict[str, Shape] | None = None
        self._first: dict[tuple[int, int], tuple[int, int]] = {}
        self._values: list[ir.Value] = []
        self._edges: list[tuple[np.ndarray, np.ndarray]] = []
        self._pins: list[tuple[np.ndarray, Text]] = []
        self.notes: list[tuple[np.ndarray, Text]] = []
        self.summed: list[np.ndarray] = []
        self.uses: dict[Use, ir.Value] = {}
        self.regroupings: list[Regrouping] = []
        self.fixes: list[Callable[[Cut], None]] = []
        self.count = 0

    # ------------------------------------------------------------ what operators ask

    def shape(self, value: ir.Value | None) -> Shape:
        """Raises UnknownShapeError."""
        if value is not None:
            if value.const_value is not None:
                return tuple(int(size) for size in value.const_value.shape.numpy())
            known = self._shapes.get(value.name or "")
            if known is not None:
                return known
        raise UnknownShapeError("" if value is None else value.name or "")

    def varies(self, value: ir.Value, axis: int) -> bool:
        """Whether the size along an axis follows the model's inputs, or may do so."""
        if self._larger is None:
            self._larger = infer_shapes(self.model, scaled_inputs(self.model, 2))
        larger = self._larger.get(value.name or "")
        return larger is None or larger[axis] != self.shape(value)[axis]

    def rank(self, value: ir.Value | None) -> int:
        return len(self.shape(value))

    def axis(self, value: ir.Value, axis: int) -> np.ndarray:
        """Return the atoms along an axis, int64 (size,)."""
        shape = self.shape(value)
        axis %= len(shape)
        key = (id(value), axis)
        if key not in self._first:
            self._first[key] = (self.count, shape[axis])
            self.count += shape[axis]
            self._values.append(value)  # keeps the id in use
        start, size = self._first[key]
        return np.arange(start, start + size)

    def constants(self) -> list[tuple[ir.Value, int]]:
        """Stored tensors and axes that an operator has stated something about."""
        return [
            (value, axis)
            for value, (_, axis) in zip(self._values, self._first, strict=True)
            if value.const_value is not None
        ]

    def knows(self, value: ir.Value, axis: int) -> bool:
        """Whether an operator has stated something about this axis."""
        return (id(value), axis) in self._first

    def follows(self, value: ir.Value) -> bool:
        """Whether the shape noted at a value is one of which every axis is known here."""
        if value.shape is None or not len(value.shape):
            return False
        known = self._shapes.get(value.name or "")
        return known is not None and all((id(value), axis) in self._first for axis in range(len(known)))

    # ------------------------------------------------------------ what operators state

    def link(self, a: np.ndarray, b: np.ndarray) -> None:
        """These atoms are one, pairwise."""
        a, b = np.broadcast_arrays(a, b)
        self._edges.append((a.ravel(), b.ravel()))

    def link_axes(self, a: ir.Value, axis_a: int, b: ir.Value, axis_b: int) -> None:
        """The same positions along both axes are one; an axis of a single position never changes."""
        atoms_a, atoms_b = self.axis(a, axis_a), self.axis(b, axis_b)
        if atoms_a.size > 1 or atoms_b.size > 1:
            self.link(atoms_a, atoms_b)

    def link_values(self, a: ir.Value, b: ir.Value, axes: tuple[int, ...] | None = None) -> None:
        """Link the same axes (all by default) of two tensors of one rank; differing sizes are pinned."""
        for axis in range(self.rank(a)) if axes is None else axes:
            if self.shape(a)[axis] == self.shape(b)[axis]:
                self.link_axes(a, axis, b, axis)

    def pin(self, atoms: np.ndarray, reason: Text) -> None:
        if atoms.size:
            self._pins.append((atoms, reason))

    def pin_value(self, value: ir.Value | None, reason: Text, axes: tuple[int, ...] | None = None) -> None:
        """Pin axes (all by default) of a tensor; one of unknown shape is pinned wherever it is used."""
        if value is None:
            return
        try:
            rank = self.rank(value)
        except UnknownShapeError:
            return
        for axis in range(rank) if axes is None else axes:
            self.pin(self.axis(value, axis), reason)

    def pin_varying(self, value: ir.Value, reason: Text) -> None:
        """Pin axes whose sizes are computed for each input anew: there no other number can be written."""
        for axis in range(self.rank(value)):
            if self.varies(value, axis):
                self.pin(self.axis(value, axis), reason)

    def note(self, atoms: np.ndarray, note: Text) -> None:
        """Removing these changes the result even where they are zero."""
        self.notes.append((atoms, note))

    def add_up(self, atoms: np.ndarray) -> None:
        """These are added up without weights: of two that are alike neither can stand for both."""
        self.summed.append(atoms)

    def use(self, value: ir.Value | None, axis: int, role: Role, node: ir.Node) -> None:
        """A layer's outputs or inputs lie along this axis of a stored tensor (also a dequantised one)."""
        source = stored(value)
        if source is not None and source.const_value is not None:
            rank = len(source.const_value.shape.numpy())
            self.uses[Use(source.name or "", axis % rank, role, node.name or "")] = source

    def after(self, fix: Callable[[Cut], None]) -> None:
        """Call `fix` once it is known what goes, to bring the node's own settings in line."""
        self.fixes.append(fix)

    def regroup(self, regrouping: Regrouping) -> None:
        self.regroupings.append(regrouping)

    # ------------------------------------------------------------ what comes of it

    def components(self) -> tuple[np.ndarray, int]:
        """Return the component of each atom, int (atoms,), and how many there are."""
        if not self._edges:
            return np.arange(self.count), self.count
        a = np.concatenate([edge[0] for edge in self._edges])
        b = np.concatenate([edge[1] for edge in self._edges])
        matrix = coo_array((np.ones(a.size, np.int8), (a, b)), shape=(self.count, self.count))
        number, labels = connected_components(matrix, directed=False)
        return labels, number

    def reasons(self, labels: np.ndarray, number: int) -> list[Text | None]:
        """Return for each component why it cannot go, None if it can."""
        first = np.full(number, len(self._pins))
        for index in range(len(self._pins) - 1, -1, -1):
            first[labels[self._pins[index][0]]] = index
        return [self._pins[index][1] if index < len(self._pins) else None for index in first]

    def settle(self) -> None:
        """Decide along which axis each reshape carries its channels.

        Where one side has a single axis that is not pinned it is that one; else the outermost (whole
        attention heads, channels before pixels), and the axes beside it are pinned.
        """
        waiting = self.regroupings
        while waiting:
            free = self._free()
            clear = [item for item in waiting if self._clear(item, free)]
            chosen = clear or [item for item in waiting if item.inner_first][:1] or waiting
            for item in chosen:
                self._carry(item, free)
            waiting = [item for item in waiting if not any(item is other for other in chosen)]
        self.regroupings = []

    def _free(self) -> Callable[[ir.Value, int], bool]:
        for item in self.regroupings:
            for value, axis in (*item.before, *item.after):
                self.axis(value, axis)
        labels, number = self.components()
        pinned = np.zeros(number, dtype=bool)
        for atoms, _ in self._pins:
            pinned[labels[atoms]] = True
        held = pinned[labels]
        return lambda value, axis: not bool(held[self.axis(value, axis)].all())

    @staticmethod
    def _clear(item: Regrouping, free: Callable[[ir.Value, int], bool]) -> bool:
        sides = [[place for place in side if free(*place)] for side in (item.before, item.after)]
        return all(len(side) <= 1 for side in sides) or any(not side for side in sides)

    def _carry(self, item: Regrouping, free: Callable[[ir.Value, int], bool]) -> None:
        sizes = [[int(self.axis(*place).size) for place in side] for side in (item.before, item.after)]
        sides = [[place for place in side if free(*place)] for side in (item.before, item.after)]
        if not all(sides) or prod(sizes[0]) > LARGEST_RESHAPE:
            for value, axis in (*item.before, *item.after):
                self.pin(self.axis(value, axis), item.reason)
            return
        pairs = []
        for given, side, own in zip((item.before, item.after), sides, sizes, strict=True):
            carrier = side[-1 if item.inner_first else 0]
            position = given.index(carrier)
            inner = prod(own[position + 1 :])
            index = np.arange(prod(own)) // inner % own[position]
            pairs.append(self.axis(*carrier)[index])
            for place in given:
                if place is not carrier:
                    self.pin(self.axis(*place), item.reason)
        both = np.unique(np.stack(pairs), axis=1)
        self.link(both[0], both[1])


def node_text(node: ir.Node) -> Text:
    """The reason that names an operator which stops a group."""
    return text("'{node}' ({operator}) mixes them.", node=node.name or "", operator=node.op_type)
