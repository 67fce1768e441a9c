"""Random scores: the control that every other score has to beat."""

from __future__ import annotations

import zlib

import numpy as np

from core.importance import SCORES
from core.importance.score import ChannelScores, Region, Score, ScoredLayer
from core.values import Described, text


class Random(Score):
    """Evenly distributed over 0..1, the same for the same layer and seed, whatever part is asked for."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        places = np.arange(len(scored.matrix), dtype=np.uint64)
        return ChannelScores(_even(places, _start(scored, "channels")))

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        rows, columns = scored.matrix.shape
        down = np.arange(rows, dtype=np.uint64)[region[0], None] * np.uint64(columns)
        return _even(down + np.arange(columns, dtype=np.uint64)[None, region[1]], _start(scored, "weights"))


def _start(scored: ScoredLayer, what: str) -> np.uint64:
    return np.uint64(zlib.crc32(f"{scored.layer.id} {what} {scored.seed}".encode()) + (scored.seed << 32))


def _even(places: np.ndarray, start: np.uint64) -> np.ndarray:
    """The splitmix64 generator at these places of its sequence (Steele et al. 2014), as float32 in 0..1."""
    with np.errstate(over="ignore"):
        state = (places + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + start * np.uint64(
            0xD1342543DE82EF95
        )
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return np.asarray((state >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24))


SCORES.add(
    Described(
        name="random",
        label=text("Random"),
        help=text("No measure at all: the control that shows what a score is worth."),
        unit=text("nothing"),
    ),
    Random(),
)
