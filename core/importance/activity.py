"""How often a channel is active: one less its share of zeros (APoZ). Source: Hu et al. 2016, eq. 1."""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import ChannelScores, Region, Score, ScoredLayer, Statistics, shared_out
from core.values import Described, text


class ActiveShare(Score):
    """Share of a channel's values that are not zero behind its activation; a channel's weights share it."""

    needs = "activity"

    def measured(self, statistics: Statistics) -> bool:
        return statistics.active is not None

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        assert scored.statistics.active is not None
        return ChannelScores(scored.statistics.active.astype(np.float32))

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        return shared_out(scored, region, channels)


SCORES.add(
    Described(
        name="zeros",
        label=text("Zero activations"),
        help=text(
            "How often each channel answers with something else than zero on your samples: channels that are "
            "nearly always off can go."
        ),
        unit=text("share of the values"),
    ),
    ActiveShare(),
)
