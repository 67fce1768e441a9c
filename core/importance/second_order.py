"""Second-order scores: by how much a layer's outputs change if a weight goes.

The mean square error of a layer's outputs is the quadratic form Δw·H·Δwᵀ with H the second moments of its
inputs (of their deviations from the mean where a bias makes good the mean). Optimal Brain Damage (LeCun et
al. 1990) takes weights one by one: w²·H_qq. Optimal Brain Surgeon (Hassibi & Stork 1993) lets the other
weights of the row make up for it: w²/[H⁻¹]_qq, never more than the former. In the papers' notation H is
twice ours, which gives their factors of one half.
"""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import ChannelScores, Region, ScoredLayer, Statistics, SummedScore, by_input
from core.values import Described, text


class _SecondOrder(SummedScore):
    needs = "curvature"

    def measured(self, statistics: Statistics) -> bool:
        return statistics.inverse is not None

    def unit(self, scored: ScoredLayer) -> float:
        """The layer's whole output variance: scores become shares of it."""
        assert scored.statistics.energy is not None
        return float(scored.statistics.energy.sum(dtype=np.float64)) or 1.0


class OptimalBrainDamage(_SecondOrder):
    """w²·H_qq; of a channel the sum over its row."""

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        assert scored.statistics.diagonal is not None
        curvature = by_input(scored.statistics.diagonal, scored, region)
        return np.asarray(np.square(scored.matrix[region]) * curvature, dtype=np.float32)


class OptimalBrainSurgeon(_SecondOrder):
    """w²/[H⁻¹]_qq; of a channel w·H·wᵀ, for a whole row leaves nothing that could make up for it."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        assert scored.statistics.energy is not None
        return ChannelScores(scored.statistics.energy.astype(np.float32))

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        assert scored.statistics.inverse is not None
        inverse = np.maximum(by_input(scored.statistics.inverse, scored, region), np.finfo(np.float32).tiny)
        return np.asarray(np.square(scored.matrix[region]) / inverse, dtype=np.float32)


SCORES.add(
    Described(
        name="obd",
        label=text("Optimal Brain Damage"),
        help=text(
            "How much the layer's outputs change on your samples if this weight alone goes and nothing else "
            "is adjusted."
        ),
        unit=text("mean square of the outputs"),
    ),
    OptimalBrainDamage(),
)
SCORES.add(
    Described(
        name="obs",
        label=text("Optimal Brain Surgeon"),
        help=text(
            "How much the layer's outputs change on your samples if this weight goes and the others of its "
            "channel make up for it: the one to take with compensation."
        ),
        unit=text("mean square of the outputs"),
    ),
    OptimalBrainSurgeon(),
)
