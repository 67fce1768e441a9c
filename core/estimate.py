"""What a plan would give, at once and without running anything: an estimate, marked as one.

Pure functions of values, so that the window may call them between two frames.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from core.kernel_model import INTEGER_SPEEDUP, SIXTEEN_BITS_SLOWDOWN, KernelModel
from core.predict import Curve, PlanDamage, Predicted, predict
from core.values import (
    FLOAT_BITS,
    HALF_BITS,
    DamageLink,
    Latency,
    Layer,
    LayerPlan,
    Measurement,
    ModelInfo,
    Outcome,
    Plan,
    SensitivityPoint,
    Timings,
    stored_bits,
)
from core.values.plan import even_block

BLOCK_GRAPH_BYTES = 95
ZERO_GRAPH_BYTES = 130
CONVERSION_GRAPH_BYTES = 250
"""Bytes that operators for blocks, zero points and integer activations add to a layer, as in real files."""
_ZIPPED_AT = (0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_ZIPPED = {
    32: (0.93, 0.75, 0.62, 0.53, 0.44, 0.34, 0.24, 0.13, 0.07, 0.005),
    8: (0.935, 0.84, 0.74, 0.66, 0.565, 0.46, 0.34, 0.20, 0.11, 0.005),
    5: (0.61, 0.58, 0.52, 0.465, 0.405, 0.335, 0.255, 0.15, 0.09, 0.005),
    4: (0.89, 0.86, 0.79, 0.72, 0.64, 0.54, 0.41, 0.255, 0.15, 0.005),
    3: (0.69, 0.685, 0.65, 0.61, 0.55, 0.465, 0.36, 0.225, 0.135, 0.005),
    2: (0.865, 0.865, 0.85, 0.815, 0.75, 0.66, 0.53, 0.35, 0.22, 0.005),
}
"""By bits what zip leaves of the bytes of weights as they are stored (3 bits in 4, 5 in 8), by their share of
zeros (`_ZIPPED_AT`): where zeros stand has to be told too, so few bits gain less by them. Means of ResNet-20
and MobileNet, their smallest weights pruned and the rest rounded; the two differ by a twelfth at most."""


def layer_bytes(layer: Layer, plan: LayerPlan) -> int:
    """Bytes of a layer's weights and bias as stored under `plan`, scales included."""
    bits = plan.weight_bits or FLOAT_BITS
    if bits >= layer.weight_bits:
        return layer.bytes
    weights = _weights(layer)
    if bits == HALF_BITS:
        return 2 * weights + 4 * (layer.params - weights)
    parameters = grid_bytes(weights, layer.out_channels, plan) + 4 * (plan.clusters or 0)
    return (weights * stored_bits(bits) + 7) // 8 + 4 * (layer.params - weights) + parameters


