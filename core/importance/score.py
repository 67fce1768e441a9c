"""What an importance score is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.values import Layer, Text


@dataclass(frozen=True)
class ScoredLayer:
    """A layer as the scores see it."""

    model: ir.Model
    layer: Layer
    node: ir.Node
    matrix: np.ndarray
    """(out, in·k) float32: a row is everything that feeds one output channel."""


@dataclass(frozen=True)
class ChannelScores:
    values: np.ndarray
    """(out,) float32, not negative."""
    note: Text | None = None
    """Set where something else had to stand in, with the reason."""


class Score(ABC):
    """Scores are not negative; larger is more important; comparable within a layer."""

    @abstractmethod
    def channels(self, scored: ScoredLayer) -> ChannelScores:
        """Return the importance of each output channel."""

    @abstractmethod
    def weights(self, rows: np.ndarray, channels: np.ndarray) -> np.ndarray:
        """Return the importance of each weight of some rows of the matrix, same shape, float32.

        `channels` holds the channel scores of these rows. Rows are independent, so that large weights
        can be scored in pieces that fit the cache.
        """
