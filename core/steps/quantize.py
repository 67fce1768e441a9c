"""Step: the layers take their bits one after the other, each correcting what was lost (`core.compress`)."""

from __future__ import annotations

from core.steps import BITS, WholeStep, register
from core.values import StepInfo, text

register(
    WholeStep(
        StepInfo(
            name=BITS,
            label=text("Fewer bits"),
            help=text("Layer by layer weights and activations take their bits and are corrected."),
            place=70,
            methods=("quantize_weights", "calibrate", "compensate", "match_statistics", "allocate"),
            asked_by_layers="bits",
        ),
        None,
    )
)
