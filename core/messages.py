"""What crosses the pipe between the window and the engine: requests in, events out.

Every message is a tagged msgspec struct, framed by `core.frames`. A request repeats which model and
data it is about, so that a restarted engine needs no history; the engine keeps what it last loaded.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from core.values import (
    DataSpec,
    Goal,
    Outcome,
    Plan,
    Recipe,
    Result,
    RunPoint,
    Text,
)
from core.values.payload import Payload

# ---------------------------------------------------------------- requests


class Request(msgspec.Struct, frozen=True, kw_only=True):
    id: int = 0


class Describe(Request, frozen=True, kw_only=True, tag=True):
    """-> Catalogue."""


class OpenModel(Request, frozen=True, kw_only=True, tag=True):
    """-> ModelInfo; Graphs and GraphGroups as Partial. Or Foreign: ask, then send it with a recipe."""

    model: str
    recipe: Recipe | None = None
    """For a file of another framework, which is turned into ONNX first."""


class ReadArchitecture(Request, frozen=True, kw_only=True, tag=True):
    """-> Networks: what a Python file defines. It is read, not run."""

    path: str


class LayOut(Request, frozen=True, kw_only=True, tag=True):
    """-> Graph with these groups closed. Answered beside a long job, at once."""

    model: str
    detail: Literal["layers", "nodes"]
    closed: tuple[str, ...]
    """Ids of `GraphGroups`; a group inside another one needs no mention."""
    model_sha256: str = ""


class OpenData(Request, frozen=True, kw_only=True, tag=True):
    """-> DataInfo."""

    model: str
    data: DataSpec


class CheckData(Request, frozen=True, kw_only=True, tag=True):
    """-> DataCheck: whether the guesses about the data bear out when the model is run on labelled samples."""

    model: str
    data: DataSpec


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


class CompareGraphs(Request, frozen=True, kw_only=True, tag=True):
    """-> SideBySide: the drawing of `compressed`, made from the model, and its counterparts."""

    model: str
    compressed: str
    detail: Literal["layers", "nodes"]
    model_sha256: str = ""


class WeighLayers(Request, frozen=True, kw_only=True, tag=True):
    """-> WeightFigures. Answered beside a long job."""

    model: str
    plan: Plan
    model_sha256: str = ""


class Inspect(Request, frozen=True, kw_only=True, tag=True):
    """-> LayerView. Answered beside a long job, at once: a score that samples are needed for comes when it
    has been measured, for which the same is asked again with `measure`."""

    model: str
    layer_id: str
    plan: Plan
    score: str = "magnitude"
    data: DataSpec | None = None
    project: str | None = None
    read_only: bool = False
    measure: bool = False
    """Measure first what the score needs of this layer; may take a while, reports progress."""
    position: int | None = None
    """Show one position of the kernel, in the order of storage; None: their sum."""


class InspectActivations(Request, frozen=True, kw_only=True, tag=True):
    """-> ActivationView: a layer's values on calibration samples. Answered beside a long job."""

    model: str
    layer_id: str
    plan: Plan
    data: DataSpec


class Evaluate(Request, frozen=True, kw_only=True, tag=True):
    """-> Outcome of any ONNX file on the judging samples."""

    model: str
    data: DataSpec
    reference: str | None = None
    """Compare with this file's answers too."""
    latency: bool = True


class Compress(Request, frozen=True, kw_only=True, tag=True):
    """-> Result; RunPoint as Partial after each layer."""

    model: str
    data: DataSpec | None
    plan: Plan
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""
    judge_steps: bool = True
    step_samples: int = 1000
    """Judging samples for the accuracy after each layer."""


class Export(Request, frozen=True, kw_only=True, tag=True):
    """-> Exported. Writes beside the destination, verifies, then moves into place."""

    result: Result
    model: str
    data: DataSpec | None
    destination: str
    report: bool = True
    """Also the account of it, as a page in `language`: with the run's points and what was expected of it."""
    language: str = "en"
    points: tuple[RunPoint, ...] = ()
    expected: Outcome | None = None
    project: str | None = None
    """Where measurements of single layers are kept, for the report."""
    read_only: bool = False
    model_sha256: str = ""


class Compare(Request, frozen=True, kw_only=True, tag=True):
    """-> Comparison of a result's file with the original on the judging samples; so far as Partial."""

    model: str
    data: DataSpec
    artefact: str
    sha256: str
    project: str | None = None
    read_only: bool = False
    model_sha256: str = ""


class TrySample(Request, frozen=True, kw_only=True, tag=True):
    """-> Tried: a picture of the person's own, seen by the original and by a result."""

    model: str
    data: DataSpec
    artefact: str
    picture: str


class RunBenchmark(Request, frozen=True, kw_only=True, tag=True):
    """-> Benchmark, interleaved."""

    models: tuple[str, ...]
    batch: int = 1
    threads: int | None = None


class Cancel(Request, frozen=True, kw_only=True, tag=True):
    """Ask the job of request `target` to stop at its next batch boundary."""

    target: int


class Prefer(Request, frozen=True, kw_only=True, tag=True):
    """Ask the job of request `target` to look at these layers next, if it takes layers in turn."""

    target: int
    layers: tuple[str, ...]


class Shutdown(Request, frozen=True, kw_only=True, tag=True):
    pass


AnyRequest = (
    Describe
    | OpenModel
    | ReadArchitecture
    | LayOut
    | OpenData
    | CheckData
    | Analyze
    | MeasurePlan
    | BlamePlan
    | RescuePlan
    | FindPlan
    | BestCurve
    | CompareGraphs
    | WeighLayers
    | Inspect
    | InspectActivations
    | Evaluate
    | Compress
    | Export
    | Compare
    | TrySample
    | RunBenchmark
    | Cancel
    | Prefer
    | Shutdown
)

# ---------------------------------------------------------------- events


class Event(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    """Of the request it answers; 0: of none."""


class Ready(Event, frozen=True, kw_only=True, tag=True):
    """The engine's first word."""

    version: str


class Progress(Event, frozen=True, kw_only=True, tag=True):
    stage: Text
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


class Partial(Event, frozen=True, kw_only=True, tag=True):
    value: Payload


class Done(Event, frozen=True, kw_only=True, tag=True):
    value: Payload


class Failed(Event, frozen=True, kw_only=True, tag=True):
    """code: the error's class name ('Cancelled' when the person stopped it)."""

    code: str
    what: Text
    why: Text = Text("")
    next_step: Text = Text("")
    details: str = ""


class Log(Event, frozen=True, kw_only=True, tag=True):
    """A line that a library printed, kept for 'Copy report'."""

    line: str


AnyEvent = Ready | Progress | Partial | Done | Failed | Log
