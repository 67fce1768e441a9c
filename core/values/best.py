"""A goal in numbers, and the plans that reach it."""

from __future__ import annotations

from typing import Literal

from core.values.base import Text, Value
from core.values.plan import LayerPlan, Plan
from core.values.run import PlanMeasured

Profile = Literal["cpu", "accelerator", "download", "microcontroller"]


LEAST_UNSEEN = 32
"""Judging samples that check a plan, at the least."""
LEAST_JUDGED = 2 * LEAST_UNSEEN
"""Judging samples without which no plan is looked for: half of them find it, the others check it."""


class Goal(Value, frozen=True, kw_only=True):
    """What a plan must keep to; None: no matter. At least one is given."""

    max_loss: float | None = None
    """Points that may be lost against the original."""
    max_size_bytes: int | None = None
    """Of the file; zipped for the profile 'download'."""
    max_latency_ms: float | None = None
    speedup: float | None = None
    """So many times faster than the original."""
    profile: Profile = "cpu"
    """What the network will run on: decides which settings are tried."""
    pattern: str | None = None
    """Zeros stand in this pattern, such as 2:4, for hardware that skips them; None: anywhere."""
    channels: bool = True
    """Whole channels may go too, where no layer is locked."""
    locks: dict[str, LayerPlan] = {}
    """By layer id: keep it as it is (`keep`), or at least so many bits (`weight_bits`)."""


class BestPlan(Value, frozen=True, kw_only=True, tag=True):
    """A plan on the curve of best plans: predicted, and measured if there was time."""

    plan: Plan
    loss: float
    """Points lost, predicted."""
    loss_low: float
    loss_high: float
    size_bytes: int
    """Predicted."""
    zipped_bytes: int
    latency_ms: float | None = None
    """Predicted; None without timings."""
    damage: float = 0.0
    """The sum of the layers' damages."""
    measured: PlanMeasured | None = None
    kind: Literal["best", "uniform"] = "best"
    """'uniform': every layer gets the same, for comparison."""


class BestPlans(Value, frozen=True, kw_only=True, tag=True):
    """The curve of best plans, from the least compressed to the smallest, and what a goal gave."""

    points: tuple[BestPlan, ...] = ()
    uniform: tuple[BestPlan, ...] = ()
    chosen: BestPlan | None = None
    """For a goal: the plan to take."""
    reached: bool = True
    """Whether `chosen` keeps to the goal, measured on samples that the search has not seen."""
    notes: tuple[Text, ...] = ()
