"""What each layer may become under a profile, with its damage and its costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from core.best.times import LayerTimes
from core.estimate import graph_bytes, layer_bytes, zipped_layer_bytes
from core.predict import Curve
from core.values import FLOAT_BITS, Layer, LayerPlan, ModelInfo
from core.values.best import Profile

_SHARES = (0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Option:
    """One setting of a layer, or of layers that share their weights."""

    layers: tuple[str, ...]
    plan: LayerPlan
    damage: float
    variance: float
    size: float
    zipped: float
    time_ms: float


def options_of(
    model: ModelInfo,
    curves: Mapping[str, Curve],
    profile: Profile,
    locks: Mapping[str, LayerPlan],
    times: LayerTimes,
    pattern: str | None = None,
) -> list[list[Option]]:
    """For each layer (layers that share weights are one) its options, leaving it alone being the first.

    With a pattern N:M zeros stand in it, or there are none.
    """
    groups: dict[str, list[Layer]] = {}
    for layer in model.layers:
        if layer.prunable or layer.quantizable:
            groups.setdefault(layer.group or layer.id, []).append(layer)
    return [_of(layers, curves, profile, locks, times, pattern) for layers in groups.values()]


def _of(
    layers: Sequence[Layer],
    curves: Mapping[str, Curve],
    profile: Profile,
    locks: Mapping[str, LayerPlan],
    times: LayerTimes,
    pattern: str | None,
) -> list[Option]:
    ids = tuple(layer.id for layer in layers)
    own = [locks[name] for name in ids if name in locks]
    kept = any(lock.keep for lock in own)
    least = max((lock.weight_bits or 0 for lock in own), default=0)
    options = [_option(layers, LayerPlan(sparsity=0.0, weight_bits=FLOAT_BITS), 0.0, 0.0, times)]
    if kept:
        return options
    for plan in _plans(layers[0], profile, pattern):
        if (plan.weight_bits or FLOAT_BITS) < least:
            continue
        # layers that share weights were measured changing together
        curve = curves.get(ids[0])
        known = curve.damage(plan) if curve is not None else None
        if known is not None:
            options.append(_option(layers, plan, known[0], known[1], times))
    return options


def _plans(layer: Layer, profile: Profile, pattern: str | None) -> list[LayerPlan]:
    bits = {"cpu": (8, 4), "accelerator": (8,), "microcontroller": (8, 4), "download": (8, 5, 4, 3, 2)}[
        profile
    ]
    granularity = "tensor" if profile == "accelerator" else None
    plans = []
    if layer.quantizable:
        plans += [
            LayerPlan(sparsity=0.0, weight_bits=b, activation_bits=8, granularity=granularity)  # type: ignore[arg-type]
            for b in bits
        ]
    if profile == "download" and layer.prunable:
        # zeros count only where the file is packed
        zeros = [LayerPlan(sparsity=share) for share in _SHARES] if pattern is None else []
        zeros += [LayerPlan(sparsity=0.0, pattern=pattern)] if pattern is not None else []
        for setting in zeros:
            plans.append(msgspec.structs.replace(setting, weight_bits=FLOAT_BITS))
            if layer.quantizable:
                plans += [
                    msgspec.structs.replace(setting, weight_bits=b, activation_bits=8) for b in (8, 4, 3)
                ]
    return plans


def _option(
    layers: Sequence[Layer], plan: LayerPlan, damage: float, variance: float, times: LayerTimes
) -> Option:
    # what layers share is stored once
    return Option(
        layers=tuple(layer.id for layer in layers),
        plan=plan,
        damage=damage,
        variance=variance,
        size=layer_bytes(layers[0], plan) + len(layers) * graph_bytes(layers[0], plan),
        zipped=zipped_layer_bytes(layers[0], plan),
        time_ms=sum(times.ms(layer.id, plan) for layer in layers),
    )
