"""The frozen values that cross between window, engine, project file and command line.

One definition serves the pipe (msgpack), the project file, ``--json`` output and plan files.
Sentences for a person are `Text`: an English template plus its parameters, so that the window can
translate the template. Units stand in the names; formatting is the views' business.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
import numpy as np

FLOAT_BITS = 32
"""`LayerPlan` bits that mean "left as it is" (float)."""


class Value(msgspec.Struct, frozen=True):
    """Base of every value: immutable, compared by content, small when encoded."""


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence for a person: an English template and what to fill in."""

    template: str
    params: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return self.template.format(**self.params)


def text(template: str, **params: str | int | float) -> Text:
    """Make a `Text`. Always call it with a literal: a test collects the literals for translation."""
    return Text(template, params)


# ---------------------------------------------------------------- arrays for display


class Array(Value, kw_only=True):
    """A small array, already reduced for display. Never whole weights."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: np.ndarray) -> Array:
        contiguous = np.ascontiguousarray(values)
        return cls(dtype=contiguous.dtype.str, shape=contiguous.shape, data=contiguous.tobytes())

    def numpy(self) -> np.ndarray:
        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)


# ---------------------------------------------------------------- the model


class TensorInfo(Value, kw_only=True):
    """An input or output of the model. A dimension is a number, a symbol, or None if unknown."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


class Layer(Value, kw_only=True):
    """A node with trained weights that Secateur can show and, mostly, compress."""

    id: str
    """The ONNX node's name, made unique over the whole model, subgraphs included."""
    label: str
    """The name shown: short, cleaned of exporter noise."""
    op: str
    """ONNX operator: Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU, RNN, Gather."""
    kind: str
    """For people: 'Conv 3×3', 'Depthwise 3×3', 'Dense', 'LSTM', 'Embedding' ..."""
    weights: tuple[str, ...]
    """Names of the initializers (an LSTM has W and R)."""
    shape: tuple[int, ...]
    """Shape of the first weight as stored."""
    out_channels: int
    in_channels: int
    """Per group, as stored: the second axis of a Conv weight."""
    params: int
    """Weights and bias."""
    macs: int | None = None
    """Multiply-accumulates for one sample; None where shapes are unknown."""
    bytes: int
    prunable: bool = True
    quantizable: bool = True
    why_not: tuple[Text, ...] = ()
    """Why it cannot be pruned or quantised, or what is special."""
    warnings: tuple[Text, ...] = ()
    weight_bits: int = FLOAT_BITS
    """Bits in the file as opened."""
    sparsity: float = 0.0
    """Share of exact zeros in the file as opened."""
    group: str | None = None
    """Layers with the same group share a weight and are changed together."""
    scope: str = ""
    """Path of the If/Loop body that holds it, empty for the main graph."""


class ModelInfo(Value, kw_only=True, tag=True):
    path: str
    name: str
    sha256: str
    size_bytes: int
    opset: int
    ir_version: int
    producer: str = ""
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    layers: tuple[Layer, ...] = ()
    node_count: int = 0
    params: int = 0
    macs: int | None = None
    compressible: bool = True
    why_not: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()

    def layer(self, layer_id: str) -> Layer:
        for layer in self.layers:
            if layer.id == layer_id:
                return layer
        raise KeyError(layer_id)


class GraphNode(Value, kw_only=True):
    """A box of the drawn graph. Positions are its centre, in points at 100 %."""

    id: str
    """ONNX node name, or 'input:NAME' / 'output:NAME'."""
    label: str
    op: str
    layer_id: str | None = None
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    detail: str = ""
    """Plain facts for the tooltip: shape, attributes."""


class GraphEdge(Value, kw_only=True):
    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    """Way points from the bottom of the source to the top of the target."""


class Graph(Value, kw_only=True, tag=True):
    """A laid-out graph: `detail` 'layers' (only layers and joins) or 'nodes' (every node)."""

    detail: Literal["layers", "nodes"]
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    width: float = 0.0
    height: float = 0.0


# ---------------------------------------------------------------- data


class Preprocess(Value, kw_only=True):
    """From a picture (or row) to the model's input. Mean and std are in 0..255 units for pictures.

    resize: shorter side (a number) or (height, width); crop: centred, a number or (height, width).
    """

    resize: int | tuple[int, int] | None = None
    crop: int | tuple[int, int] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: Literal["NCHW", "NHWC", ""] = ""
    color: Literal["RGB", "BGR", "GRAY", ""] = ""


class DataSpec(Value, kw_only=True):
    """Which data, read how, split how. Everything needed to get the same samples again."""

    path: str
    calibration_path: str | None = None
    """A separate source for calibration; without it both come from `path`, disjoint."""
    kind: str = ""
    """Registered name of a data set kind; empty: recognised by content."""
    preprocess: Preprocess | None = None
    """None: guessed from the model's input."""
    label_column: str | None = None
    calibration_count: int = 256
    judge_count: int | None = 1000
    """At most so many judging samples; None: all that are left."""
    seed: int = 0


