"""Outgoing weights of a neuron: how strongly the following layers use each output channel."""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.consumers import find_consumers
from core.importance.magnitude import Magnitude
from core.importance.score import ChannelScores, Region, Score, ScoredLayer
from core.values import Described, text


class OutgoingWeights(Score):
    """Of a channel: the sum of |weights| by which all following layers use it.

    Of a weight: |w| times that sum, the strength of the paths that lead through it. Where the
    following layers can't be determined the channel's own weights stand in, and a note says why.
    """

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        outgoing = find_consumers(scored.node, len(scored.matrix))
        if outgoing.sums is None:
            return ChannelScores(Magnitude().channels(scored).values, outgoing.why_not)
        return ChannelScores(outgoing.sums.astype(np.float32), outgoing.why_not)

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        return np.abs(scored.matrix[region]) * channels[:, None]


SCORES.add(
    Described(
        name="neuron",
        label=text("Outgoing weights"),
        help=text("How strongly the following layers use each neuron: the sum of the weights that it feeds."),
        unit=text("weight × sum of the next layers' weights"),
    ),
    OutgoingWeights(),
)
