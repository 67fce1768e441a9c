"""What a plan is likely to cost in accuracy, from what is known of each layer, without running anything.

Each layer's damage and which way it moves the answers come from its curve. Moves add up, as vectors do; the
square of their sum is the damage of all (`docs/prediction.md`). A factor learnt from the plans that were
measured says by how much that is off, and the link turns damage into points. Pure functions, so that the
window may call them between two frames.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from core.values import FLOAT_BITS, DamageLink, LayerPlan, Plan, SensitivityPoint, Value

DOUBT = 0.35
"""Standard deviation of the logarithm of a plan's damage before any plan was measured: about a third."""
NEAR = 1.0
"""Natural logarithm of the damage over which a measured plan says something about another."""
LEAST = 0.25
"""Of the sum of the layers' damages at least: more than that they hardly make up for each other."""
REACH = 0.7
"""Natural logarithm of the damage over which something measured speaks for the link."""
PLANS_PRIOR = 5.0
"""So many measured plans count as much as the link that single layers gave."""
_ASKED = 64
"""Settings of a layer whose parts are kept."""
_ONE = 1e-12


class PlanDamage(Value, frozen=True, kw_only=True):
    """The damage of a plan that its layers' figures give, and what measuring the plan gave."""

    summed: float
    measured: float
    loss: float | None = None
    """Points that it lost, measured."""


class Predicted(Value, frozen=True, kw_only=True):
    """Points lost, with a band that holds 95 % if the past is a guide; an estimate."""

    loss: float
    low: float
    high: float
    damage: float
    """Of the whole network: nats, or noise power over signal power."""


class Way(NamedTuple):
    """Which way answers move: a vector of length 1, which can be added to others of the same samples only."""

    vector: np.ndarray
    samples: bytes


class Part(NamedTuple):
    """What one kind of change does to the answers."""

    damage: float
    doubt: float
    """Standard deviation of the damage."""
    way: Way | None
    """Which way the answers move; None where that is not known."""


class Curve:
    """Damage of one layer by zeros and bits, from its points; measured ones win over estimates."""

    def __init__(self, points: Iterable[SensitivityPoint]) -> None:
        self._zeros: dict[float, Part] = {}
        self._patterns: dict[str, Part] = {}
        self._bits: dict[tuple[int, int], Part] = {}
        for point in sorted(points, key=lambda one: not one.estimate):
            if point.damage is None:
                continue
            known = Part(point.damage, _doubt(point), _way(point.shift))
            if point.pattern is not None:
                self._patterns[point.pattern] = known
            elif point.sparsity > 0 and point.weight_bits == FLOAT_BITS:
                self._zeros[point.sparsity] = known
            elif point.sparsity == 0 and point.weight_bits < FLOAT_BITS:
                self._bits[point.weight_bits, point.activation_bits] = known
        self._shares = sorted(self._zeros)
        self._asked: dict[LayerPlan, list[Part] | None] = {}

    def damage(self, plan: LayerPlan) -> tuple[float, float] | None:
        """(damage, its variance) of this layer changed alone; None where nothing is known of the setting."""
        parts = self.parts(plan)
        if parts is None:
            return None
        return sum(part.damage for part in parts), sum(part.doubt**2 for part in parts)

    def parts(self, plan: LayerPlan) -> list[Part] | None:
        """What zeros, fewer bits and rounded inputs each do; None where nothing is known of the setting."""
        if plan not in self._asked:  # an edit changes a few layers, all others are asked the same again
            zeros, bits = self._of_zeros(plan), self._of_bits(plan)
            if len(self._asked) >= _ASKED:
                self._asked.clear()
            self._asked[plan] = None if zeros is None or bits is None else [*zeros, *bits]
        return self._asked[plan]

    def _of_zeros(self, plan: LayerPlan) -> list[Part] | None:
        if plan.threshold:
            return None
        if plan.pattern not in (None, "unstructured"):
            known = self._patterns.get(plan.pattern)
            if known is not None:
                return [known]
            between = self._between(plan.zeros)
            if between is None:
                return None
            # weights that must go by a pattern cost about as much as some more that may be chosen freely
            return [Part(3.0 * between.damage, 3.0 * between.damage, between.way)]
        if plan.zeros <= 0:
            return []
        found = self._between(plan.zeros)
        return None if found is None else [found]

    def _between(self, share: float) -> Part | None:
        shares = self._shares
        if not shares:
            return None
        right = bisect.bisect_left(shares, share)
        if right < len(shares) and shares[right] == share:
            return self._zeros[share]
        if right == 0:  # damage grows about as the cube of the share where little goes
            first = self._zeros[shares[0]]
            factor = (share / shares[0]) ** 3
            return Part(first.damage * factor, max(first.doubt, first.damage * 0.3) * factor, first.way)
        if right == len(shares):
            last = self._zeros[shares[-1]]
            if len(shares) > 1:
                slope = _slope(shares[-2], self._zeros[shares[-2]].damage, shares[-1], last.damage)
            else:
                slope = 6.0
            grown = math.exp(min(slope * (_logit(share) - _logit(shares[-1])), 8.0))
            return Part(last.damage * grown, max(last.doubt, last.damage * 0.5) * grown, last.way)
        low, high = self._zeros[shares[right - 1]], self._zeros[shares[right]]
        at = (_logit(share) - _logit(shares[right - 1])) / (_logit(shares[right]) - _logit(shares[right - 1]))
        damage = math.exp((1 - at) * math.log(low.damage + _ONE) + at * math.log(high.damage + _ONE))
        relative = max(low.doubt / (low.damage + _ONE), high.doubt / (high.damage + _ONE), 0.1)
        return Part(damage, relative * damage, _turned(low.way, high.way, at))

    def _of_bits(self, plan: LayerPlan) -> list[Part] | None:
        bits = plan.weight_bits or FLOAT_BITS
        if bits >= FLOAT_BITS:
            return []
        acts = plan.activation_bits or FLOAT_BITS
        weights = self._weights(bits)
        if weights is None:
            return None
        rounded = self._bits.get((8, acts)) if acts < FLOAT_BITS else None
        if rounded is None:
            return [weights]
        plain = self._bits.get((8, FLOAT_BITS), Part(0.0, 0.0, None))
        extra = max(rounded.damage - plain.damage, 0.0)
        way = rounded.way
        if way is not None and plain.way is not None and way.samples == plain.way.samples:
            # what the weights' own rounding did is not the inputs'
            way = _mixed(way, math.sqrt(rounded.damage), plain.way, -math.sqrt(plain.damage))
        return [weights, Part(extra, rounded.doubt, way)]

    def _weights(self, bits: int) -> Part | None:
        known = {b: value for (b, acts), value in self._bits.items() if acts == FLOAT_BITS}
        if bits in known:
            return known[bits]
        more = [b for b in known if b > bits]
        fewer = [b for b in known if b < bits]
        if not fewer:
            return None  # each bit less costs several times as much: what 4 cost says nothing of 2
        low = known[max(fewer)]
        if not more:  # each bit more leaves a quarter of the noise
            factor = 4.0 ** (max(fewer) - bits)
            return Part(low.damage * factor, low.doubt * factor + 0.3 * low.damage * factor, low.way)
        high = known[min(more)]
        at = (bits - max(fewer)) / (min(more) - max(fewer))
        damage = math.exp((1 - at) * math.log(low.damage + _ONE) + at * math.log(high.damage + _ONE))
        return Part(damage, 0.3 * damage, _turned(low.way, high.way, at))


