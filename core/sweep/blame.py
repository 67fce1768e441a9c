"""Which layers a plan's damage comes from, by giving them back one at a time and measuring what returns.

A give-back is the plan with one layer as in the original and all others as planned, so it says what that
layer costs *beside the others*: what a layer costs alone (`analyze`) misses how layers add to each other's
damage or make up for it. All are measured on the same samples, so each difference is a paired one. Layers as
they were made, ranges and the plan's own answers are shared; a give-back costs one run over the samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import data_key
from core.evaluate.statistics import mean_interval
from core.graph.opened import OpenedModel
from core.predict import Curve
from core.sweep.figures import Tally
from core.sweep.meter import VERSION as METER_VERSION
from core.sweep.meter import PlanMeter
from core.sweep.samples import Samples
from core.values import FLOAT_BITS, Blame, GiveBack, Plan, PlanMeasured, digest, text

VERSION = 3


@dataclass(frozen=True)
class Measured:
    """A plan that was run on the samples that its give-backs are held against."""

    figures: PlanMeasured
    tally: Tally


def units(opened: OpenedModel, plan: Plan) -> list[tuple[str, ...]]:
    """The layers that `plan` changes, in the network's order; those that share weights are one."""
    found: dict[str, list[str]] = {}
    for layer in opened.info.layers:
        if plan.changes(layer.id) and (layer.prunable or layer.quantizable):
            found.setdefault(layer.group or layer.id, []).append(layer.id)
    return [tuple(ids) for ids in found.values()]


def given_back(plan: Plan, layers: Iterable[str]) -> Plan:
    """`plan` with the bits and zeros of these layers as in the original.

    Not `keep`: that would bring back channels that go with those of other layers too.
    """
    for layer_id in layers:
        plan = plan.with_layer(
            layer_id,
            weight_bits=FLOAT_BITS,
            activation_bits=FLOAT_BITS,
            clusters=None,
            sparsity=0.0,
            pattern="unstructured",
            threshold=None,
        )
    return plan


def in_order(
    opened: OpenedModel, plan: Plan, curves: Mapping[str, Curve], parts: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """`parts` with those first that are likely to cost most.

    By the curves if they know all of them; else a coarser setting goes before a finer one, and among equals
    the smaller layer: its weights are fewer to average an error over.
    """
    known = {ids: curves[ids[0]].damage(plan.layer(ids[0])) for ids in parts if ids[0] in curves}
    if len(known) == len(parts) and all(damage is not None for damage in known.values()):
        return sorted(parts, key=lambda ids: -(known[ids] or (0.0, 0.0))[0])
    sizes = {layer.id: layer.params for layer in opened.info.layers}

    def coarseness(ids: tuple[str, ...]) -> tuple[float, int]:
        own = plan.layer(ids[0])
        return (own.weight_bits or FLOAT_BITS) * (1.0 - own.zeros), sizes[ids[0]]

    return sorted(parts, key=coarseness)


def blame(
    meter: PlanMeter,
    samples: Samples,
    plan: Plan,
    curves: Mapping[str, Curve],
    store: MeasurementStore | None,
    context: Context,
) -> Blame:
    """The plan's figures, then each layer's give-back, published one by one, the likeliest culprit first.

    Where whole channels go, they are gone in all: layers are given back their bits and zeros alone. What
    `store` knows is not measured again. Raises PlanError for a plan that cannot be followed, and Cancelled;
    what was published by then is kept.
    """
    own, left = meter.changed(plan, context) if plan.restructures else (meter, plan)
    parts = in_order(own.opened, left, curves, units(own.opened, left))
    kept = {ids: _kept(store, _key(meter, samples, plan, ids)) for ids in parts}
    figures, tally = own.measure_on(samples, left, context)
    context.publish(msgspec.structs.replace(figures, plan=plan))
    plan_key, found = digest(plan), []
    for place, ids in enumerate(parts):
        context.report(text("Giving layers back one at a time"), place, len(parts))
        known = kept[ids]
        if known is None:
            known = give_back(own, samples, Measured(figures, tally), ids, plan_key, context)
            if store is not None:
                store.put(_key(meter, samples, plan, ids), msgspec.msgpack.encode(known))
        context.publish(known)
        found.append(known)
    figures = msgspec.structs.replace(figures, plan=plan)
    return Blame(plan=figures, layers=tuple(sorted(found, key=lambda one: -one.damage)))


def give_back(
    meter: PlanMeter,
    samples: Samples,
    whole: Measured,
    layers: tuple[str, ...],
    plan_key: str,
    context: Context,
) -> GiveBack:
    """What comes back when these layers of the plan `whole` stay as they were. Raises Cancelled."""
    without = meter.run(given_back(whole.figures.plan, layers), samples, context, quiet=True)
    return between(meter, whole.tally, without, layers, plan_key)


def between(
    meter: PlanMeter, whole: Tally, without: Tally, layers: tuple[str, ...], plan_key: str
) -> GiveBack:
    """What `without` is better by than `whole`, sample by sample."""
    own, less = whole.by_sample(), without.by_sample()
    back = meter.judge.metrics[0].between(own, less, meter.judge.subject)
    damages = whole.damage_by_sample() - without.damage_by_sample()
    damage_low, damage_high = mean_interval(damages) or (None, None)
    return GiveBack(
        plan_key=plan_key,
        layers=layers,
        points=back.points,
        low=back.low,
        high=back.high,
        damage=float(damages.mean()),
        damage_low=damage_low,
        damage_high=damage_high,
        count=len(damages),
    )


def _key(meter: PlanMeter, samples: Samples, plan: Plan, layers: tuple[str, ...]) -> str:
    own = meter.opened.info.sha256, data_key(meter.judge.data)
    return digest("give-back", VERSION, METER_VERSION, *own, plan, layers, samples.count)


def _kept(store: MeasurementStore | None, key: str) -> GiveBack | None:
    kept = store.get(key) if store is not None else None
    return msgspec.msgpack.decode(kept, type=GiveBack) if kept is not None else None
