"""What an importance score is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import onnx_ir as ir

from core.values import Layer, Text, text

Need = Literal["", "inputs", "curvature", "activity", "gradients"]
"""What of a layer has to be measured on samples: nothing, the power of its inputs, the second moments of
its inputs, how often its channels are zero, or gradients."""

Region = tuple[slice, slice]
"""Rows and columns of a layer's matrix."""

WHOLE: Region = (slice(None), slice(None))
_ROWS = 64


@dataclass(frozen=True)
class Statistics:
    """What samples say of one layer; None: not measured.

    A convolution of several groups reads other inputs in each: `power`, `diagonal` and `inverse` have a
    row for each group, (groups, in·k), float32.
    """

    power: np.ndarray | None = None
    """Mean square of what each weight of a row multiplies."""
    diagonal: np.ndarray | None = None
    """H_qq, of the mean square error of the outputs as a function of the weights."""
    inverse: np.ndarray | None = None
    """[H⁻¹]_qq, damped."""
    energy: np.ndarray | None = None
    """w·H·wᵀ of each output channel, (out,): what the outputs lose without it."""
    active: np.ndarray | None = None
    """Share of the values of each output channel that are not zero behind its activation, (out,)."""
    taylor: np.ndarray | None = None
    """Mean of (w·g)², (out, in·k)."""
    fisher: np.ndarray | None = None
    """w²·F/2, (out, in·k)."""
    fisher_per_taylor: float | None = None
    """Set where Fisher is so many times Taylor and is not held beside it."""
    samples: int = 0
    why_not: Text | None = None
    """Why what was asked for cannot be measured of this layer."""


@dataclass(frozen=True)
class ScoredLayer:
    """A layer as the scores see it."""

    model: ir.Model
    layer: Layer
    node: ir.Node
    matrix: np.ndarray
    """(out, in·k) float32: a row is everything that feeds one output channel."""
    statistics: Statistics = field(default_factory=Statistics)
    seed: int = 0
    """Of what is drawn at random."""

    @cached_property
    def magnitudes(self) -> np.ndarray:
        """Sum of |w| of each row, (out, 1)."""
        ones = np.ones((self.matrix.shape[1], 1), np.float32)
        rows = len(self.matrix)
        parts = [np.abs(self.matrix[i : i + _ROWS]) @ ones for i in range(0, rows, _ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


@dataclass(frozen=True)
class ChannelScores:
    values: np.ndarray
    """(out,) float32, not negative."""
    note: Text | None = None
    """Set where something else had to stand in, with the reason."""


class Score(ABC):
    """Scores are not negative; larger is more important; comparable within a layer."""

    needs: Need = ""
    of_network: bool = False
    """Whether its numbers are of the whole network's answers, so that layers can be added up."""

    def why_not(self, scored: ScoredLayer) -> Text | None:
        """Why there is no such score of this layer; None if there is."""
        if not self.needs or self.measured(scored.statistics):
            return None
        return scored.statistics.why_not or text("This score is measured on samples: choose data first.")

    def measured(self, statistics: Statistics) -> bool:
        """Whether what the score needs is there."""
        return True

    @abstractmethod
    def channels(self, scored: ScoredLayer) -> ChannelScores:
        """Return the importance of each output channel."""

    @abstractmethod
    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        """Return the importance of each weight of a region of the matrix, in its shape, float32.

        `channels` holds the channel scores of the region's rows. Regions are independent, so that large
        weights can be scored in pieces that fit the cache.
        """

    def unit(self, scored: ScoredLayer) -> float:
        """What scores are divided by before they are compared with other layers': 1 where they can be as
        they are."""
        return 1.0


class SummedScore(Score):
    """A score whose channels are the sums of their weights."""

    def channels(self, scored: ScoredLayer) -> ChannelScores:
        count, none = len(scored.matrix), np.zeros(0, np.float32)
        parts = [
            self.weights(scored, (slice(i, i + _ROWS), slice(None)), none).sum(axis=1, dtype=np.float32)
            for i in range(0, count, _ROWS)
        ]
        return ChannelScores(np.concatenate(parts) if parts else none)


def by_input(values: np.ndarray, scored: ScoredLayer, region: Region) -> np.ndarray:
    """Values of each group's inputs, (groups, in·k), for the rows of a region (or one row for all)."""
    rows, columns = region
    if len(values) == 1:
        return np.asarray(values[:, columns])
    count = len(scored.matrix)
    groups = np.arange(count)[rows] // (count // len(values))
    return np.asarray(values[groups][:, columns])


def shared_out(scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
    """Channel scores shared out to the channels' weights in proportion to their magnitudes."""
    rows, columns = region
    whole = scored.magnitudes[rows]
    share = np.abs(scored.matrix[rows, columns]) / np.maximum(whole, np.finfo(np.float32).tiny)
    return np.asarray(share * channels[:, None], dtype=np.float32)
