"""Requests that measure: layers, plans, files; and that search for the best plan."""

from __future__ import annotations

from core.messages.request import OnSamples, Request
from core.values import DataSpec, Goal, Plan


class Analyze(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> Analysis; Outcome (the original), Timings, LatencyTable, DamageLink, SensitivityPoint as Partial.

    Points that are estimates come first; each is followed by its measurement.
    """

    plan: Plan = Plan()
    """How a run would adjust what is left of a layer: its steps' parameters."""
    sparsities: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)
    weight_bits: tuple[int, ...] = (8, 4)
    activation_bits: tuple[int, ...] = ()
    patterns: tuple[str, ...] = ()
    samples: int = 512
    layers: tuple[str, ...] = ()
    """Only these; empty: all, largest first."""
    first: tuple[str, ...] = ()
    """Layers that are measured before the others: those that the person touches."""


class MeasurePlan(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> PlanMeasured; a LatencyTable as Partial if it grew. Layers by themselves, put together: quick."""

    plan: Plan
    samples: int = 512
    latency: bool = True


class BlamePlan(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> Blame; PlanMeasured, then a GiveBack for each layer as Partial, the likeliest culprit first."""

    plan: Plan
    samples: int = 1000


class RescuePlan(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> Rescue; the plan and its give-backs as Partial, as for `BlamePlan`."""

    plan: Plan
    max_loss: float
    """Points that the plan may lose."""
    samples: int = 512
    unseen: int = 2000
    """Judging samples on which the choice is verified, none of which made it."""


class FindPlan(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> BestPlans with the plan chosen for the goal; SensitivityPoint and each BestPlan tried as Partial."""

    goal: Goal
    plan: Plan = Plan()
    """Its steps' parameters hold for what is found."""
    samples: int = 512
    unseen: int = 2000
    """Judging samples on which the choice is verified, none of which made the curves."""


class BestCurve(OnSamples, frozen=True, kw_only=True, tag=True):
    """-> BestPlans: the curve for a goal's profile and locks, nothing measured beyond the layers' curves."""

    goal: Goal
    plan: Plan = Plan()
    samples: int = 512
    budgets: int = 16


class Evaluate(Request, frozen=True, kw_only=True, tag=True):
    """-> Outcome of any ONNX file on the judging samples."""

    model: str
    data: DataSpec
    reference: str | None = None
    """Compare with this file's answers too."""
    latency: bool = True


class RunBenchmark(Request, frozen=True, kw_only=True, tag=True):
    """-> Benchmark, interleaved."""

    models: tuple[str, ...]
    batch: int = 1
    threads: int | None = None
