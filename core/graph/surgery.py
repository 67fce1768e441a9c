"""Remove channels, neurons and heads from a graph, with everything that is coupled to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.errors import PlanError
from core.graph.batchnorm import SCALE
from core.graph.coupling import Coupled, couple, prepared
from core.graph.coupling.atoms import Cut
from core.graph.weights import set_weight
from core.values import text

_AT_ONCE_BYTES = 4 << 20
Cuts = Mapping[str, Sequence[int] | np.ndarray]
"""Group id -> indices of the units that go."""


def remove_channels(model: ir.Model, cuts: Cuts) -> ir.Model:
    """Return a copy without these units; `model` is a normalised graph and stays as it is.

    The stored tensors are sliced, and groups of convolutions, sizes of splits, shapes of reshapes and
    hidden sizes follow. Raises PlanError for a group that does not exist or is fixed, for a unit that
    does not exist, and for a group that would lose all its units.
    """
    result = prepared(model)
    coupled = couple(result)
    cut = cut_of(coupled, cuts)
    stored = [(value, axis) for value, axis in coupled.coupling.constants() if value.is_initializer()]
    # what the shapes were before is asked for while fixing, hence the weights come last
    kept: dict[ir.Value, dict[int, np.ndarray]] = {}
    for value, axis in stored:
        if cut.changes(value, axis):
            kept.setdefault(value, {})[axis] = cut.keep(value, axis)
    scales = [(node, cut.keep(node.outputs[0], 1)) for node in result.graph.all_nodes() if SCALE in node.meta]
    shapes = [
        (value, {axis: int(cut.keep(value, axis).sum()) for axis in range(len(value.shape or ()))})
        for node in result.graph.all_nodes()
        for value in node.outputs
        if coupled.coupling.follows(value)
    ]
    for fix in coupled.coupling.fixes:
        fix(cut)
    for value, sizes in shapes:
        assert value.shape is not None
        value.shape = ir.Shape(
            [sizes[i] if isinstance(size, int) else size for i, size in enumerate(value.shape)]
        )
    for value, keeps in kept.items():
        assert value.const_value is not None
        set_weight(result, value.name or "", _taken(value.const_value.numpy(), keeps))
    for node, keep in scales:
        node.meta[SCALE] = node.meta[SCALE][keep]
    for name, value in list(result.graph.initializers.items()):
        # a vector of sizes that has been replaced
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del result.graph.initializers[name]
    return result


def _taken(array: np.ndarray, keeps: Mapping[int, np.ndarray]) -> np.ndarray:
    """The positions kept along these axes, some rows at a time: of a large weight that loses inputs and
    outputs nothing lies between it and what is left."""
    rows = np.flatnonzero(keeps[0]) if 0 in keeps else np.arange(len(array))
    shape = [int(keeps[axis].sum()) if axis in keeps else size for axis, size in enumerate(array.shape)]
    result = np.empty(shape, array.dtype)
    step = max(1, _AT_ONCE_BYTES * len(array) // max(1, array.nbytes))
    for start in range(0, len(rows), step):
        part = array[rows[start : start + step]]
        for axis, keep in keeps.items():
            if axis:
                part = np.compress(keep, part, axis=axis)
        result[start : start + step] = part
    return result


def cut_of(coupled: Coupled, cuts: Cuts) -> Cut:
    """Return which positions of every tensor of the coupled model stay. Raises PlanError."""
    groups = {group.id: group for group in coupled.groups}
    gone = np.zeros(int(coupled.labels.max(initial=0)) + 1, dtype=bool)
    for name, units in cuts.items():
        chosen = np.unique(np.asarray(units, dtype=np.int64))
        if not chosen.size:
            continue
        group = groups.get(name)
        if group is None:
            raise PlanError(
                text("There is no group of channels '{group}'.", group=name),
                next_step=text("Open the model again and choose from the groups shown."),
            )
        if group.why_fixed is not None:
            raise PlanError(
                text("The channels of '{group}' cannot be removed.", group=name),
                group.why_fixed,
                text("Leave this group as it is."),
            )
        if chosen[0] < 0 or chosen[-1] >= group.size or chosen.size >= group.size:
            raise PlanError(
                text("{count} channels of '{group}' cannot go.", count=chosen.size, group=name),
                text("The group has {size}, and at least one must stay.", size=group.size),
                text("Choose fewer."),
            )
        gone[coupled.components[name][chosen]] = True
    return Cut(coupled.coupling, ~gone[coupled.labels])
