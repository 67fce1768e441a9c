"""What it costs to remove so many units of each group: by importance, by second moments, or measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.graph.coupling import ChannelGroup
from core.graph.weights import set_weight
from core.methods._bias import read_bias, set_bias
from core.methods._channel_moments import Consumer, Elimination, consumers_of, eliminate, measure
from core.methods._pieces import Feeds
from core.methods._taps import node_named
from core.methods.repair_channels import Answers
from core.values import text

PROBING = text("Measuring what each group of channels is worth")
LEVELS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
"""Shares of a group's units that are taken away to measure."""
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
    names = [part.layer for group in groups for part in group.slices if part.role == "in"]
    quadratics = measure(model, names, batches, context, positions)
    curves: dict[str, Curve] = {}
    start = answers.distance(model) if answers is not None else 0.0
    for place, group in enumerate(groups):
        context.report(PROBING, place, len(groups))
        consumers, _ = consumers_of(model, group, quadratics)
        if not consumers:
            curves[group.id] = by_importance(group, magnitude(model, group))
            continue
        counts = sorted({round(share * group.size) for share in levels} - {0, group.size})
        result = eliminate(consumers, group.size, group.size - most_of(group.size), counts)
        damage = result.damage
        if answers is not None:
            damage = _measured(model, consumers, result, answers, start, context)
        curves[group.id] = Curve(result.order, damage)
    return curves


def _measured(
    model: ir.Model,
    consumers: Sequence[Consumer],
    result: Elimination,
    answers: Answers,
    start: float,
    context: Context,
) -> np.ndarray:
    """The damage at the snapshots as measured, in between in proportion to the moments' damage."""
    counts, values = [0], [0.0]
    for count, matrices in sorted(result.snapshots.items()):
        context.check()
        changed = model.clone()
        for consumer in consumers:
            apply(changed, consumer, matrices[consumer.name])
        counts.append(count)
        values.append(max(answers.distance(changed) - start, values[-1] + 1e-9))
    local = result.damage
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
