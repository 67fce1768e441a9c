"""Weight magnitude: |w| (L1) and w² (L2). Source: Han et al. 2015; Li et al. 2017 for channels."""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import ChannelScores, Region, Score, ScoredLayer, SummedScore
from core.values import Described, text


class Magnitude(Score):
    """|w|; of a channel the sum over its row."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        return ChannelScores(scored.magnitudes[:, 0])

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(scored.matrix[region]))


class SquaredMagnitude(SummedScore):
    """w²; of a channel the sum over its row (the squared L2 norm)."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        return ChannelScores(np.einsum("ij,ij->i", scored.matrix, scored.matrix))

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        return np.square(scored.matrix[region])


SCORES.add(
    Described(
        name="magnitude",
        label=text("Magnitude"),
        help=text("Absolute value of each weight; of a channel the sum."),
        unit=text("weight"),
    ),
    Magnitude(),
)
SCORES.add(
    Described(
        name="l2",
        label=text("Squared magnitude"),
        help=text("Square of each weight: large weights stand out more."),
        unit=text("weight²"),
    ),
    SquaredMagnitude(),
)
