"""What the layers cost as channels go: multiply-accumulates follow the number of stored weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.graph.cost import costs
from core.graph.coupling import ChannelGroup
from core.graph.roles import stored, weight_inputs


@dataclass
class _Axis:
    size: int
    parts: list[tuple[str, int]]
    """Groups along this axis, and how many positions a unit of each takes."""


class ChannelCosts:
    """MACs of a model with so many units left in each group.

    A layer's cost is its weights' size times how often each is used, which removal does not change.
    Products of two activations (attention scores) are left out.
    """

    def __init__(self, model: ir.Model, groups: Sequence[ChannelGroup]) -> None:
        sizes: dict[str, tuple[int, ...]] = {}
        uses: dict[str, float] = {}
        macs = costs(model).macs
        for node in model.graph.all_nodes():
            count = macs.get(node.name or "")
            sources = [stored(node.inputs[i]) for i in weight_inputs(node) if i < len(node.inputs)]
            shapes = [
                (value.name or "", tuple(int(n) for n in value.const_value.shape.numpy()))
                for value in sources
                if value is not None and value.const_value is not None
            ]
            total = sum(int(np.prod(shape)) for _, shape in shapes)
            for name, shape in shapes:
                sizes[name] = shape
                # without shapes a weight counts as used once: then sizes are balanced, not times
                uses[name] = uses.get(name, 0.0) + ((count / total) if count is not None and total else 1.0)
        self._uses = uses
        self._axes = {name: [_Axis(size, []) for size in shape] for name, shape in sizes.items()}
        self._weights: dict[str, set[str]] = {group.id: set() for group in groups}
        for group in groups:
            seen: set[tuple[str, int]] = set()
            for part in group.slices:
                if part.weight in sizes and (part.weight, part.axis) not in seen:
                    seen.add((part.weight, part.axis))
                    self._axes[part.weight][part.axis].parts.append((group.id, part.index.shape[1]))
                    self._weights[group.id].add(part.weight)

    def total(self, removed: Mapping[str, int] | None = None) -> float:
        """MACs of one sample with so many units of each group gone."""
        return sum(self._weight(name, removed or {}) for name in self._axes)

    def saved(self, group: str, removed: Mapping[str, int], more: int) -> float:
        """MACs that go if `more` units of a group go on top of those removed already."""
        after = {**removed, group: removed.get(group, 0) + more}
        return sum(self._weight(n, removed) - self._weight(n, after) for n in self._weights[group])

    def _weight(self, name: str, removed: Mapping[str, int]) -> float:
        product = self._uses[name]
        for axis in self._axes[name]:
            product *= axis.size - sum(removed.get(group, 0) * width for group, width in axis.parts)
        return product
