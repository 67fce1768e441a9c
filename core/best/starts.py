"""Where the search for bits and zeros starts: the network whole, or with part of its channels gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import data_key
from core.errors import PlanError
from core.evaluate.profile import layer_times
from core.graph.coupling import channel_groups
from core.graph.opened import OpenedModel
from core.sweep.meter import PlanMeter
from core.values import ModelInfo, Plan, Timings, digest, text
from core.values.best import Goal

SHARES = (20.0, 40.0, 60.0)
"""Per cent of the multiply-accumulates that go in whole channels."""
_VERSION = 1
_WORTH = 0.2
"""A start that changes the answers by more nats than this is no start for anything that people want."""

Methods = Mapping[str, dict[str, str | int | float | bool]]


@dataclass(frozen=True)
class Start:
    """A network whose layers then get their settings."""

    model: ModelInfo
    """Its layers as they are then, `bytes` too."""
    timings: Timings | None
    damage: float = 0.0
    """Of the channels that have gone, in the measure of the layers' curves."""
    methods: Methods = field(default_factory=dict)
    """What a plan asks for to get there."""


def with_fewer_channels(
    opened: OpenedModel,
    meter: PlanMeter,
    goal: Goal,
    plan: Plan,
    store: MeasurementStore | None,
    context: Context,
) -> list[Start]:
    """Starts with `SHARES` of the work gone, the mildest first; none where channels cannot or must not go.

    Each is measured on the meter's samples. Raises Cancelled.
    """
    unwanted = not goal.channels or goal.locks
    if unwanted or meter.judge.data.info.calibration_count < 2:
        return []
    if not any(group.removable for group in channel_groups(opened.model)):
        return []
    found: list[Start] = []
    for place, share in enumerate(SHARES):
        context.report(text("Looking at how many channels can go"), place, len(SHARES))
        own = {**plan.methods.get("prune_channels", {}), "macs": share}
        methods = {**plan.methods, "prune_channels": own}
        try:
            start = _start(opened, meter, msgspec.structs.replace(plan, methods=methods), store, context)
        except PlanError:
            break  # so much cannot go, and more cannot either
        if start.damage > _WORTH:
            break
        found.append(start)
    return found


class _Kept(msgspec.Struct, frozen=True):
    timings: Timings
    damage: float


def _start(
    opened: OpenedModel, meter: PlanMeter, plan: Plan, store: MeasurementStore | None, context: Context
) -> Start:
    alone = Plan(methods=dict(plan.methods), order=plan.order)
    changed, left = meter.changed(alone, context)
    now = changed.opened
    key = digest("start", _VERSION, now.info.sha256, data_key(meter.judge.data), meter.count, meter.start)
    kept = store.get(key) if store is not None else None
    if kept is not None:
        known = msgspec.msgpack.decode(kept, type=_Kept)
    else:
        damage = changed.measure(left, context, latency=False).damage
        known = _Kept(layer_times(now, meter.judge.feeds(1), context), damage)
        if store is not None:
            store.put(key, msgspec.msgpack.encode(known))
    return Start(_sized(opened, now), known.timings, known.damage, plan.methods)


def _sized(opened: OpenedModel, now: OpenedModel) -> ModelInfo:
    """The changed network's layers with the bytes that their weights take now."""
    before = {layer.id: layer for layer in opened.info.layers}
    layers = []
    for layer in now.info.layers:
        old = before.get(layer.id)
        share = layer.params / old.params if old is not None and old.params else 1.0
        layers.append(msgspec.structs.replace(layer, bytes=round(layer.bytes * share)))
    return msgspec.structs.replace(now.info, layers=tuple(layers))
