"""The course and the outcome of a run."""

from __future__ import annotations

from core.values.base import Text, Value
from core.values.measured import Latency, Measurement, Outcome
from core.values.plan import LayerPlan, Plan


class RunPoint(Value, frozen=True, kw_only=True, tag=True):
    """The accuracy after one more layer of a run, or after a step on the whole network."""

    step: int
    total: int
    """Of the layers that change, or of the steps on the whole network."""
    layer_id: str = ""
    stage: str = ""
    """Name of the step on the whole network; empty where it is a layer."""
    did: tuple[Text, ...] = ()
    """What that step did, in words."""
    seconds: float = 0.0
    """What that step took when it was done."""
    measurement: Measurement
    loss: float
    """Points lost so far against the original, same samples."""
    from_store: bool = False
    """Read from the project file instead of measured again."""
    elapsed_seconds: float = 0.0
    """Since the run began."""
    memory_bytes: int = 0
    """The most that the engine has had in memory so far; 0: not known."""


class TrainingPoint(Value, frozen=True, kw_only=True, tag=True):
    """How far a training within a run has come."""

    share: float
    """Of its course, 0..1."""
    step: int
    loss: float
    """Of the batches, a running mean."""
    held_out: float | None = None
    """Of samples that do not train, where it was measured."""
    seconds: float = 0.0
    """Since the training began."""


class LayerReport(Value, frozen=True, kw_only=True):
    """A layer as read back from the written file."""

    layer_id: str
    label: str
    op: str
    sparsity: float
    weight_bits: int
    activation_bits: int
    bytes: int
    before_bytes: int
    planned: LayerPlan
    note: Text | None = None
    """Set where the file differs from the plan, with the reason."""


class Result(Value, frozen=True, kw_only=True, tag=True):
    """A finished run: the artefact waits in the engine's work folder until it is exported."""

    artefact: str
    sha256: str
    plan: Plan
    before: Outcome
    after: Outcome
    layers: tuple[LayerReport, ...] = ()
    notes: tuple[Text, ...] = ()
    """Honest remarks: zeros make nothing faster, slower than the original, ..."""
    slower: tuple[Text, ...] = ()
    """Set where it takes longer than the original on this computer: by how much, and what takes the time."""
    course: tuple[RunPoint, ...] = ()
    """After each step on the whole network."""
    loss: float | None = None
    """Points lost against the original on the same samples (paired); None: not measured."""
    loss_low: float | None = None
    loss_high: float | None = None
    seconds: float = 0.0


class PlanMeasured(Value, frozen=True, kw_only=True, tag=True):
    """A whole plan, each layer made by itself and put together: measured, before any run."""

    plan: Plan
    outcome: Outcome
    loss: float
    """Points lost against the original on the same samples; positive is worse."""
    loss_low: float | None = None
    loss_high: float | None = None
    damage: float = 0.0
    """As in `SensitivityPoint`."""
    original: Latency | None = None
    """The original's, timed in turns with the plan's; None where that was not done."""


class Exported(Value, frozen=True, kw_only=True, tag=True):
    path: str
    sha256: str
    size_bytes: int
    report_path: str | None = None
    warnings: tuple[Text, ...] = ()
    """What whoever uses the file should know: that it is slower than the original, and why."""


class BenchmarkRow(Value, frozen=True, kw_only=True):
    path: str
    latency: Latency
    size_bytes: int
    ratio: float
    """Median of the first file over this one, pair by pair: above 1 is faster."""


class Benchmark(Value, frozen=True, kw_only=True, tag=True):
    rows: tuple[BenchmarkRow, ...]
