"""The curve of best plans: for each of some budgets the plan of least damage, and the same spread evenly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from core.best.options import Option, options_of
from core.best.solve import choose, total
from core.predict import Curve, PlanDamage, predicted_of
from core.values import FLOAT_BITS, DamageLink, LayerPlan, ModelInfo, Outcome, Plan, Timings
from core.values.best import BestPlan, Goal


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
        self.options = options_of(model, curves, goal.profile, goal.locks, timings)
        self.link = link
        self.plans: list[PlanDamage] = []
        """Plans measured so far."""
        self.space = "zipped" if goal.profile == "download" else "size"
        self._methods = dict(methods)
        alone = [each[0] for each in self.options]
        self.rest_size = model.size_bytes - total(alone, "size")
        whole = (
            float(baseline.zipped_bytes) if baseline and baseline.zipped_bytes else 0.92 * model.size_bytes
        )
        self.rest_zipped = whole - total(alone, "zipped")
        latency = baseline.latency.median_ms if baseline and baseline.latency else None
        self._time = (latency, timings.total_ms) if latency and timings and timings.total_ms else None

    @property
    def least(self) -> float:
        """Bytes of layers at least, whatever the damage."""
        return sum(min(getattr(option, self.space) for option in each) for each in self.options)

    @property
    def most(self) -> float:
        return sum(getattr(each[0], self.space) for each in self.options)

    def rest(self) -> float:
        """Bytes of everything that is no layer."""
        return self.rest_zipped if self.space == "zipped" else self.rest_size

    def layers_time(self, latency_ms: float) -> float | None:
        """Milliseconds that the layers may take in the profiler's measure for this latency of the whole."""
        if self._time is None:
            return None
        latency, profiled = self._time
        alone = total([each[0] for each in self.options], "time_ms")
        return latency_ms / latency * profiled - (profiled - alone)

    def latency_of(self, chosen: Sequence[Option]) -> float | None:
        if self._time is None:
            return None
        latency, profiled = self._time
        alone = total([each[0] for each in self.options], "time_ms")
        return latency * (profiled - alone + total(chosen, "time_ms")) / profiled

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
            if option.damage or (option.plan.weight_bits or FLOAT_BITS) < FLOAT_BITS or option.plan.sparsity:
                for layer_id in option.layers:
                    plan = plan.with_layer(
                        layer_id,
                        sparsity=option.plan.sparsity,
                        weight_bits=option.plan.weight_bits,
                        activation_bits=option.plan.activation_bits,
                        granularity=option.plan.granularity,
                    )
        summed = total(chosen, "damage")
        predicted = predicted_of(summed, total(chosen, "variance"), self.link, self.plans)
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

    def curve(self, count: int = 16) -> list[BestPlan]:
        """Best plans for `count` budgets from the whole size to the smallest, each once."""
        found: list[BestPlan] = []
        for budget in np.geomspace(max(self.most, 1.0), max(self.least, 1.0), count):
            chosen = choose(self.options, "damage", {self.space: float(budget) * (1 + 1e-9)})
            if chosen is not None:
                plan = self.best(chosen)
                if not found or plan.plan != found[-1].plan:
                    found.append(plan)
        return found

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
