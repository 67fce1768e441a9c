"""Plans of one network for one goal: what they cost, and what is predicted of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.best.options import Option, options_of
from core.best.solve import choose, total
from core.best.starts import Start
from core.best.times import LayerTimes
from core.kernel_model import KernelModel
from core.predict import Curve, PlanDamage, predicted_of
from core.values import FLOAT_BITS, DamageLink, LayerPlan, ModelInfo, Outcome, Plan, Timings
from core.values.best import BestPlan, Goal

_STEP = 0.9
"""How much less time the options get at least of what they had, where they are predicted to be too slow."""
_TIGHTENED = 8
"""Choices that are made anew because they are predicted to be too slow."""
_DOUBT = 0.2
"""Standard deviation of the damage of channels that have gone, as a share of it."""


@dataclass(frozen=True)
class _Clock:
    """What turns sums of options into a run's time, and back."""

    scale: float
    """Milliseconds of a run for each of the options'."""
    rest_ms: float
    """Of everything that is no option, in the options' measure."""
    profiled_ms: float
    """The whole run in the profiler's measure, nothing done to its layers."""
    found: float = 1.0
    """What the network took over what was predicted for it, nothing done to its layers."""


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
        kernels: KernelModel | None = None,
    ) -> None:
        self._kernels = kernels if kernels is not None and kernels.usable else None
        times = LayerTimes(timings, self._kernels)
        self.options = options_of(model, curves, goal.profile, goal.locks, times, goal.pattern)
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
        self._original = baseline.latency if baseline else None
        self._clock = self._clock_of(timings)

    def from_start(self, start: Start) -> Frontier:
        """Plans that begin with another network; what is measured of one's plans teaches both."""
        other = copy.copy(self)
        times = LayerTimes(start.timings, self._kernels, start.methods)
        goal = self._goal
        other.options = options_of(start.model, self._curves, goal.profile, goal.locks, times, goal.pattern)
        other.damage, other._methods = start.damage, dict(start.methods)
        other._clock = other._clock_of(start.timings, self._clock)
        return other

    def _clock_of(self, timings: Timings | None, whole: _Clock | None = None) -> _Clock | None:
        """How sums of the options' milliseconds follow from those of a run; `whole`: of the whole network."""
        if self._original is None or timings is None or not timings.total_ms:
            return None
        alone = self._alone("time_ms")
        if self._kernels is None:
            scale = self._original.median_ms / timings.total_ms if whole is None else whole.scale
            return _Clock(scale, timings.total_ms - alone, timings.total_ms)
        untouched = Plan(methods=self._methods)
        predicted = self._kernels.predicted(untouched, self._original).median_ms
        # a start was timed by itself, which is better than any prediction of it
        found = (
            predicted if whole is None else self._original.median_ms * timings.total_ms / whole.profiled_ms
        )
        kernels_ms = self._kernels.predicted_sum(untouched, self._original)
        return _Clock(found / kernels_ms, kernels_ms - alone, timings.total_ms, found / predicted)

    @property
    def least(self) -> float:
        """Bytes of layers at least, whatever the damage."""
        return sum(min(getattr(option, self.space) for option in each) for each in self.options)

    @property
    def most(self) -> float:
        return self._alone(self.space)

    @property
    def timed(self) -> bool:
        return self._clock is not None

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
            assert self._clock is not None
            own["time_ms"] = own["time_ms"] / self._clock.scale - self._clock.rest_ms
        if any(limit < 0 for limit in own.values()):
            return None
        chosen = choose(self.options, minimise, own)
        if "time_ms" not in limits:
            return chosen
        for _ in range(_TIGHTENED):
            latency = None if chosen is None else self.latency_of(chosen)
            if latency is None or latency <= limits["time_ms"] * (1 + 1e-9):
                break
            # an option cannot know its neighbours: where they are unlike, values between them are converted
            own["time_ms"] *= max(_STEP, 0.98 * limits["time_ms"] / latency)
            faster = choose(self.options, minimise, own)
            if faster is None:
                break
            chosen = faster
        return chosen

    def latency_of(self, chosen: Sequence[Option]) -> float | None:
        """Predicted for a run; with what is converted between unlike neighbours where kernels were timed."""
        if self._clock is None:
            return None
        if self._kernels is not None and self._original is not None:
            return self._clock.found * self._kernels.predicted(self._plan(chosen), self._original).median_ms
        return self._clock.scale * (self._clock.rest_ms + total(chosen, "time_ms"))

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
        plan = self._plan(chosen)
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

    def _plan(self, chosen: Sequence[Option]) -> Plan:
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
        return plan

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
