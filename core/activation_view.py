"""The values that a layer hands on, channel by channel: how far they reach, and what their integers cut off.

Streamed over calibration samples: ends are of all values, quantiles and the share cut off of some that are
drawn, so memory is that of `KEPT` values a channel and of a few samples' activations.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from core.channel_ranges import Limits, limited, ranges_of
from core.context import Context
from core.data.dataset import DataSet
from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods._activity import Activation, activation_behind
from core.methods._histogram import Histogram
from core.methods._layer_moments import samples_in
from core.methods._ranges import RANGES
from core.methods._taps import Tap
from core.methods.resolve import resolve
from core.score_statistics import Steps, pieces
from core.values import FLOAT_BITS, QUANTILES, ActivationView, Layer, Plan, Text, text

SAMPLES = 64
KEPT = 2048
"""Values of a channel that quantiles come from, at most about."""
_BATCH = 16
_SEEING = text("Looking at the values between layers")
_OUTPUT_AXES = {"Conv": 1, "ConvTranspose": 1, "Gemm": -1, "MatMul": -1, "Gather": -1}


@dataclass(frozen=True)
class Seen:
    """What samples showed of a layer's values."""

    behind: str
    """The operator whose output it is."""
    lowest: np.ndarray
    """(channels,) float32, of all values."""
    highest: np.ndarray
    kept: np.ndarray
    """(channels, values) float32, drawn from all."""
    histogram: Histogram
    """Of those kept, all channels together, as the calibration sees them."""
    samples: int


def see_activations(opened: OpenedModel, layer_id: str, data: DataSet, context: Context) -> Seen | Text:
    """Run calibration samples up to the layer; a reason where its values cannot be told by channels.

    Raises PlanError for an unknown layer, what reading samples raises, Cancelled.
    """
    layer = opened.info.layer(layer_id)
    model = opened.clone()
    found = activation_behind(model, layer)
    if not isinstance(found, Activation):
        found = _own_output(model, layer)
    if not isinstance(found, Activation):
        return found
    producer = found.value.producer()
    behind = producer.op_type if producer is not None else layer.op
    samples = min(SAMPLES, data.info.calibration_count)
    if not samples:
        return text("There are no calibration samples.")
    gathered = _Gathered(found, -(-KEPT // samples))
    tap = Tap(model, [found.value])
    seen = 0
    for feeds in pieces(
        lambda: data.batches("calibration", _BATCH, samples), tap, Steps(context, 0, samples, _SEEING)
    ):
        context.check()
        count = samples_in(feeds)
        if not gathered.add(tap.run(feeds)[0], count):
            return text("Its channels cannot be told apart in what follows it.")
        seen += count
    return gathered.seen(behind, seen)


def activation_view(opened: OpenedModel, layer_id: str, plan: Plan, seen: Seen | Text) -> ActivationView:
    """What was seen as a picture, with the ends of the integers that the plan would calibrate for it."""
    if isinstance(seen, Text):
        return ActivationView(layer_id=layer_id, notes=(seen,))
    bits, notes = _bits(opened, layer_id, plan)
    limits = None
    if bits != FLOAT_BITS and np.isfinite(seen.histogram.low):
        steps = (1 << bits) - 1
        method = RANGES.get(str(setting(plan, "calibrate", "range")), RANGES["min-max"])
        found = method(seen.histogram, float(setting(plan, "calibrate", "percentile")), steps)
        low, high = min(0.0, found.low), max(0.0, found.high)
        half = (high - low) / steps / 2
        beyond = (seen.kept < low - half) | (seen.kept > high + half)
        channels = len(seen.lowest)
        limits = Limits(
            np.full(channels, low, np.float32),
            np.full(channels, high, np.float32),
            beyond.mean(axis=1, dtype=np.float32),
        )
    quantiles = np.quantile(seen.kept, QUANTILES, axis=1, method="nearest").T.astype(np.float32)
    quantiles[:, 0], quantiles[:, -1] = seen.lowest, seen.highest
    ranges = ranges_of(quantiles)
    return ActivationView(
        layer_id=layer_id,
        ranges=ranges if limits is None else limited(ranges, limits),
        behind=seen.behind,
        bits=bits,
        samples=seen.samples,
        notes=notes,
    )


def _bits(opened: OpenedModel, layer_id: str, plan: Plan) -> tuple[int, tuple[Text, ...]]:
    """Of the layer's activations under the plan, and why they are not those planned."""
    try:
        (step,) = resolve(opened, plan, {layer_id})
    except PlanError as error:
        return FLOAT_BITS, (error.what,)
    planned = step.planned.activation_bits or FLOAT_BITS
    if step.note is None or step.activation_bits == planned:
        return step.activation_bits, ()
    return step.activation_bits, (step.note,)


def _own_output(model: ir.Model, layer: Layer) -> Activation | Text:
    node = next((node for node in model.graph if node.name == layer.id), None)
    if node is None:
        return text("It lies inside a branch or loop, whose inner values are not looked at.")
    axis = _OUTPUT_AXES.get(node.op_type)
    if axis is None:
        return text("The outputs of this kind of layer are not laid out by channels.")
    return Activation(node.outputs[0], layer.out_channels, axis)


@dataclass
class _Gathered:
    activation: Activation
    for_sample: int
    """Values of a channel that are kept of each sample."""
    lowest: np.ndarray = field(init=False)
    highest: np.ndarray = field(init=False)
    drawn: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    parts: list[np.ndarray] = field(default_factory=list)
    histogram: Histogram = field(default_factory=Histogram)

    def __post_init__(self) -> None:
        self.lowest = np.full(self.activation.channels, np.inf, np.float32)
        self.highest = np.full(self.activation.channels, -np.inf, np.float32)

    def add(self, values: np.ndarray, samples: int) -> bool:
        """False where the values are not laid out by the layer's channels."""
        by_channel = self.activation.per_channel(values)
        if by_channel is None or not by_channel.shape[1]:
            return False
        finite = np.isfinite(by_channel)
        if not finite.all():
            by_channel = np.where(finite, by_channel, np.float32(0))
        np.minimum(self.lowest, by_channel.min(axis=1), out=self.lowest)
        np.maximum(self.highest, by_channel.max(axis=1), out=self.highest)
        wanted = self.for_sample * samples
        part = by_channel
        if wanted < by_channel.shape[1]:
            # drawn: evenly spaced ones would be of the same columns of every picture
            part = by_channel[:, np.sort(self.drawn.integers(0, by_channel.shape[1], wanted))]
        self.parts.append(part)
        self.histogram.add(part, float(by_channel.min()), float(by_channel.max()))
        return True

    def seen(self, behind: str, samples: int) -> Seen:
        kept = np.concatenate(self.parts, axis=1)
        return Seen(behind, self.lowest, self.highest, kept, self.histogram, samples)
