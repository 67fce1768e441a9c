"""Match each channel's mean and spread with the original's on the same samples: W ← ρW, b ← b'.

Rounding and zeroing shrink or shift what a channel puts out; the scale of its weights and its bias can put
that right exactly. Every such correction is tried on held-out samples and kept only if the network's
answers come nearer to the original's (`core.methods.sequential`): alone it can also ruin a network.
"""

from __future__ import annotations

import numpy as np

from core.methods import METHODS
from core.methods.hessian import Quadratic
from core.values import Described, Parameter, text

SMALLEST_RATIO, LARGEST_RATIO = 0.25, 4.0


def spread_ratio(quadratic: Quadratic, matrices: np.ndarray) -> np.ndarray:
    """ρ = σ of the original's outputs / σ of these weights' outputs, within ¼..4, (channels,) float32.

    1 for a channel that puts out a constant on either side.
    """
    now = quadratic.output_std(matrices)
    then = quadratic.target_std
    alive = (now > 1e-6 * max(float(now.max(initial=0.0)), 1e-30)) & (then > 0)
    ratio = np.where(alive, then / np.where(alive, now, 1.0), 1.0)
    return np.clip(ratio, SMALLEST_RATIO, LARGEST_RATIO).astype(np.float32)


METHODS.add(
    Described(
        name="match_statistics",
        label=text("Match statistics"),
        help=text(
            "Gives each channel the mean and spread that it has in the original, where that brings the "
            "answers on held-out samples nearer to the original's. Needs data, no labels."
        ),
        parameters=(
            Parameter(
                name="on",
                label=text("Match statistics"),
                help=text("Tried after each layer; kept only if it helps."),
                kind="switch",
                default=True,
            ),
        ),
    ),
    spread_ratio,
)
