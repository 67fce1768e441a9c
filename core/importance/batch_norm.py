"""The scale of the batch normalisation behind a layer, channel by channel. Source: Liu et al. 2017."""

from __future__ import annotations

import numpy as np

from core.graph.batchnorm import SCALE
from core.importance import SCORES
from core.importance.score import ChannelScores, Region, Score, ScoredLayer, shared_out
from core.values import Described, Text, text


class BatchNormScale(Score):
    """|γ| of a channel, as it was before normalisations were folded; a channel's weights share it."""

    def why_not(self, scored: ScoredLayer) -> Text | None:
        scale = scored.node.meta.get(SCALE)
        if scale is not None and len(scale) == len(scored.matrix):
            return None
        return text(
            "The file has no batch normalisation behind this layer; most exporters merge it into the weights."
        )

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        return ChannelScores(np.abs(scored.node.meta[SCALE]).astype(np.float32))

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        return shared_out(scored, region, channels)


SCORES.add(
    Described(
        name="batch_norm",
        label=text("Batch-norm scale"),
        help=text(
            "The factor by which training itself scaled each channel: small factors mark channels that the "
            "network hardly uses."
        ),
        unit=text("scale of the channel"),
    ),
    BatchNormScale(),
)