def _blocks(columns: int, plan: LayerPlan) -> int:
    """Scales of a row with so many weights."""
    block, bits = plan.block_size or 0, plan.weight_bits or FLOAT_BITS
    if plan.granularity != "block" or plan.clusters or columns <= block:
        return 1
    if plan.activation_bits not in (None, FLOAT_BITS) and bits > (4 if plan.symmetric is False else 5):
        return 1  # integer kernels have no room for them
    return -(-columns // even_block(columns, block))


def graph_bytes(layer: Layer, plan: LayerPlan) -> int:
    """Bytes of the operators that a layer under `plan` needs more: what small networks notice."""
    bits = plan.weight_bits or FLOAT_BITS
    if bits >= layer.weight_bits:
        return 0
    size = 0
    if _blocks(layer.params // max(1, layer.out_channels), plan) > 1:
        size += BLOCK_GRAPH_BYTES
    if plan.symmetric is False:
        size += ZERO_GRAPH_BYTES
    if plan.activation_bits not in (None, FLOAT_BITS):
        size += CONVERSION_GRAPH_BYTES
        # eight bits mostly have one scale for a whole layer, and the bias with them
        if bits < 8 and layer.params > layer.out_channels:
            size += 4 * layer.out_channels
    return size


def grid_bytes(weights: int, rows: int, plan: LayerPlan) -> int:
    """Bytes of the scales and zero points of so many weights in so many rows (output channels)."""
    zero_bits = 0 if plan.symmetric is not False else stored_bits(plan.weight_bits or FLOAT_BITS)
    if plan.granularity == "tensor":
        return 4 + (zero_bits + 7) // 8
    blocks = rows * _blocks(weights // max(1, rows), plan)
    if plan.activation_bits in (None, FLOAT_BITS) or blocks == rows:
        return 4 * blocks + (zero_bits * blocks + 7) // 8
    # integer kernels: a scale for each row, a whole factor of four bits for each block
    return 4 * rows + (4 * blocks + 7) // 8 + (zero_bits * blocks + 7) // 8


def _weights(layer: Layer) -> int:
    """How many of its parameters are no bias."""
    own = math.prod(layer.shape)
    if len(layer.weights) == 1 and 0 < own <= layer.params:
        return own
    return layer.params - (layer.out_channels if layer.params > layer.out_channels else 0)


def zipped_layer_bytes(layer: Layer, plan: LayerPlan) -> float:
    """Roughly what is left of them in a zip: zeros shrink there."""
    return layer_bytes(layer, plan) * zipped_share(_bits(plan), plan.zeros)


def _bits(plan: LayerPlan) -> int:
    return plan.weight_bits or FLOAT_BITS


@lru_cache(maxsize=4096)
def zipped_share(bits: int, zeros: float) -> float:
    """What zip leaves of a layer's stored bytes at so many bits with this share of zeros."""
    if bits in _ZIPPED:
        return _interpolate(list(zip(_ZIPPED_AT, _ZIPPED[bits], strict=True)), min(max(zeros, 0.0), 1.0))
    if bits > 8:
        return zipped_share(FLOAT_BITS, zeros)
    # 6 and 7 in a type of 8, as much more as their bits are
    return zipped_share(5, zeros) + (bits - 5) / 3 * (zipped_share(8, zeros) - zipped_share(5, zeros))


def predicted_loss(points: Iterable[SensitivityPoint], plan: LayerPlan) -> float | None:
    """Points lost with this layer changed alone, from its measured points; None if nothing is known.

    Linear between measured sparsities (none costs nothing); for bits the nearest measured at or
    below those asked (fewer than any measured: unknown). Both together: the sum.
    """
    points = tuple(points)
    if not points:
        return None
    total = 0.0
    sparsity = plan.zeros
    if sparsity > 0:
        curve = {0.0: 0.0}
        curve.update({p.sparsity: p.loss for p in points if p.sparsity > 0 and p.weight_bits == FLOAT_BITS})
        if len(curve) == 1:
            return None
        total += _interpolate(sorted(curve.items()), sparsity)
    bits = plan.weight_bits or FLOAT_BITS
    if bits < FLOAT_BITS:
        known = {p.weight_bits: p.loss for p in points if p.weight_bits < FLOAT_BITS and p.sparsity == 0}
        usable = [value for value in known if value <= bits]
        if not usable:
            return None  # each bit less costs several times as much: what 4 cost says nothing of 3
        total += known[max(usable)]
    return total


def _interpolate(curve: list[tuple[float, float]], at: float) -> float:
    for (left, low), (right, high) in itertools.pairwise(curve):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    # beyond the last measured point the line goes on as steeply as it ended, at least
    (left, low), (right, high) = curve[-2], curve[-1]
    return high + max(high - low, 0.0) / (right - left) * (at - right) * 2


def estimate(
    model: ModelInfo,
    plan: Plan,
    baseline: Outcome | None,
    points: Iterable[SensitivityPoint] = (),
    timings: Timings | None = None,
    link: DamageLink | None = None,
    curves: Mapping[str, Curve] | None = None,
    plans: Sequence[PlanDamage] = (),
    kernels: KernelModel | None = None,
) -> Outcome:
    """Size, zipped size, latency and accuracy that `plan` is likely to give.

    With the `link` between damage and points, the layers' `curves` and the `plans` measured so far the
    accuracy comes with a band; without them losses of single layers are added up. With `kernels` the latency
    comes from times measured on this computer; without them integer layers get the usual factor.
    """
    by_layer: dict[str, list[SensitivityPoint]] = {}
    for point in points:
        by_layer.setdefault(point.layer_id, []).append(point)
    shares = {time.layer_id: time.share for time in timings.layers} if timings else {}

    size = float(model.size_bytes)
    zipped = float(baseline.zipped_bytes if baseline and baseline.zipped_bytes else model.size_bytes * 0.92)
    share_saved, loss, known, changed = 0.0, 0.0, 0, 0
    plain, counted = zipped_share(FLOAT_BITS, 0.0), set[tuple[str, ...]]()
    for layer in model.layers:
        resolved = plan.layer(layer.id)
        if not (layer.prunable or layer.quantizable) or not plan.changes(layer.id):
            continue
        changed += 1
        if layer.weights not in counted:  # what several layers share is in the file once
            stored = layer_bytes(layer, resolved)
            size -= layer.bytes - stored - graph_bytes(layer, resolved)
            zipped -= layer.bytes * plain - stored * zipped_share(_bits(resolved), resolved.zeros)
            counted.add(layer.weights)
        if resolved.activation_bits == 8 and (resolved.weight_bits or FLOAT_BITS) <= 8:
            share_saved += shares.get(layer.id, 0.0) * (1 - 1 / INTEGER_SPEEDUP)
        elif resolved.activation_bits == 16:
            share_saved -= shares.get(layer.id, 0.0) * (SIXTEEN_BITS_SLOWDOWN - 1)
        own_loss = predicted_loss(by_layer.get(layer.id, ()), resolved)
        if own_loss is not None:
            loss += own_loss
            known += 1

    # whole channels take weights and work alike; what they cost in accuracy only the run can tell
    kept = 1 - plan.work_removed
    size, zipped = size * kept, zipped * kept
    latency: Latency | None = None
    if baseline and baseline.latency and kernels is not None and kernels.usable:
        latency = kernels.predicted(plan, baseline.latency)
    elif baseline and baseline.latency and (timings or not changed):
        factor = (1 - share_saved) * kept
        latency = msgspec.structs.replace(
            baseline.latency,
            median_ms=baseline.latency.median_ms * factor,
            low_ms=baseline.latency.low_ms * factor,
            high_ms=baseline.latency.high_ms * factor,
            runs=0,
        )
    measurements: tuple[Measurement, ...] = ()
    if baseline and baseline.primary and known == changed and not plan.restructures:
        measurements = (_after(baseline.primary, loss, None),)
    if link is not None and curves and baseline and baseline.primary:
        named = [layer.id for layer in model.layers if layer.prunable or layer.quantizable]
        predicted = None if plan.restructures else predict(named, plan, curves, link, plans)
        measurements = () if predicted is None else (_after(baseline.primary, predicted.loss, predicted),)
    return Outcome(
        measurements=measurements,
        size_bytes=max(int(size), 0),
        zipped_bytes=max(int(zipped), 0),
        latency=latency,
        estimate=True,
    )


def _after(first: Measurement, loss: float, predicted: Predicted | None) -> Measurement:
    """The original's figure less the loss; with a prediction, its band."""

    def lost(points: float) -> float:
        value = first.after(points)
        if first.unit == "dB":
            # points are percent of the signal's power here
            value = -10 * math.log10(max(points / 100, 1e-15))
        return min(max(value, 0.0), 100.0) if first.unit == "%" else value

    ends = (None, None) if predicted is None else sorted((lost(predicted.low), lost(predicted.high)))
    return msgspec.structs.replace(first, value=lost(loss), low=ends[0], high=ends[1], count=0, estimate=True)
