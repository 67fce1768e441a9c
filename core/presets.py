"""Ways to compress that have a name, for people who would rather choose a purpose than settings."""

from __future__ import annotations

from core.steps import BITS, STEPS
from core.values import LayerPlan, Preset, text

_OTHERS = [name for name in STEPS if name != "finetune"]
_AT = _OTHERS.index(BITS) + 1
_TRAINED_LAST = (*_OTHERS[:_AT], "finetune", *_OTHERS[_AT:])
"""The usual order, but trained on the grids."""

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="quick",
        label=text("Quick"),
        help=text("8 bits everywhere: a quarter of the size and faster, within seconds."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8),
    ),
    Preset(
        name="balanced",
        label=text("Balanced"),
        help=text(
            "4-bit weights, the layers that need it at 8, corrected on samples: about a seventh of the size, "
            "as fast as 8 bits."
        ),
        defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8),
        methods={"allocate": {"on": True}},
    ),
    Preset(
        name="smallest",
        label=text("Smallest"),
        help=text("Half of the weights zero and the rest in 4 bits, corrected on samples: best when zipped."),
        defaults=LayerPlan(sparsity=0.5, weight_bits=4, activation_bits=8),
        methods={"allocate": {"on": True}},
    ),
    Preset(
        name="accurate",
        label=text("Most accurate"),
        help=text(
            "Balanced, then five minutes of training on the 4-bit grid: towards the original's answers, and "
            "towards labels where there are any."
        ),
        defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8),
        methods={"allocate": {"on": True}, "finetune": {"seconds": 300.0}},
        order=_TRAINED_LAST,
    ),
    Preset(
        name="fastest",
        label=text("Fastest here"),
        help=text(
            "Removes half of the work in whole channels, repairs what is left, then 8 bits everywhere."
        ),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8),
        methods={"prune_channels": {"macs": 50.0}},
    ),
    Preset(
        name="accelerator",
        label=text("8-bit accelerator"),
        help=text("8 bits with one scale for each tensor, as simple chips want it, biases corrected."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8, granularity="tensor"),
        methods={"correct_bias": {"on": True}, "quantize_activations": {"float_ends": False}},
    ),
    Preset(
        name="weights",
        label=text("Weights only"),
        help=text(
            "8-bit weights, float arithmetic: needs no samples, loses next to nothing, saves space only."
        ),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=32),
    ),
)