class DataInfo(Value, kw_only=True, tag=True):
    spec: DataSpec
    """With kind and preprocess filled in."""
    sha256: str
    """Over names and sizes of what is read: says whether the data changed."""
    kind: str
    task: Literal["classification", "regression", "unlabelled"]
    sample_count: int
    calibration_count: int
    judge_count: int
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    label_column: str | None = None
    preview_png: tuple[bytes, ...] = ()
    """What the model will see, undone to pictures (at most 8), for pictures only."""
    preview_labels: tuple[str, ...] = ()
    preview_rows: tuple[tuple[str, ...], ...] = ()
    """The first rows of a table as text."""
    guessed: tuple[Text, ...] = ()
    """What was guessed and from what."""
    warnings: tuple[Text, ...] = ()
    skipped: tuple[Text, ...] = ()
    """Files or rows left out, at most 100, each with its reason."""
    skipped_count: int = 0


# ---------------------------------------------------------------- measurements


class Measurement(Value, kw_only=True):
    """A figure with its sample count and 95 % interval, or an estimate that says so."""

    metric: str
    """Registered name: top1, top5, rmse, agreement, kl, sqnr_db ..."""
    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0
    unit: str = ""
    """'%', 'dB', 'nat' or empty."""
    higher_is_better: bool = True
    estimate: bool = False


class Latency(Value, kw_only=True):
    median_ms: float
    low_ms: float
    """5th percentile."""
    high_ms: float
    """95th percentile."""
    runs: int
    threads: int
    batch: int = 1


class Outcome(Value, kw_only=True, tag=True):
    """What a model file costs and gives: the first measurement is the one that counts."""

    measurements: tuple[Measurement, ...] = ()
    size_bytes: int = 0
    zipped_bytes: int = 0
    latency: Latency | None = None
    estimate: bool = False

    @property
    def primary(self) -> Measurement | None:
        return self.measurements[0] if self.measurements else None


class LayerTime(Value, kw_only=True):
    layer_id: str
    time_ms: float
    share: float
    """Of the whole run, 0..1."""


class Timings(Value, kw_only=True, tag=True):
    """Milliseconds per layer from onnxruntime's profiler on this computer."""

    layers: tuple[LayerTime, ...]
    total_ms: float
    threads: int


class SensitivityPoint(Value, kw_only=True, tag=True):
    """One layer changed alone, the whole network measured."""

    layer_id: str
    sparsity: float = 0.0
    weight_bits: int = FLOAT_BITS
    activation_bits: int = FLOAT_BITS
    measurement: Measurement
    """The primary metric with that layer changed."""
    loss: float
    """Points lost against the original on the same samples (paired); positive is worse."""
    loss_low: float | None = None
    loss_high: float | None = None
    kl: float | None = None


class Analysis(Value, kw_only=True, tag=True):
    baseline: Outcome
    timings: Timings | None = None
    points: tuple[SensitivityPoint, ...] = ()


class LayerView(Value, kw_only=True, tag=True):
    """What the inspector shows of one layer, under one layer plan."""

    layer_id: str
    score: str
    """Registered name of the importance score."""
    heatmap: Array
    """Importance, out × in, reduced to at most 512 × 512, float32."""
    rows_sorted: Array
    """For each heatmap row its rank by importance, so that a view may sort."""
    per_channel: Array
    """Importance of each output channel, float32, at most 4096."""
    histogram: Array
    """Counts of the weights."""
    histogram_after: Array | None = None
    """Counts after the plan (pruned and quantised)."""
    bin_edges: Array
    cut: float | None = None
    """Weights with a magnitude below this go (None: nothing is pruned)."""
    minimum: float = 0.0
    maximum: float = 0.0
    std: float = 0.0
    sqnr_db: float | None = None
    """Of the weights alone, original against planned."""


# ---------------------------------------------------------------- plans


class LayerPlan(Value, kw_only=True, omit_defaults=True):
    """What is to be done to a layer. None: as the plan's defaults say."""

    sparsity: float | None = None
    """Fraction of zeros, 0..1."""
    threshold: float | None = None
    """Instead of a share: weights whose magnitude is below this go."""
    pattern: Literal["unstructured"] | None = None
    weight_bits: int | None = None
    """32 (as it is), 8 or 4."""
    activation_bits: int | None = None
    """32 (as it is) or 8."""
    granularity: Literal["tensor", "channel"] | None = None
    keep: bool | None = None
    """True: leave this layer alone whatever else is said."""

    def over(self, base: LayerPlan) -> LayerPlan:
        """This plan's own settings, the rest from `base`."""
        return LayerPlan(
            **{
                name: getattr(self, name) if getattr(self, name) is not None else getattr(base, name)
                for name in LayerPlan.__struct_fields__
            }
        )


