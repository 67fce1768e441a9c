"""Figures with their sample counts and intervals; what is known of a layer."""

from __future__ import annotations

import bisect
import math

from core.values.base import Array, Text, Value
from core.values.inspected import ChannelRanges
from core.values.plan import FLOAT_BITS, Plan


class Measurement(Value, frozen=True, kw_only=True):
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
    point: float = 1.0
    """What a lost point makes of the value, in its unit: 1 for percent, a share of other scales."""

    def after(self, points: float) -> float:
        """The value when so many points are lost."""
        change = points * self.point
        return self.value - change if self.higher_is_better else self.value + change


class Latency(Value, frozen=True, kw_only=True):
    median_ms: float
    low_ms: float
    """5th percentile."""
    high_ms: float
    """95th percentile."""
    runs: int
    threads: int
    batch: int = 1


class Outcome(Value, frozen=True, kw_only=True, tag=True):
    """What a model file costs and gives: the first measurement is the one that counts."""

    measurements: tuple[Measurement, ...] = ()
    size_bytes: int = 0
    zipped_bytes: int = 0
    latency: Latency | None = None
    estimate: bool = False

    @property
    def primary(self) -> Measurement | None:
        return self.measurements[0] if self.measurements else None


class LayerTime(Value, frozen=True, kw_only=True):
    layer_id: str
    time_ms: float
    share: float
    """Of the whole run, 0..1."""


class Timings(Value, frozen=True, kw_only=True, tag=True):
    """Milliseconds per layer from onnxruntime's profiler on this computer."""

    layers: tuple[LayerTime, ...]
    total_ms: float
    threads: int


class SensitivityPoint(Value, frozen=True, kw_only=True, tag=True):
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
    pattern: str | None = None
    """Instead of a share of zeros: N of every M stay."""
    damage: float | None = None
    """KL divergence of the answers in nats, or noise power over signal power; adds up over layers."""
    damage_low: float | None = None
    damage_high: float | None = None
    shift: bytes | None = None
    """Which way the answers move, float16 numbers, of length 1: damages of layers that move them alike add to
    more than their sum. Before them four bytes that tell of which samples: ways of others say nothing of each
    other. None where that is not known."""

    @property
    def estimate(self) -> bool:
        """Not run: it follows from the layer's own error and one run of the network."""
        return self.measurement.estimate


class DamageLink(Value, frozen=True, kw_only=True, tag=True):
    """Points lost by damage (see `SensitivityPoint.damage`), between knots on a logarithmic scale."""

    damages: tuple[float, ...]
    """Rising, the first is 0."""
    losses: tuple[float, ...]
    """Points lost, never falling."""
    spreads: tuple[float, ...]
    """Standard deviation of the points lost by a what-if of that damage."""

    def loss(self, damage: float) -> float:
        return self._at(damage, self.losses)

    def spread(self, damage: float) -> float:
        return self._at(damage, self.spreads)

    def _at(self, damage: float, values: tuple[float, ...]) -> float:
        damages = self.damages
        if not damage > 0 or len(damages) < 2:
            return values[0]
        if damage >= damages[-1]:
            return values[-1]
        right = bisect.bisect_right(damages, damage)
        left = right - 1
        if not damages[left] > 0:  # below the first knot in proportion
            share = damage / damages[right]
        else:
            share = math.log(damage / damages[left]) / math.log(damages[right] / damages[left])
        return values[left] + share * (values[right] - values[left])


class Analysis(Value, frozen=True, kw_only=True, tag=True):
    baseline: Outcome
    timings: Timings | None = None
    points: tuple[SensitivityPoint, ...] = ()
    link: DamageLink | None = None


class LayerView(Value, frozen=True, kw_only=True, tag=True):
    """What the inspector shows of one layer, under one layer plan."""

    layer_id: str
    score: str
    """Registered name of the importance score."""
    heatmap: Array
    """Importance, out × in, reduced to at most 512 × 512, float32."""
    kernel: tuple[int, ...] = ()
    """Shape of the kernel, such as (3, 3); () where each input has one weight."""
    position: int | None = None
    """The one position of the kernel that the heatmap shows, in the order of storage; None: their sum."""
    gone: Array | None = None
    """Of each cell of the heatmap the share of its weights that the plan sets to zero, uint8, 255 for all."""
    rows_sorted: Array
    """For each heatmap row its rank by importance, so that a view may sort."""
    per_channel: Array
    """Importance of each output channel, float32, at most 4096."""
    histogram: Array
    """Counts of the weights."""
    histogram_after: Array | None = None
    """Counts after the plan (pruned and quantised)."""
    bin_edges: Array
    ranges: ChannelRanges | None = None
    """Of the weights of each output channel, with the ends of the plan's grids."""
    grid: Array | None = None
    """The values that weights may take under the plan, ascending float32, at most 256; None: any."""
    grids: int = 0
    """How many such grids the layer has; `grid` is the one of middling width."""
    cut: float | None = None
    """Weights with a magnitude below this go (None: nothing is pruned)."""
    minimum: float = 0.0
    maximum: float = 0.0
    std: float = 0.0
    sqnr_db: float | None = None
    """Of the weights alone, original against planned."""
    unmeasured: bool = False
    """What the score needs can be measured on samples but is not yet: another score stands in."""
    notes: tuple[Text, ...] = ()
    """What the score could not tell, and why."""


class LayerWeights(Value, frozen=True, kw_only=True):
    """How far a layer's weights reach, and how far a plan moves them."""

    layer_id: str
    minimum: float
    maximum: float
    sqnr_db: float | None = None
    """Power of the weights over that of the change, in decibels; None where the plan changes nothing."""


class WeightFigures(Value, frozen=True, kw_only=True, tag=True):
    """`LayerWeights` of every layer under a plan."""

    plan: Plan
    layers: tuple[LayerWeights, ...]
