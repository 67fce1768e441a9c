"""How far each channel's values reach, and where a grid ends: reduced for a picture."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from core import blocks
from core.values import QUANTILES, Array, ChannelRanges

GROUPS = 256
"""Channels side by side at most; more are shown in groups."""
LOOKED_AT = 1 << 18
"""Values that the inner quantiles come from, at most about."""
_FEWEST = 32
"""Of a channel."""


@dataclass(frozen=True)
class Limits:
    """Ends of the channels' grids, (channels,) float32 each; NaN where they are not known."""

    low: np.ndarray
    high: np.ndarray
    clipped: np.ndarray
    """Share of a channel's values beyond them by more than half a step."""


def channel_ranges(matrix: np.ndarray) -> ChannelRanges | None:
    """The ranges of the rows of a matrix (channels, values); None for an empty one.

    Ends are of all values, quantiles of evenly spaced ones where there are many. What is not finite is left
    out; a row of nothing else is zero.
    """
    channels, columns = matrix.shape
    if not channels or not columns:
        return None
    starts = blocks.edges(channels, GROUPS)
    lowest, highest = _ends(matrix)
    step = max(1, columns // max(_FEWEST, LOOKED_AT // channels))
    part = np.array(matrix[:, ::step], np.float32)
    part[~np.isfinite(part)] = np.nan
    quantiles = np.empty((len(starts), len(QUANTILES)), np.float32)
    quantiles[:, 0] = np.minimum.reduceat(lowest, starts)
    quantiles[:, -1] = np.maximum.reduceat(highest, starts)
    quantiles[:, 1:-1] = _inner(part, starts)
    # a part may miss the ends, never lie beyond them
    np.clip(quantiles, quantiles[:, :1], quantiles[:, -1:], out=quantiles)
    return ChannelRanges(quantiles=Array.of(quantiles), channels=channels)


def ranges_of(quantiles: np.ndarray) -> ChannelRanges:
    """The same from quantiles (channels, 7) that are known: groups reach as far as their channels."""
    starts = blocks.edges(len(quantiles), GROUPS)
    grouped = np.empty((len(starts), quantiles.shape[1]), np.float32)
    grouped[:, 0] = np.minimum.reduceat(quantiles[:, 0], starts)
    grouped[:, -1] = np.maximum.reduceat(quantiles[:, -1], starts)
    for column in range(1, quantiles.shape[1] - 1):
        grouped[:, column] = blocks.means(quantiles[:, column], starts)
    return ChannelRanges(quantiles=Array.of(grouped), channels=len(quantiles))


def limited(ranges: ChannelRanges, limits: Limits) -> ChannelRanges:
    """The ranges with the ends of the grids: of a group the widest, and the most that is cut off."""
    starts = blocks.edges(ranges.channels, GROUPS)
    return msgspec.structs.replace(
        ranges,
        low=Array.of(np.fmin.reduceat(limits.low, starts).astype(np.float32)),
        high=Array.of(np.fmax.reduceat(limits.high, starts).astype(np.float32)),
        clipped=Array.of(np.fmax.reduceat(limits.clipped, starts).astype(np.float32)),
    )


def _ends(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lowest, highest = matrix.min(axis=1), matrix.max(axis=1)
    if np.isfinite(lowest).all() and np.isfinite(highest).all():
        return lowest, highest
    finite = np.isfinite(matrix)
    lowest = np.where(finite, matrix, np.inf).min(axis=1)
    highest = np.where(finite, matrix, -np.inf).max(axis=1)
    none = ~finite.any(axis=1)
    return np.where(none, 0.0, lowest), np.where(none, 0.0, highest)


def _inner(part: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The quantiles between the ends of each group's values, (groups, 5)."""
    channels = len(part)
    found = np.zeros((len(starts), len(QUANTILES) - 2), np.float32)
    widths = blocks.sizes(starts, channels)
    for width in np.unique(widths):
        at = np.flatnonzero(widths == width)
        rows = (starts[at][:, None] + np.arange(width)).reshape(-1)
        pooled = np.sort(part[rows].reshape(len(at), -1), axis=1)  # NaN last
        counts = np.maximum(np.count_nonzero(~np.isnan(pooled), axis=1), 1)
        for place, share in enumerate(QUANTILES[1:-1]):
            nearest = np.rint(share * (counts - 1)).astype(np.int64)
            found[at, place] = pooled[np.arange(len(at)), nearest]
    return np.nan_to_num(found)
