"""Near-identical channels become one: what reads them has its weights added up.

Two units of a group are alike if every member computes the same for both: the weights that make them, biases
and parameters of normalisations in between. Then whatever follows sees the same numbers twice, and
x·w₁ + x·w₂ = x·(w₁ + w₂). Exact for identical units, close for similar ones; needs no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.graph.coupling import ChannelGroup, channel_groups
from core.graph.surgery import remove_channels
from core.graph.weights import set_weight
from core.methods import METHODS
from core.values import Described, Parameter, text


@dataclass(frozen=True)
class Merged:
    model: ir.Model
    cuts: dict[str, np.ndarray]
    """Group id -> units that were added to another one."""


def alike(model: ir.Model, group: ChannelGroup, tolerance: float) -> dict[int, int]:
    """Return for each unit that can go the earlier unit that stands for it.

    Units are alike if their weights and biases differ by at most `tolerance` of the larger one's norm.
    """
    rows = []
    for part in group.slices:
        if part.role == "in":
            continue
        tensor = model.graph.initializers[part.weight].const_value
        assert tensor is not None
        array = np.moveaxis(tensor.numpy().astype(np.float64), part.axis, 0)
        rows.append(array.reshape(len(array), -1)[part.index].reshape(group.size, -1))
    vectors = np.concatenate(rows, axis=1)
    norms = np.linalg.norm(vectors, axis=1)
    found: dict[int, int] = {}
    for unit in range(1, group.size):
        earlier = [other for other in range(unit) if other not in found]
        gaps = np.linalg.norm(vectors[earlier] - vectors[unit], axis=1)
        allowed = tolerance * np.maximum(norms[earlier], norms[unit])
        place = int(np.argmin(gaps))
        if gaps[place] <= allowed[place]:
            found[unit] = earlier[place]
    return found


def merge_channels(
    model: ir.Model, tolerance: float = 0.02, groups: Sequence[ChannelGroup] | None = None
) -> Merged:
    """Return a copy in which near-identical units are one; `model` stays as it is.

    Left alone are groups that a sum without weights or an average runs over (`summed`, `notes`), and those
    where the positions of a unit do not line up in what reads them.
    """
    groups = channel_groups(model) if groups is None else groups
    result = model.clone()
    cuts: dict[str, np.ndarray] = {}
    for group in groups:
        # nothing may read the units in a way that is not a sum over them
        if not group.removable or group.notes or group.summed or not group.consumers or not _lined_up(group):
            continue
        pairs = alike(result, group, tolerance)
        if not pairs:
            continue
        cuts[group.id] = np.array(sorted(pairs))
        for name, axis in {(part.weight, part.axis) for part in group.slices if part.role == "in"}:
            part = next(p for p in group.slices if (p.weight, p.axis, p.role) == (name, axis, "in"))
            tensor = result.graph.initializers[name].const_value
            assert tensor is not None
            array = np.moveaxis(tensor.numpy().copy(), axis, 0)
            for unit, stands in pairs.items():
                array[part.index[stands]] += array[part.index[unit]]
            set_weight(result, name, np.ascontiguousarray(np.moveaxis(array, 0, axis)))
    return Merged(remove_channels(result, cuts), cuts)


def _lined_up(group: ChannelGroup) -> bool:
    """Whether each unit's positions lie at the same distances from each other, everywhere."""
    return all(
        bool((part.index - part.index[:, :1] == part.index[:1] - part.index[0, 0]).all())
        for part in group.slices
    )


METHODS.add(
    Described(
        name="merge_channels",
        label=text("Merge alike channels"),
        help=text("Channels that compute nearly the same become one, without loss where they are identical."),
        parameters=(
            Parameter(
                name="tolerance",
                label=text("Difference allowed"),
                help=text("Channels whose weights differ by less than this share of their size are merged."),
                kind="number",
                default=0.0,
                low=0.0,
                high=50.0,
                unit="%",
            ),
        ),
    ),
    merge_channels,
)
