"""Activation-weighted magnitude: a weight counts as much as what it lets through.

|w|·‖x‖ with x the inputs that the weight meets on samples. Source: Sun et al. 2024 (Wanda), eq. 1; here ‖x‖
is the root of the mean square instead of the sum's, so that it does not grow with the number of samples.
"""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import Region, ScoredLayer, Statistics, SummedScore, by_input
from core.values import Described, text


class ActivationWeighted(SummedScore):
    needs = "inputs"

    def measured(self, statistics: Statistics) -> bool:
        return statistics.power is not None

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        assert scored.statistics.power is not None
        reach = np.sqrt(by_input(scored.statistics.power, scored, region))
        return np.asarray(np.abs(scored.matrix[region]) * reach, dtype=np.float32)

    def unit(self, scored: ScoredLayer) -> float:
        """The outputs' root mean square, inputs taken as unrelated: layers of large numbers count no more."""
        assert scored.statistics.power is not None
        power = by_input(scored.statistics.power, scored, (slice(None), slice(None)))
        total = float((np.square(scored.matrix, dtype=np.float64) * power).sum())
        return float(np.sqrt(total)) or 1.0


SCORES.add(
    Described(
        name="activation",
        label=text("Weight × activation"),
        help=text(
            "Size of each weight times the size of what it multiplies on your samples: a weight whose input "
            "is always small matters little."
        ),
        unit=text("weight × typical size of its input"),
    ),
    ActivationWeighted(),
)
