"""The factors that the channels of a network may be multiplied by, and the network multiplied by some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from core.graph.weights import set_weight


@dataclass(frozen=True)
class Absorber:
    """A layer that takes factors up: its weight becomes w·s_out/s_in, what is added to it b·s_out."""

    node: str
    op: str
    weight: str
    given: np.ndarray
    """int (inputs,): the component of each input position; -1: it keeps its size."""
    made: np.ndarray
    """int (outputs,)."""
    groups: int = 1
    axis: int = 0
    """Of the outputs in the weight."""
    bias: str | None = None


@dataclass(frozen=True)
class Ceiling:
    """A Clip between: scaled values must stay within, wherever they did before."""

    value: str
    """Name of what goes into it."""
    made: np.ndarray
    """int (channels,): components along `axis`."""
    axis: int
    low: float
    high: float


@dataclass(frozen=True)
class Freedom:
    """The factors that can be chosen for a model: one for each component."""

    count: int
    absorbers: tuple[Absorber, ...]
    ceilings: tuple[Ceiling, ...]
    added: tuple[tuple[str, int, np.ndarray], ...]
    """Constants that are added on the way: (initializer, axis, component of each position)."""
    values: dict[str, tuple[int, np.ndarray]] = field(default_factory=dict)
    """Name of each value that scales -> (axis, component of each position)."""

    def sites(self) -> list[np.ndarray]:
        """Components that come up together, to be scaled or left as a group; in the network's order."""
        leader = np.arange(self.count)

        def find(item: int) -> int:
            while leader[item] != item:
                leader[item] = leader[leader[item]]
                item = int(leader[item])
            return item

        for _, labels in self.values.values():
            own = np.unique(labels[labels >= 0])
            for other in own[1:]:
                leader[find(int(other))] = find(int(own[0]))
        roots = np.array([find(item) for item in range(self.count)], dtype=int)
        order = {root: place for place, root in enumerate(dict.fromkeys(self._met(roots)))}
        groups: list[list[int]] = [[] for _ in order]
        for item, root in enumerate(roots):
            groups[order[int(root)]].append(item)
        return [np.array(group) for group in groups]

    def _met(self, roots: np.ndarray) -> list[int]:
        """The roots in the order in which absorbers make them."""
        met = [int(roots[label]) for item in self.absorbers for label in item.made if label >= 0]
        return met + [int(root) for root in roots]


def scaled(model: ir.Model, freedom: Freedom, factors: np.ndarray) -> ir.Model:
    """A copy whose channels are multiplied by `factors`, (count,) > 0; its answers are the same."""
    result = model.clone()
    for item in freedom.absorbers:
        value = result.graph.initializers[item.weight]
        assert value.const_value is not None
        weight = value.const_value.numpy()
        inputs, outputs = _take(factors, item.given), _take(factors, item.made)
        if (inputs != 1).any() or (outputs != 1).any():
            set_weight(result, item.weight, _absorbed(item, weight, inputs, outputs))
        if item.bias is not None and (outputs != 1).any():
            _along(result, item.bias, 0, outputs)
    for name, axis, labels in freedom.added:
        factor = _take(factors, labels)
        if (factor != 1).any():
            _along(result, name, axis, factor)
    return result


def _take(factors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.where(labels >= 0, np.append(factors, 1.0)[labels], 1.0)


def _absorbed(item: Absorber, weight: np.ndarray, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    if item.op == "Diagonal":
        factor = outputs / inputs if inputs.size else outputs
        return (weight * factor.reshape(weight.shape)).astype(weight.dtype)
    moved = np.moveaxis(weight.astype(np.float64), item.axis, 0)
    rest = (1,) * (moved.ndim - 2)
    # (outputs, inputs of the output's group, kernel ...)
    rows = np.repeat(inputs.reshape(item.groups, -1), len(outputs) // item.groups, axis=0)
    moved = moved * outputs.reshape(-1, 1, *rest) / rows.reshape(*rows.shape, *rest)
    return np.ascontiguousarray(np.moveaxis(moved, 0, item.axis)).astype(weight.dtype)


def _along(model: ir.Model, name: str, axis: int, factor: np.ndarray) -> None:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    array = tensor.numpy()
    shape = [1] * array.ndim
    shape[axis] = -1
    set_weight(model, name, (array * factor.reshape(shape)).astype(array.dtype))


def names(freedom: Freedom, site: Sequence[int] | np.ndarray) -> list[str]:
    """The layers that make a site's channels, in the network's order."""
    wanted = set(np.asarray(site).tolist())
    return [item.node for item in freedom.absorbers if wanted & set(item.made.tolist())]
