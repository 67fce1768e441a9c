"""Plans of one network for one goal: what they cost, and what is predicted of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

from core.best.options import Option, options_of
from core.best.solve import choose, total
from core.best.starts import Start
from core.predict import Curve, PlanDamage, predicted_of
from core.values import FLOAT_BITS, DamageLink, LayerPlan, ModelInfo, Outcome, Plan, Timings
from core.values.best import BestPlan, Goal

_DOUBT = 0.2
"""Standard deviation of the damage of channels that have gone, as a share of it."""


class Frontier:
    """Plans of one model for one goal's profile, from the curves of its layers."""

    def __init__(
        self,
        model: ModelInfo,
        curves: Mapping[str, Curve],
        link: DamageLink,
        goal: Goal,
        timings: Timings | None,
        baseline: Outcome | None,
        methods: Mapping[str, dict[str, str | int | float | bool]],
    ) -> None:
        self.options = options_of(model, curves, goal.profile, goal.locks, timings, goal.pattern)
        self.link = link
        self.plans: list[PlanDamage] = []
        """Plans measured so far."""
        self.space = "zipped" if goal.profile == "download" else "size"
        self.damage = 0.0
        """Of what has been done to the network before its layers get their settings."""
        self._curves, self._goal, self._methods = curves, goal, dict(methods)
        self.rest_size = model.size_bytes - self._alone("size")
        whole = (
            float(baseline.zipped_bytes) if baseline and baseline.zipped_bytes else 0.92 * model.size_bytes
        )
        self.rest_zipped = whole - self._alone("zipped")
        latency = baseline.latency.median_ms if baseline and baseline.latency else None
        self._scale = latency / timings.total_ms if latency and timings and timings.total_ms else None
        """Milliseconds of a run for each of the profiler's."""
        self._rest_time = timings.total_ms - self._alone("time_ms") if timings else 0.0

    def from_start(self, start: Start) -> Frontier:
        """Plans that begin with another network; what is measured of one's plans teaches both."""
        other = copy.copy(self)
        other.options = options_of(
            start.model,
            self._curves,
            self._goal.profile,
            self._goal.locks,
            start.timings,
            self._goal.pattern,
        )
        other.damage, other._methods = start.damage, dict(start.methods)
        other._rest_time = start.timings.total_ms - other._alone("time_ms") if start.timings else 0.0
        return other

    @property
    def least(self) -> float:
        """Bytes of layers at least, whatever the damage."""
        return sum(min(getattr(option, self.space) for option in each) for each in self.options)

    @property
    def most(self) -> float:
        return self._alone(self.space)

    @property
    def timed(self) -> bool:
        return self._scale is not None

    def rest(self) -> float:
        """Bytes of everything that is no layer."""
        return self.rest_zipped if self.space == "zipped" else self.rest_size

    def choose(self, minimise: str, limits: Mapping[str, float]) -> list[Option] | None:
        """As `solve.choose`, with limits of the whole network: bytes, milliseconds of a run, damage."""
        own = dict(limits)
        if self.space in own:
            own[self.space] -= self.rest()
        if "damage" in own:
            own["damage"] -= self.damage
        if "time_ms" in own:
            assert self._scale is not None
            own["time_ms"] = own["time_ms"] / self._scale - self._rest_time
        return None if any(limit < 0 for limit in own.values()) else choose(self.options, minimise, own)

    def latency_of(self, chosen: Sequence[Option]) -> float | None:
        if self._scale is None:
            return None
        return self._scale * (self._rest_time + total(chosen, "time_ms"))

    def damage_for(self, loss: float) -> float:
        """The largest sum of damages whose predicted loss is at most `loss`."""
        low, high = 1e-9, 50.0
        for _ in range(60):
            middle = math.sqrt(low * high)
            if predicted_of(middle, 0.0, self.link, self.plans).loss <= loss:
                low = middle
            else:
                high = middle
        return low

    def best(self, chosen: Sequence[Option], kind: str = "best") -> BestPlan:
        """These options as a plan with its predicted figures."""
        plan = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS), methods=self._methods)
        for option in chosen:
            if option.damage or (option.plan.weight_bits or FLOAT_BITS) < FLOAT_BITS or option.plan.zeros:
                for layer_id in option.layers:
                    plan = plan.with_layer(
                        layer_id,
                        sparsity=option.plan.sparsity,
                        pattern=option.plan.pattern,
                        weight_bits=option.plan.weight_bits,
                        activation_bits=option.plan.activation_bits,
                        granularity=option.plan.granularity,
                    )
        summed = self.damage + total(chosen, "damage")
        variance = (_DOUBT * self.damage) ** 2 + total(chosen, "variance")
        predicted = predicted_of(summed, variance, self.link, self.plans)
        return BestPlan(
            plan=plan,
            loss=predicted.loss,
            loss_low=predicted.low,
            loss_high=predicted.high,
            size_bytes=round(self.rest_size + total(chosen, "size")),
            zipped_bytes=round(self.rest_zipped + total(chosen, "zipped")),
            latency_ms=self.latency_of(chosen),
            damage=summed,
            kind=kind,  # type: ignore[arg-type]
        )

    def uniform(self) -> list[BestPlan]:
        """Every layer gets the same setting, as far as it allows it: what the curve is compared with."""
        settings: dict[LayerPlan, None] = {}
        for each in self.options:
            settings.update((option.plan, None) for option in each[1:])
        plans = []
        for setting in settings:
            chosen = [next((o for o in each if o.plan == setting), each[0]) for each in self.options]
            plans.append(self.best(chosen, "uniform"))
        return sorted(plans, key=lambda one: -self.bytes_of(one))

    def bytes_of(self, plan: BestPlan) -> int:
        """The size that the profile counts."""
        return plan.zipped_bytes if self.space == "zipped" else plan.size_bytes

    def _alone(self, cost: str) -> float:
        """What the layers cost with nothing done to them."""
        return total([each[0] for each in self.options], cost)
