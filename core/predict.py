"""What a plan is likely to cost in accuracy, from what is known of each layer, without running anything.

Each layer's damage comes from its curve; damages add up while they are small, a factor learnt from the plans
that were measured says by how much the sum is off, and the link turns damage into points. Pure functions, so
that the window may call them between two frames.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from core.values import FLOAT_BITS, DamageLink, LayerPlan, Plan, SensitivityPoint, Value

DOUBT = 0.25
"""Standard deviation of the logarithm of a sum of damages before any plan was measured: about a quarter."""
NEAR = 1.0
"""Natural logarithm of the damage over which a measured plan says something about another."""
_ONE = 1e-12


class PlanDamage(Value, frozen=True, kw_only=True):
    """The sum of the layers' damages of a plan, and what measuring the plan gave."""

    summed: float
    measured: float


class Predicted(Value, frozen=True, kw_only=True):
    """Points lost, with a band that holds 95 % if the past is a guide; an estimate."""

    loss: float
    low: float
    high: float
    damage: float
    """Of the whole network: nats, or noise power over signal power."""


class Curve:
    """Damage of one layer by zeros and bits, from its points; measured ones win over estimates."""

    def __init__(self, points: Iterable[SensitivityPoint]) -> None:
        self._zeros: dict[float, tuple[float, float]] = {}
        self._patterns: dict[str, tuple[float, float]] = {}
        self._bits: dict[tuple[int, int], tuple[float, float]] = {}
        for point in sorted(points, key=lambda one: not one.estimate):
            if point.damage is None:
                continue
            known = (point.damage, _doubt(point))
            if point.pattern is not None:
                self._patterns[point.pattern] = known
            elif point.sparsity > 0 and point.weight_bits == FLOAT_BITS:
                self._zeros[point.sparsity] = known
            elif point.sparsity == 0 and point.weight_bits < FLOAT_BITS:
                self._bits[point.weight_bits, point.activation_bits] = known
        self._shares = sorted(self._zeros)

    def damage(self, plan: LayerPlan) -> tuple[float, float] | None:
        """(damage, its variance) of this layer changed alone; None where nothing is known of the setting."""
        total = variance = 0.0
        for part in (self._of_zeros(plan), self._of_bits(plan)):
            if part is None:
                return None
            total += part[0]
            variance += part[1] ** 2
        return total, variance

    def _of_zeros(self, plan: LayerPlan) -> tuple[float, float] | None:
        if plan.threshold:
            return None
        if plan.pattern not in (None, "unstructured"):
            known = self._patterns.get(plan.pattern)
            if known is not None:
                return known
            between = self._between(plan.zeros)
            # weights that must go by a pattern cost about as much as some more that may be chosen freely
            return None if between is None else (3.0 * between[0], 3.0 * between[0])
        return (0.0, 0.0) if plan.zeros <= 0 else self._between(plan.zeros)

    def _between(self, share: float) -> tuple[float, float] | None:
        shares = self._shares
        if not shares:
            return None
        right = bisect.bisect_left(shares, share)
        if right < len(shares) and shares[right] == share:
            return self._zeros[share]
        if right == 0:  # damage grows about as the cube of the share where little goes
            damage, doubt = self._zeros[shares[0]]
            factor = (share / shares[0]) ** 3
            return damage * factor, max(doubt, damage * 0.3) * factor
        if right == len(shares):
            damage, doubt = self._zeros[shares[-1]]
            if len(shares) > 1:
                slope = _slope(shares[-2], self._zeros[shares[-2]][0], shares[-1], damage)
            else:
                slope = 6.0
            grown = math.exp(min(slope * (_logit(share) - _logit(shares[-1])), 8.0))
            return damage * grown, max(doubt, damage * 0.5) * grown
        (left_damage, left_doubt), (right_damage, right_doubt) = (
            self._zeros[shares[right - 1]],
            self._zeros[shares[right]],
        )
        at = (_logit(share) - _logit(shares[right - 1])) / (_logit(shares[right]) - _logit(shares[right - 1]))
        damage = math.exp((1 - at) * math.log(left_damage + _ONE) + at * math.log(right_damage + _ONE))
        relative = max(left_doubt / (left_damage + _ONE), right_doubt / (right_damage + _ONE), 0.1)
        return damage, relative * damage

    def _of_bits(self, plan: LayerPlan) -> tuple[float, float] | None:
        bits = plan.weight_bits or FLOAT_BITS
        if bits >= FLOAT_BITS:
            return 0.0, 0.0
        acts = plan.activation_bits or FLOAT_BITS
        weights = self._weights(bits)
        if weights is None:
            return None
        rounded = self._bits.get((8, acts)) if acts < FLOAT_BITS else None
        if rounded is None:
            return weights
        plain = self._bits.get((8, FLOAT_BITS), (0.0, 0.0))
        extra = max(rounded[0] - plain[0], 0.0)
        return weights[0] + extra, math.hypot(weights[1], rounded[1])

    def _weights(self, bits: int) -> tuple[float, float] | None:
        known = {b: value for (b, acts), value in self._bits.items() if acts == FLOAT_BITS}
        if bits in known:
            return known[bits]
        more = [b for b in known if b > bits]
        fewer = [b for b in known if b < bits]
        if not fewer:
            return None  # each bit less costs several times as much: what 4 cost says nothing of 2
        low = max(fewer)
        if not more:  # each bit more leaves a quarter of the noise
            factor = 4.0 ** (low - bits)
            return known[low][0] * factor, known[low][1] * factor + 0.3 * known[low][0] * factor
        high = min(more)
        at = (bits - low) / (high - low)
        damage = math.exp((1 - at) * math.log(known[low][0] + _ONE) + at * math.log(known[high][0] + _ONE))
        return damage, 0.3 * damage


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
    summed, variance = 0.0, 0.0
    for layer_id in layers:
        if not plan.changes(layer_id):
            continue
        curve = curves.get(layer_id)
        part = curve.damage(plan.layer(layer_id)) if curve is not None else None
        if part is None:
            return None
        summed += part[0]
        variance += part[1]
    return predicted_of(summed, variance, link, measured)


def predicted_of(
    summed: float, variance: float, link: DamageLink, measured: Sequence[PlanDamage] = ()
) -> Predicted:
    """The same from the sum of the layers' damages and its variance."""
    if summed <= 0:
        return Predicted(loss=0.0, low=0.0, high=0.0, damage=0.0)
    factor, doubt = interaction(summed, tuple(measured))
    damage = summed * factor
    doubt = math.hypot(doubt, math.sqrt(variance) / summed)
    loss, spread = link.loss(damage), link.spread(damage)
    below, above = link.loss(damage * math.exp(-2 * doubt)), link.loss(damage * math.exp(2 * doubt))
    return Predicted(
        loss=loss,
        low=loss - math.hypot(2 * spread, loss - below),
        high=loss + math.hypot(2 * spread, above - loss),
        damage=damage,
    )


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


def _logit(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _slope(left: float, low: float, right: float, high: float) -> float:
    """How fast the logarithm of damage grows with the logit of the share."""
    rise = math.log((high + _ONE) / (low + _ONE)) / (_logit(right) - _logit(left))
    return min(max(rise, 0.5), 6.0)
