"""Ways to compress that have a name, for people who would rather choose a purpose than settings."""

from __future__ import annotations

from core.values import LayerPlan, Preset, text

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="quick",
        label=text("Quick"),
        help=text("8 bits everywhere: a quarter of the size and faster, within seconds."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8),
    ),
    Preset(
        name="download",
        label=text("Small download"),
        help=text("4-bit weights, 8-bit arithmetic: an eighth of the size at the speed of 8 bits."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8),
    ),
    Preset(
        name="weights",
        label=text("Weights only"),
        help=text("8-bit weights, float arithmetic: needs no samples, loses next to nothing, saves space only."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=32),
    ),
)
