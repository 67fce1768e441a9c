"""What the consumers of channel groups read, as second moments, and the exact damage of losing some of it.

Removing the inputs S of a layer and letting the other weights make good costs Σ w_Sᵀ([H⁻¹]_SS)⁻¹w_S, summed
over its outputs, and the weights that do so are W − W_S([H⁻¹]_SS)⁻¹[H⁻¹]_S: Optimal Brain Surgeon for
groups (Hassibi & Stork 1993; Kurtić et al. 2022). Units go one after the other, each time the cheapest.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.graph.coupling import ChannelGroup
from core.methods._matrices import Form, form_of, patches, places
from core.methods._pieces import VALUE_BYTES, Feeds, fitting
from core.methods._taps import Tap, node_named
from core.methods.hessian import FLOAT64_COLUMNS, Moments, Quadratic, inverse_in_place

WIDEST = 5000
"""Columns up to which a consumer's moments are inverted; wider ones are scored without."""
_ROWS = 512
_AT_ONCE_NUMBERS = 1 << 18
"""Weights of units whose costs are worked out together."""
_AT_ONCE = 32
"""Units go in at most so many times this many steps: one by one up to 64 units."""


@dataclass
class Consumer:
    """A layer that reads a group."""

    name: str
    form: Form
    matrix: np.ndarray
    """(rows, columns) float64."""
    quadratic: Quadratic
    columns: np.ndarray
    """int (units, columns of one unit)."""
    energy: float
    """Variance of its outputs, summed over channels: what its damage is relative to."""


@dataclass
class Elimination:
    """In which order the units of a group go, and what each step costs."""

    order: np.ndarray
    """Units, the first to go first; at least one stays and is not in it."""
    damage: np.ndarray
    """Relative square error of the consumers' outputs after so many have gone, (len(order) + 1,)."""
    snapshots: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    """Number gone -> the consumers' compensated matrices, zero where inputs are gone."""


def measure(
    model: ir.Model,
    names: Iterable[str],
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    positions: int = 50,
    damping: float = 0.01,
) -> dict[str, Quadratic]:
    """Stream samples through the network once and return the moments of these layers' inputs.

    Layers in bodies, of groups, or of no matrix form are left out.
    """
    private = model.clone()
    found: dict[str, Form] = {}
    for name in dict.fromkeys(names):
        try:
            node = node_named(private, name)
        except KeyError:
            continue
        form = form_of(node)
        if form is not None and form.groups == 1 and form.columns <= WIDEST:
            found[name] = form
    moments = _streamed(private, found, batches, context, positions) if found else {}
    return {name: moments.pop(name).quadratic(damping, last=True) for name in found if moments[name].count}


def _streamed(
    private: ir.Model,
    forms: Mapping[str, Form],
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    positions: int,
) -> dict[str, Moments]:
    """The sums of these layers; the session is gone when they come back. `private` is taken apart."""
    nodes = {name: node_named(private, name) for name in forms}
    wanted = [value for node in nodes.values() for value in (node.inputs[0], node.outputs[0])]
    moments = {name: Moments(form) for name, form in forms.items()}
    tap = Tap(private, [value for value in wanted if value is not None])
    rng = np.random.default_rng(0)
    for feeds in fitting(batches(), tap.run, VALUE_BYTES):
        context.check()
        values = tap.run(feeds)
        for index, (name, form) in enumerate(forms.items()):
            inputs, outputs = values[2 * index], values[2 * index + 1]
            at = places(form, outputs.shape, positions, rng)
            moments[name].add(patches(form, inputs, outputs.shape[2:], at))
    return moments


def moments_bytes(node: ir.Node | None) -> int:
    """What `measure` holds of this layer's inputs; 0 for one that it leaves out."""
    form = form_of(node) if node is not None else None
    if form is None or form.groups != 1 or form.columns > WIDEST:
        return 0
    return form.columns**2 * (8 if form.columns <= FLOAT64_COLUMNS else 4)


