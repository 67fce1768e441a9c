"""Requests that measure: layers, plans, files; and that search for the best plan."""

from __future__ import annotations

from core.messages.request import Request
from core.values import DataSpec, Goal, Plan


class Analyze(Request, frozen=True, kw_only=True, tag=True):
    """-> Analysis; Outcome (the original), Timings, LatencyTable, DamageLink, SensitivityPoint as Partial.

    Points that are estimates come first; each is followed by its measurement.
    """

    model: str
    data: DataSpec
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
    project: str | None = None
    """A project file that is there; None: the untitled one of the model."""
    read_only: bool = False
    """Look into the project, write nothing there."""
    model_sha256: str = ""
    """Of the model that is meant; empty: whatever lies at its path now."""


class MeasurePlan(Request, frozen=True, kw_only=True, tag=True):
    """-> PlanMeasured; a LatencyTable as Partial if it grew. Layers by themselves, put together: quick."""

    model: str
    data: DataSpec
    plan: Plan
    samples: int = 512
    latency: bool = True
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


class BlamePlan(Request, frozen=True, kw_only=True, tag=True):
    """-> Blame; PlanMeasured, then a GiveBack for each layer as Partial, the likeliest culprit first."""

    model: str
    data: DataSpec
    plan: Plan
    samples: int = 1000
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


class RescuePlan(Request, frozen=True, kw_only=True, tag=True):
    """-> Rescue; the plan and its give-backs as Partial, as for `BlamePlan`."""

    model: str
    data: DataSpec
    plan: Plan
    max_loss: float
    """Points that the plan may lose."""
    samples: int = 512
    unseen: int = 2000
    """Judging samples on which the choice is verified, none of which made it."""
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


class FindPlan(Request, frozen=True, kw_only=True, tag=True):
    """-> BestPlans with the plan chosen for the goal; SensitivityPoint and each BestPlan tried as Partial."""

    model: str
    data: DataSpec
    goal: Goal
    plan: Plan = Plan()
    """Its steps' parameters hold for what is found."""
    samples: int = 512
    unseen: int = 2000
    """Judging samples on which the choice is verified, none of which made the curves."""
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


class BestCurve(Request, frozen=True, kw_only=True, tag=True):
    """-> BestPlans: the curve for a goal's profile and locks, nothing measured beyond the layers' curves."""

    model: str
    data: DataSpec
    goal: Goal
    plan: Plan = Plan()
    samples: int = 512
    budgets: int = 16
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


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
