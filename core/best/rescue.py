"""A plan that misses its goal gets the fewest layers to give back: measured, greedy, with a look ahead.

Layers come in the order of blame (`core.sweep.blame`). Each step measures the likeliest ones given back
beside those chosen so far, and their pairs: layers make up for each other, so the best pair need not hold the
best single one. Then each chosen layer is tried without, and at last at a milder setting instead of its
original. All of that on the samples of the search; whether the goal holds is measured on samples that the
search has not seen. If it does not, the search goes on for less damage, in proportion: points of two sets of
samples differ by more than a layer is worth, the damage is nearly the same on both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

import msgspec

from core.context import Context
from core.corrections import MeasurementStore
from core.predict import Curve
from core.sweep.blame import blame, given_back
from core.sweep.meter import PlanMeter
from core.sweep.samples import Samples
from core.values import FLOAT_BITS, Blame, Plan, Rescue, text

WIDTH = 4
"""Layers that a step tries, and whose pairs it looks ahead with."""
ROUNDS = 6
"""Choices that are checked on unseen samples at most."""
_LEAST = 0.4
"""Of the damage at least this share is aimed at after a miss, however far it was."""
_EXACT = 1e-6
"""Points: one sample in five hundred is 0.2, and not 0.20000000000000001."""

Ids = tuple[str, ...]
Known = tuple[float, float]
"""Points lost, damage."""


def rescue(
    meter: PlanMeter,
    seen: Samples,
    unseen: Samples,
    plan: Plan,
    max_loss: float,
    curves: Mapping[str, Curve],
    store: MeasurementStore | None,
    context: Context,
) -> Rescue:
    """The fewest layers of `plan` to give back so that at most `max_loss` points are lost on `unseen`.

    Publishes the plan's give-backs as `blame` does. Raises PlanError for a plan that cannot be followed, and
    Cancelled.
    """
    own, left = meter.changed(plan, context) if plan.restructures else (meter, plan)
    before = msgspec.structs.replace(own.measure_on(unseen, left, context, latency=False)[0], plan=plan)
    if before.loss <= max_loss + _EXACT:
        return Rescue(max_loss=max_loss, before=before, after=before, reached=True)
    search = _Search(own, seen, left, blame(meter, seen, plan, curves, store, context), context)
    allowed, after, reached = (max_loss, math.inf), before, False
    chosen: list[Ids] = []
    mild: list[Ids] = []
    for _ in range(ROUNDS):
        chosen = search.without_idle(search.fewest(chosen, allowed), allowed)
        mild = search.milder(chosen, allowed)
        measured, _tally = own.measure_on(unseen, changed(left, chosen, mild), context, latency=False)
        after = msgspec.structs.replace(measured, plan=changed(plan, chosen, mild))
        reached = after.loss <= max_loss + _EXACT
        if reached or (len(chosen) == len(search.order) and not mild):
            break
        allowed = max_loss, less_damage(search.known(chosen, mild)[1], max_loss, after.loss)
    return Rescue(
        max_loss=max_loss,
        before=before,
        after=after,
        reached=reached,
        layers=tuple(chosen),
        milder=tuple(mild),
    )


def less_damage(damage: float, max_loss: float, lost: float) -> float:
    """The damage to aim at where a plan of this damage lost more than `max_loss` points."""
    return damage * max(_LEAST, min(0.9, max_loss / lost))


def keeps(found: Known, allowed: Known) -> bool:
    """Whether neither more points nor more damage was found than is allowed."""
    return found[0] <= allowed[0] + _EXACT and found[1] <= allowed[1]


def changed(plan: Plan, chosen: Iterable[Ids], mild: Iterable[Ids] = ()) -> Plan:
    """`plan` with `chosen` as in the original, but those in `mild` one notch milder than planned instead."""
    mild = tuple(mild)
    for ids in chosen:
        for layer_id in ids:
            notch = one_notch(plan, layer_id) if ids in mild else None
            plan = notch if notch is not None else given_back(plan, [layer_id])
    return plan


def one_notch(plan: Plan, layer_id: str) -> Plan | None:
    """`plan` with this layer one notch milder; None where the next notch is the original.

    Below 8 bits it is 8 without zeros, else half of the zeros.
    """
    own = plan.layer(layer_id)
    plain = {"pattern": "unstructured", "threshold": None, "clusters": None}
    if (own.weight_bits or FLOAT_BITS) < 8:
        return plan.with_layer(layer_id, weight_bits=8, sparsity=0.0, **plain)
    if own.zeros > 0:
        return plan.with_layer(layer_id, weight_bits=own.weight_bits, sparsity=own.zeros / 2, **plain)
    return None


class _Search:
    """Choices measured on the samples of the search, each once."""

    def __init__(
        self, meter: PlanMeter, samples: Samples, plan: Plan, found: Blame, context: Context
    ) -> None:
        self._meter, self._samples, self._plan, self._context = meter, samples, plan, context
        self.order = [back.layers for back in found.layers]
        """What costs most first."""
        whole = found.plan
        none: frozenset[Ids] = frozenset()
        self._known: dict[tuple[frozenset[Ids], frozenset[Ids]], Known] = {
            (none, none): (whole.loss, whole.damage)
        }
        for back in found.layers:
            left = whole.loss - back.points, whole.damage - back.damage
            self._known[frozenset([back.layers]), none] = left

    def known(self, chosen: Iterable[Ids], mild: Iterable[Ids] = ()) -> Known:
        """What the plan loses with these given back; measured now if it was not before."""
        chosen = list(chosen)
        key = frozenset(chosen), frozenset(mild)
        if key not in self._known:
            self._context.report(text("Looking for the fewest layers to give back"), len(self._known))
            plan = changed(self._plan, chosen, key[1])
            figures = self._meter.run(plan, self._samples, self._context, quiet=True).figures()
            self._known[key] = figures.loss, figures.damage
        return self._known[key]

    def fewest(self, chosen: list[Ids], allowed: Known) -> list[Ids]:
        """`chosen` and as few more as bring points and damage down to `allowed`."""
        while not keeps(self.known(chosen), allowed) and len(chosen) < len(self.order):
            likely = [ids for ids in self.order if ids not in chosen][:WIDTH]
            singles: list[tuple[Ids, ...]] = [(ids,) for ids in likely]
            pairs: list[tuple[Ids, ...]] = list(itertools.combinations(likely, 2))
            for size in (singles, pairs):
                enough = [more for more in size if keeps(self.known([*chosen, *more]), allowed)]
                if enough:
                    best = min(enough, key=lambda more: self.known([*chosen, *more])[1])
                    return [*chosen, *best]
            # by damage: points tell sets of layers apart only roughly
            onward = min(pairs or singles, key=lambda more: self.known([*chosen, *more])[1])
            chosen = [*chosen, *onward]
        return chosen

    def without_idle(self, chosen: list[Ids], allowed: Known) -> list[Ids]:
        """`chosen` without those that the goal is kept without, the least to blame first."""
        for ids in sorted(chosen, key=self.order.index, reverse=True):
            fewer = [other for other in chosen if other != ids]
            if fewer and keeps(self.known(fewer), allowed):
                chosen = fewer
        return chosen

    def milder(self, chosen: list[Ids], allowed: Known) -> list[Ids]:
        """Those of `chosen` that a milder setting does for, the largest first: it takes less room."""
        mild: list[Ids] = []
        sizes = {layer.id: layer.bytes for layer in self._meter.opened.info.layers}
        for ids in sorted(chosen, key=lambda ids: -sizes.get(ids[0], 0)):
            if one_notch(self._plan, ids[0]) is None:
                continue
            if keeps(self.known(chosen, [*mild, ids]), allowed):
                mild.append(ids)
        return mild
