"""Which settings of a layer make sense at all, whatever the layer is."""

from __future__ import annotations

from core.errors import PlanError
from core.values import FLOAT_BITS, HALF_BITS, Layer, LayerPlan, text
from core.values.plan import BLOCK_SIZES, CLUSTERS, GRANULARITIES, parse_pattern

WEIGHT_BITS = (2, 3, 4, 5, 6, 7, 8, HALF_BITS, FLOAT_BITS)
ACTIVATION_BITS = (8, 16, FLOAT_BITS)


def check(layer: Layer, settings: LayerPlan) -> None:
    """Raise PlanError, naming the layer, for values that no layer can have."""
    name = layer.label
    fewest, most = CLUSTERS
    if settings.clusters and not fewest <= settings.clusters <= most:
        raise PlanError(
            text(
                "Layer '{layer}': {count} shared values are not supported.",
                layer=name,
                count=settings.clusters,
            ),
            next_step=text("Choose {least} to {most} shared values, or none.", least=fewest, most=most),
        )
    if settings.weight_bits not in WEIGHT_BITS:
        raise PlanError(
            text(
                "Layer '{layer}': {bits} bits is not supported.", layer=name, bits=settings.weight_bits or 0
            ),
            next_step=text("Choose 2 to 8 bits for the weights, or 16 or 32."),
        )
    if settings.activation_bits not in ACTIVATION_BITS:
        raise PlanError(
            text(
                "Layer '{layer}': activations of {bits} bits are not supported.",
                layer=name,
                bits=settings.activation_bits or 0,
            ),
            next_step=text("Choose 8, 16 or 32 bits for the activations."),
        )
    if not 0.0 <= (settings.sparsity or 0.0) <= 1.0:
        raise PlanError(
            text(
                "Layer '{layer}': a sparsity of {sparsity} is not possible.",
                layer=name,
                sparsity=settings.sparsity or 0.0,
            ),
            next_step=text("Choose a share of zeros from 0 to 1."),
        )
    if settings.threshold is not None and not settings.threshold >= 0.0:
        raise PlanError(
            text("Layer '{layer}': the pruning threshold must not be negative.", layer=name),
            next_step=text("Choose a magnitude of 0 or more."),
        )
    try:
        parse_pattern(settings.pattern)
        known = settings.granularity in GRANULARITIES
    except ValueError:
        known = False
    if not known:
        raise PlanError(
            text("Layer '{layer}': this pattern or granularity is not known.", layer=name),
            next_step=text(
                "Choose the pattern 'unstructured' or one like '2:4', the granularity 'tensor', 'channel' or "
                "'block'."
            ),
        )
    smallest, largest = BLOCK_SIZES
    if settings.granularity == "block" and not smallest <= (settings.block_size or 0) <= largest:
        raise PlanError(
            text(
                "Layer '{layer}': blocks of {size} weights are not supported.",
                layer=name,
                size=settings.block_size or 0,
            ),
            next_step=text("Choose {least} to {most} weights.", least=smallest, most=largest),
        )
