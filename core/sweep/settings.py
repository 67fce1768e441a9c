"""What is tried of a layer by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.methods.resolve import Step, resolve
from core.values import FLOAT_BITS, Layer, Plan


@dataclass(frozen=True)
class Setting:
    """Zeros (a share or a pattern) or fewer bits."""

    sparsity: float = 0.0
    weight_bits: int = FLOAT_BITS
    activation_bits: int = FLOAT_BITS
    pattern: str | None = None


def settings_of(
    sparsities: Sequence[float],
    weight_bits: Sequence[int],
    activation_bits: Sequence[int] = (),
    patterns: Sequence[str] = (),
) -> list[Setting]:
    """Each by itself, the mildest first; activations go with 8-bit weights, as integer kernels want them."""
    result = [Setting(sparsity=share) for share in sorted(sparsities) if share > 0]
    result += [Setting(pattern=pattern) for pattern in patterns]
    result += [Setting(weight_bits=bits) for bits in sorted(weight_bits, reverse=True) if bits < FLOAT_BITS]
    result += [
        Setting(weight_bits=8, activation_bits=bits)
        for bits in sorted(activation_bits, reverse=True)
        if bits < FLOAT_BITS
    ]
    return result


def steps_of(
    opened: OpenedModel, layer: Layer, settings: Sequence[Setting], plan: Plan
) -> list[tuple[Setting, Step]]:
    """The settings that this layer allows, each as the step that carries it out under `plan`'s parameters."""
    steps = []
    for setting in settings:
        prunes = bool(setting.sparsity) or setting.pattern is not None
        if not (layer.prunable if prunes else layer.quantizable):
            continue
        tried = Plan(methods=plan.methods).with_layer(
            layer.id,
            sparsity=setting.sparsity,
            pattern=setting.pattern,
            weight_bits=setting.weight_bits,
            activation_bits=setting.activation_bits,
            granularity=plan.layer(layer.id).granularity,
        )
        try:
            (step,) = resolve(opened, tried, {layer.id})
        except PlanError:
            continue  # e.g. weights of a type that can't be rounded: the table says so
        if step.changes and (setting.activation_bits == step.activation_bits):
            steps.append((setting, step))
    return steps