NO_CHANGE = LayerPlan(
    sparsity=0.0,
    pattern="unstructured",
    weight_bits=FLOAT_BITS,
    activation_bits=FLOAT_BITS,
    granularity="channel",
    keep=False,
)


class Plan(Value, kw_only=True, tag=True, omit_defaults=True):
    """Defaults, exceptions by layer id, and the methods' own parameters."""

    defaults: LayerPlan = NO_CHANGE
    exceptions: dict[str, LayerPlan] = {}
    methods: dict[str, dict[str, str | int | float | bool]] = {}

    def layer(self, layer_id: str) -> LayerPlan:
        """What this layer gets, complete; a kept layer comes back as `NO_CHANGE` with keep."""
        base = self.defaults.over(NO_CHANGE)
        own = self.exceptions.get(layer_id)
        resolved = own.over(base) if own is not None else base
        if own is not None and own.threshold is None and own.sparsity is not None:
            resolved = msgspec.structs.replace(resolved, threshold=None)
        if resolved.keep:
            return msgspec.structs.replace(NO_CHANGE, keep=True)
        return resolved

    def with_layer(self, layer_id: str, **settings: object) -> Plan:
        """A new plan in which this layer differs from the defaults by `settings` too."""
        own = self.exceptions.get(layer_id, LayerPlan())
        changed = msgspec.structs.replace(own, **settings)
        exceptions = dict(self.exceptions)
        if changed == LayerPlan():
            exceptions.pop(layer_id, None)
        else:
            exceptions[layer_id] = changed
        return msgspec.structs.replace(self, exceptions=exceptions)

    def without_layer(self, layer_id: str) -> Plan:
        """A new plan in which this layer follows the defaults again."""
        exceptions = {key: value for key, value in self.exceptions.items() if key != layer_id}
        return msgspec.structs.replace(self, exceptions=exceptions)

    def with_defaults(self, **settings: object) -> Plan:
        return msgspec.structs.replace(self, defaults=msgspec.structs.replace(self.defaults, **settings))

    def changes(self, layer_id: str) -> bool:
        """Whether anything is done to this layer."""
        resolved = self.layer(layer_id)
        return (
            bool(resolved.sparsity)
            or bool(resolved.threshold)
            or resolved.weight_bits != FLOAT_BITS
            or resolved.activation_bits != FLOAT_BITS
        )


# ---------------------------------------------------------------- runs and results


class RunPoint(Value, kw_only=True, tag=True):
    """The accuracy after one more layer of a run."""

    step: int
    total: int
    layer_id: str
    measurement: Measurement
    loss: float
    """Points lost so far against the original, same samples."""
    from_store: bool = False
    """Read from the project file instead of measured again."""


class LayerReport(Value, kw_only=True):
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


class Result(Value, kw_only=True, tag=True):
    """A finished run: the artefact waits in the engine's work folder until it is exported."""

    artefact: str
    sha256: str
    plan: Plan
    before: Outcome
    after: Outcome
    layers: tuple[LayerReport, ...] = ()
    notes: tuple[Text, ...] = ()
    """Honest remarks: zeros make nothing faster, slower than the original, ..."""
    seconds: float = 0.0


class Exported(Value, kw_only=True, tag=True):
    path: str
    sha256: str
    size_bytes: int
    report_path: str | None = None


class BenchmarkRow(Value, kw_only=True):
    path: str
    latency: Latency
    size_bytes: int
    ratio: float
    """Median of the first file over this one, pair by pair: above 1 is faster."""


class Benchmark(Value, kw_only=True, tag=True):
    rows: tuple[BenchmarkRow, ...]


class Parameter(Value, kw_only=True):
    """A setting of a method, described so that the window can build its form."""

    name: str
    label: Text
    help: Text
    kind: Literal["number", "integer", "choice", "switch"]
    default: str | int | float | bool
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()


class Described(Value, kw_only=True):
    """A registered score, method, format, data set kind or metric."""

    name: str
    label: Text
    help: Text
    parameters: tuple[Parameter, ...] = ()


class Catalogue(Value, kw_only=True, tag=True):
    """Everything that registered itself, for the window's menus and forms."""

    scores: tuple[Described, ...] = ()
    methods: tuple[Described, ...] = ()
    formats: tuple[Described, ...] = ()
    data_kinds: tuple[Described, ...] = ()
    metrics: tuple[Described, ...] = ()


def digest(*values: object) -> str:
    """A stable 32-digit hash of values, for keys of measurements."""
    encoded = msgspec.msgpack.encode(values, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:32]