def consumers_of(
    model: ir.Model, group: ChannelGroup, quadratics: Mapping[str, Quadratic]
) -> tuple[list[Consumer], list[str]]:
    """The consumers whose moments are known, and the names of the others."""
    known, unknown = [], []
    for part in group.slices:
        if part.role != "in":
            continue
        quadratic = quadratics.get(part.layer)
        if quadratic is None:
            unknown.append(part.layer)
            continue
        form = quadratic.form
        tensor = model.graph.initializers[part.weight].const_value
        assert tensor is not None
        # the position along the inputs' axis that each column comes from
        shape = [1] * len(form.shape)
        shape[part.axis] = -1
        along = np.broadcast_to(np.arange(form.shape[part.axis]).reshape(shape), form.shape)
        origin = form.matrices(along)[0, 0].astype(np.int64)
        order = np.argsort(origin, kind="stable").reshape(form.shape[part.axis], -1)
        columns = order[part.index].reshape(group.size, -1)
        matrix = form.matrices(tensor.numpy())[0].astype(np.float64)
        # in the moments' own kind of number: otherwise they would be copied to a wider one
        weighed = matrix.astype(quadratic.hessian.dtype) @ quadratic.hessian[0]
        energy = float(np.einsum("rc,rc->", weighed, matrix))
        known.append(Consumer(part.layer, form, matrix, quadratic, columns, max(energy, 1e-30)))
    return known, unknown


def eliminate(
    consumers: Sequence[Consumer],
    units: int,
    keep_at_least: int = 1,
    snapshots: Sequence[int] = (),
    told: Callable[[int, dict[str, np.ndarray]], None] | None = None,
    last: Container[str] = (),
) -> Elimination:
    """Remove units one after the other, each time the one that costs the consumers least.

    `told` gets each snapshot as soon as it exists, to be used before it returns; without it they are kept.
    Consumers in `last` lose their second moments, for which nobody has any more use.
    """
    weights = [consumer.matrix.copy() for consumer in consumers]
    inverses = []
    for consumer in consumers:
        inverses.append(consumer.quadratic.hessian[0].astype(np.float64, order="C"))
        if consumer.name in last:
            consumer.quadratic = replace(consumer.quadratic, hessian=np.empty((1, 0, 0)))
        inverse_in_place(inverses[-1])
    alive = np.ones(units, dtype=bool)
    order: list[int] = []
    damage = [0.0]
    result = Elimination(np.empty(0, np.int64), np.empty(0))
    step = max(1, units // (2 * _AT_ONCE))
    while alive.sum() > keep_at_least:
        left = np.flatnonzero(alive)
        costs = np.zeros(left.size)
        for consumer, weight, inverted in zip(consumers, weights, inverses, strict=True):
            costs += _costs(weight, inverted, consumer.columns[left]) / consumer.energy
        due = [count for count in snapshots if count > len(order)]
        most = min([step, int(alive.sum()) - keep_at_least, *[count - len(order) for count in due[:1]]])
        total = damage[-1]
        for place in np.argsort(costs, kind="stable")[:most]:
            total += float(costs[place])
            order.append(int(left[place]))
            damage.append(total)
        gone = np.array(order[-most:])
        alive[gone] = False
        for index, consumer in enumerate(consumers):
            columns = consumer.columns[gone].ravel()
            weights[index], inverses[index] = _removed(weights[index], inverses[index], columns)
        if len(order) in snapshots:
            named = {one.name: weight for one, weight in zip(consumers, weights, strict=True)}
            if told is not None:
                told(len(order), named)
            else:
                result.snapshots[len(order)] = {name: weight.copy() for name, weight in named.items()}
    result.order, result.damage = np.array(order, np.int64), np.array(damage)
    return result


def _costs(weight: np.ndarray, inverse: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Σ w_Sᵀ([H⁻¹]_SS)⁻¹w_S for each row S of `columns`."""
    at_once = max(1, _AT_ONCE_NUMBERS // max(1, columns.shape[1] * len(weight)))
    costs = np.empty(len(columns))
    for start in range(0, len(columns), at_once):
        own = columns[start : start + at_once]
        blocks = inverse[own[:, :, None], own[:, None, :]]
        parts = weight[:, own].transpose(1, 2, 0)  # (units, columns, rows)
        solved = np.linalg.solve(blocks, parts)
        costs[start : start + at_once] = np.einsum("ucr,ucr->u", parts, solved)
    return costs


def _removed(weight: np.ndarray, inverse: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights and inverse after these columns have gone: zero, and the rest has made good. Both in place."""
    block = inverse[np.ix_(columns, columns)]
    solved = np.linalg.solve(block, inverse[columns])
    for matrix in (weight, inverse):
        # by parts: the product as a whole would be as large as the matrix
        for start in range(0, len(matrix), _ROWS):
            part = matrix[start : start + _ROWS]
            part -= part[:, columns] @ solved
    weight[:, columns] = 0.0
    inverse[:, columns] = 0.0
    inverse[columns] = 0.0
    # a unit that is gone is never asked for again, but keeps the blocks regular
    inverse[columns, columns] = 1.0
    return weight, inverse