def predict(
    layers: Sequence[str],
    plan: Plan,
    curves: Mapping[str, Curve],
    link: DamageLink,
    measured: Sequence[PlanDamage] = (),
) -> Predicted | None:
    """Points that `plan` is likely to lose; None if a changed layer's setting is unknown.

    `measured` are the plans measured so far: they teach how far a sum of damages is from the whole.
    """
    parts: list[Part] = []
    for layer_id in layers:
        if not plan.changes(layer_id):
            continue
        curve = curves.get(layer_id)
        own = curve.parts(plan.layer(layer_id)) if curve is not None else None
        if own is None:
            return None
        parts += own
    alone = sum(part.damage for part in parts)
    whole = together(parts)
    # what the layers' own figures leave open grows with what they do together
    variance = sum(part.doubt**2 for part in parts) * (whole / alone) ** 2 if alone > 0 else 0.0
    return predicted_of(whole, variance, link, measured)


def together(parts: Sequence[Part]) -> float:
    """The damage of all parts at once.

    Each is a vector whose square is its damage, so that parts which move the answers alike, as when all
    favour the same class, do more than their sum. Parts whose way is not known, or known from other samples
    than the others', count as if no other went theirs.
    """
    alone = sum(part.damage for part in parts)
    wholes: dict[bytes, np.ndarray] = {}
    rest = 0.0
    for part in parts:
        if part.way is None:
            rest += part.damage
        elif part.damage > 0:
            moved = math.sqrt(part.damage) * part.way.vector
            before = wholes.get(part.way.samples)
            wholes[part.way.samples] = moved if before is None else before + moved
    if not wholes:
        return alone
    return max(sum(float(whole @ whole) for whole in wholes.values()) + rest, LEAST * alone)


def predicted_of(
    summed: float, variance: float, link: DamageLink, measured: Sequence[PlanDamage] = ()
) -> Predicted:
    """The same from the sum of the layers' damages and its variance."""
    if summed <= 0:
        return Predicted(loss=0.0, low=0.0, high=0.0, damage=0.0)
    learnt = tuple(measured)
    factor, doubt = interaction(summed, learnt)
    damage = summed * factor
    doubt = math.hypot(doubt, math.sqrt(variance) / summed)
    link = link_of_plans(link, learnt)
    loss, spread = link.loss(damage), link.spread(damage) * unfamiliar(damage, learnt)
    below, above = link.loss(damage * math.exp(-2 * doubt)), link.loss(damage * math.exp(2 * doubt))
    return Predicted(
        loss=loss,
        low=loss - math.hypot(2 * spread, loss - below),
        high=loss + math.hypot(2 * spread, above - loss),
        damage=damage,
    )


