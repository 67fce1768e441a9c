"""What one layer would have under a plan: bits, zeros, bytes. `plan` None is the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.estimate import layer_bytes
from core.values import FLOAT_BITS, Layer, Plan
from gui.models.choices import fixes_share


def bits_of(layer: Layer, plan: Plan | None) -> int:
    """A plan asks in vain where the layer allows no change."""
    if plan is None or not layer.quantizable:
        return layer.weight_bits
    return min(plan.layer(layer.id).weight_bits or FLOAT_BITS, layer.weight_bits)


def zeros_of(layer: Layer, plan: Plan | None) -> float | None:
    """None where a threshold's share of zeros is known only after the weights were looked at."""
    if plan is None or not layer.prunable:
        return layer.sparsity
    own = plan.layer(layer.id)
    if own.threshold is not None and not fixes_share(own):
        return None
    return max(own.zeros, layer.sparsity)


def bytes_of(layer: Layer, plan: Plan | None) -> float:
    if plan is None or not plan.changes(layer.id) or not (layer.prunable or layer.quantizable):
        return float(layer.bytes)
    return float(layer_bytes(layer, plan.layer(layer.id)))


def values_of(
    layers: Sequence[Layer], plan: Plan | None, figure: Callable[[Layer, Plan | None], float | None]
) -> dict[str, float]:
    """The figure of each layer where it is known."""
    found = {layer.id: figure(layer, plan) for layer in layers}
    return {layer_id: float(value) for layer_id, value in found.items() if value is not None}
