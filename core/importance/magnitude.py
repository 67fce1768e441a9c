"""Weight magnitude: |w| (L1) and w² (L2). Source: Han et al. 2015; Li et al. 2017 for channels."""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import ChannelScores, Score, ScoredLayer
from core.values import Described, text

_ROWS = 64


class Magnitude(Score):
    """|w|; of a channel the sum over its row."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        rows = scored.matrix
        ones = np.ones(rows.shape[1], dtype=np.float32)
        parts = [np.abs(rows[i : i + _ROWS]) @ ones for i in range(0, len(rows), _ROWS)]
        return ChannelScores(np.concatenate(parts) if parts else np.zeros(0, np.float32))

    def weights(self, rows: np.ndarray, channels: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(rows))


class SquaredMagnitude(Score):
    """w²; of a channel the sum over its row (the squared L2 norm)."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        return ChannelScores(np.einsum("ij,ij->i", scored.matrix, scored.matrix))

    def weights(self, rows: np.ndarray, channels: np.ndarray) -> np.ndarray:
        return np.square(rows)


SCORES.add(
    Described(
        name="magnitude",
        label=text("Magnitude"),
        help=text("Absolute value of each weight; of a channel the sum of its weights."),
    ),
    Magnitude(),
)
SCORES.add(
    Described(
        name="l2",
        label=text("Squared magnitude"),
        help=text("Square of each weight: large weights stand out more."),
    ),
    SquaredMagnitude(),
)
