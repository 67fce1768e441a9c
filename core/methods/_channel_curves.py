"""What it costs to remove so many units of each group: by importance, by second moments, or measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.graph.coupling import ChannelGroup
from core.graph.weights import set_weight
from core.methods._bias import read_bias, set_bias
from core.methods._channel_moments import Consumer, consumers_of, eliminate, measure, moments_bytes
from core.methods._pieces import Feeds
from core.methods._taps import node_named
from core.methods.repair_channels import Answers
from core.values import text

PROBING = text("Measuring what each group of channels is worth")
LEVELS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
"""Shares of a group's units that are taken away to measure."""
MOMENT_BYTES = 128 << 20
"""Second moments of readers that are held at once."""
KEEP_SHARE = 0.1
"""A group keeps at least this share of its units."""


@dataclass(frozen=True)
class Curve:
    """The order in which a group's units go, and the damage when so many have gone."""

    order: np.ndarray
    damage: np.ndarray
    """(len(order) + 1,), rising; comparable between groups."""


def magnitude(model: ir.Model, group: ChannelGroup) -> np.ndarray:
    """Importance of each unit: squared weights of all members' outputs, each member's shared out to one."""
    total = np.zeros(group.size)
    for part in group.slices:
        if part.role != "out":
            continue
        tensor = model.graph.initializers[part.weight].const_value
        assert tensor is not None
        array = np.square(np.moveaxis(tensor.numpy(), part.axis, 0).astype(np.float64))
        per_position = array.reshape(array.shape[0], -1).sum(axis=1)
        units = per_position[part.index].sum(axis=1)
        total += units / max(float(units.sum()), 1e-30)
    return total


def by_importance(group: ChannelGroup, importance: np.ndarray) -> Curve:
    """The least important first; the damage is the share of the group's importance that has gone."""
    order = np.argsort(importance, kind="stable")[: most_of(group.size)]
    share = np.cumsum(importance[order]) / max(float(importance.sum()), 1e-30)
    return Curve(order, np.concatenate([[0.0], share]))


def by_moments(
    model: ir.Model,
    groups: Sequence[ChannelGroup],
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    answers: Answers | None,
    levels: Sequence[float] = LEVELS,
    positions: int = 50,
) -> dict[str, Curve]:
    """Curves by second-order elimination; with `answers` the damage is measured end to end at `levels`.

    Groups with a consumer whose moments cannot be had fall back on the magnitude for their order.
    """
    curves: dict[str, Curve] = {}
    start = answers.distance(model) if answers is not None else 0.0
    place = 0
    for together in _portions(model, groups):
        quadratics = measure(model, _readers(together), batches, context, positions)
        for turn, group in enumerate(together):
            context.report(PROBING, place, len(groups))
            place += 1
            consumers, _ = consumers_of(model, group, quadratics)
            later = set(_readers(together[turn + 1 :]))
            # what nobody asks for again makes room for its inverse
            last = {one.name for one in consumers if one.name not in later}
            quadratics = {name: one for name, one in quadratics.items() if name not in last}
            if not consumers:
                curves[group.id] = by_importance(group, magnitude(model, group))
                continue
            probe = _Probe(model, consumers, answers, start, context) if answers is not None else None
            counts = sorted({round(share * group.size) for share in levels} - {0, group.size})
            told = probe.told if probe is not None else _nothing
            result = eliminate(consumers, group.size, group.size - most_of(group.size), counts, told, last)
            damage = result.damage if probe is None else probe.damage(result.damage)
            curves[group.id] = Curve(result.order, damage)
    return curves


def _readers(groups: Iterable[ChannelGroup]) -> list[str]:
    return [part.layer for group in groups for part in group.slices if part.role == "in"]


def _portions(model: ir.Model, groups: Sequence[ChannelGroup]) -> Iterator[list[ChannelGroup]]:
    """Groups whose readers' moments fit into memory together: each portion takes a pass over the samples."""
    nodes = {node.name: node for node in model.graph}
    portion: list[ChannelGroup] = []
    sizes: dict[str, int] = {}
    for group in groups:
        own = {name: moments_bytes(nodes.get(name)) for name in _readers([group])}
        if portion and sum((sizes | own).values()) > MOMENT_BYTES:
            yield portion
            portion, sizes = [], {}
        portion.append(group)
        sizes |= own
    if portion:
        yield portion


def _nothing(count: int, matrices: Mapping[str, np.ndarray]) -> None:
    """Where the moments alone say the damage."""


@dataclass
class _Probe:
    """Measures a group's snapshots end to end."""

    model: ir.Model
    consumers: Sequence[Consumer]
    answers: Answers
    start: float
    context: Context
    counts: list[int] = field(default_factory=lambda: [0])
    values: list[float] = field(default_factory=lambda: [0.0])

    def told(self, count: int, matrices: Mapping[str, np.ndarray]) -> None:
        self.context.check()
        changed = self.model.clone()
        for consumer in self.consumers:
            apply(changed, consumer, matrices[consumer.name])
        self.counts.append(count)
        self.values.append(max(self.answers.distance(changed) - self.start, self.values[-1] + 1e-9))

    def damage(self, local: np.ndarray) -> np.ndarray:
        """The damage at the snapshots as measured, in between in proportion to the moments' damage."""
        counts, values = self.counts, self.values
        measured = np.interp(local, local[counts], values)
        beyond = np.arange(len(local)) > counts[-1]
        if counts[-1] and beyond.any():
            # past the last probe the damage grows at least as the moments say
            scale = values[-1] / max(local[counts[-1]], 1e-30)
            measured[beyond] = local[beyond] * scale
        return measured


def apply(model: ir.Model, consumer: Consumer, matrix: np.ndarray) -> None:
    """Give a consumer these weights in place, and the bias that keeps its mean output."""
    node = node_named(model, consumer.name)
    value = node.inputs[1]
    assert value is not None and value.const_value is not None
    before = value.const_value.numpy()
    set_weight(model, value.name or "", consumer.form.weight(matrix[None]).astype(before.dtype))
    bias = read_bias(node, consumer.form.channels)
    if bias is not None:
        shift = consumer.quadratic.bias_shift(consumer.matrix[None], matrix[None])
        set_bias(model, node, (bias + shift).astype(np.float32))


def most_of(size: int) -> int:
    """How many units of a group may go."""
    return size - max(1, int(np.ceil(KEEP_SHARE * size)))


def importances(
    model: ir.Model, groups: Sequence[ChannelGroup], score: Callable[[ir.Model, ChannelGroup], np.ndarray]
) -> Mapping[str, Curve]:
    """Curves of all groups by any importance of units, such as `magnitude`."""
    return {group.id: by_importance(group, score(model, group)) for group in groups}