@lru_cache(maxsize=16)
def link_of_plans(link: DamageLink, measured: tuple[PlanDamage, ...]) -> DamageLink:
    """The link bent to the plans measured so far: several layers at once need not cost what one does."""
    pairs = [(plan.measured, plan.loss) for plan in measured if plan.loss is not None]
    return bent(link, pairs, PLANS_PRIOR) if pairs else link


def unfamiliar(damage: float, measured: Sequence[PlanDamage]) -> float:
    """By how much wider the link's spread is for plans than for the single layers that it was made from.

    Twice as wide where no plan of about this damage was measured, hardly where several were.
    """
    at = math.log(max(damage, _ONE))
    apart = [(math.log(one.measured) - at) / NEAR for one in measured if one.measured > 0]
    return 1.0 + 1.0 / (1.0 + sum(math.exp(-0.5 * each * each) for each in apart))


def bent(prior: DamageLink, measured: Iterable[tuple[float, float]], weight: float) -> DamageLink:
    """The link with (damage, points lost) of what was measured taken in, still never falling.

    So many measured ones near a place count as much as what `prior` says there.
    """
    pairs = [(d, loss) for d, loss in measured if math.isfinite(d) and math.isfinite(loss) and d > 0]
    if not pairs:
        return prior
    logs = np.log(np.maximum([d for d, _ in pairs], 1e-9))
    points = np.array([loss for _, loss in pairs])
    expected = np.array([prior.loss(d) for d, _ in pairs])
    losses, spreads = [0.0], [prior.spreads[0]]
    for damage, loss, spread in zip(prior.damages[1:], prior.losses[1:], prior.spreads[1:], strict=True):
        near = np.exp(-0.5 * np.square((logs - math.log(damage)) / REACH))
        total = float(near.sum())
        # measured less expected, so that a curve's shape between the points stays
        off = float((near * (points - expected)).sum()) / (total + weight)
        residual = points - expected - off
        scatter = float((near * np.square(residual)).sum() + weight * spread**2) / (total + weight)
        losses.append(loss + off)
        spreads.append(math.sqrt(scatter))
    rising = np.maximum.accumulate(np.maximum(losses, 0.0))
    return DamageLink(damages=prior.damages, losses=tuple(float(v) for v in rising), spreads=tuple(spreads))


@lru_cache(maxsize=4096)
def interaction(summed: float, measured: tuple[PlanDamage, ...]) -> tuple[float, float]:
    """(factor on a sum of damages, standard deviation of its logarithm) from plans measured near it."""
    weight, off, square = 1.0, 0.0, DOUBT**2
    at = math.log(max(summed, _ONE))
    for plan in measured:
        if plan.summed <= 0 or plan.measured <= 0:
            continue
        apart = (math.log(plan.summed) - at) / NEAR
        near = 2.0 * math.exp(-0.5 * apart * apart)
        ratio = math.log(plan.measured / plan.summed)
        weight += near
        off += near * ratio
        square += near * ratio * ratio
    mean = off / weight
    return math.exp(mean), max(math.sqrt(max(square / weight - mean * mean, 0.0)), 0.08)


def _doubt(point: SensitivityPoint) -> float:
    """Standard deviation of a point's damage."""
    if point.estimate or point.damage_low is None or point.damage_high is None:
        return 0.5 * (point.damage or 0.0)
    return (point.damage_high - point.damage_low) / 4


def _way(shift: bytes | None) -> Way | None:
    return (
        None
        if shift is None
        else Way(np.frombuffer(shift, np.float16, offset=4).astype(np.float32), shift[:4])
    )


def _mixed(one: Way, much: float, other: Way, more: float) -> Way | None:
    """The way of so much of the one and of the other."""
    vector = much * one.vector + more * other.vector
    length = math.sqrt(float(vector @ vector))
    return Way(vector / np.float32(length), one.samples) if length > 1e-6 else None


def _turned(one: Way | None, other: Way | None, at: float) -> Way | None:
    """From the one way (`at` 0) to the other (1); the nearer one where they are of different samples."""
    if one is None or other is None:
        return one if other is None else other
    if one.samples != other.samples:
        return one if at < 0.5 else other
    return _mixed(one, 1 - at, other, at)


def _logit(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _slope(left: float, low: float, right: float, high: float) -> float:
    """How fast the logarithm of damage grows with the logit of the share."""
    rise = math.log((high + _ONE) / (low + _ONE)) / (_logit(right) - _logit(left))
    return min(max(rise, 0.5), 6.0)
