"""Which part of the values seen the integers shall reach: ways to choose it from a histogram.

Pure functions; `RANGES` names them. Each takes the histogram, a percentile and the number of steps between
the smallest and the largest integer (255 for 8 bits).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.methods._histogram import HALF_BINS, Histogram
from core.methods.quantize_activations import Range

_SEARCH_STEPS = 40
_SMALLEST_CLIP = 0.3
_CANDIDATES = 256
"""Ends of the range that the entropy is worked out for, on each side."""
_NARROWEST = 1 / 16
"""Share of the bins on one side that it keeps at least, as in the source."""
_TRACE = 1e-4
"""Count that Q has at least where P has any: a divergence would be infinite for one lonely value."""


def min_max(histogram: Histogram, percentile: float = 100.0, steps: int = 255) -> Range:
    """From the smallest to the largest value seen."""
    return Range(min(0.0, histogram.low), max(0.0, histogram.high))


def percentile_range(histogram: Histogram, percentile: float = 99.99, steps: int = 255) -> Range:
    """Leave (100 - percentile) % of all values outside on each side."""
    total = histogram.counts.sum() + histogram.zeros
    tail = total * (100.0 - percentile) / 100.0
    edges = np.linspace(-histogram.reach, histogram.reach, 2 * HALF_BINS + 1)
    above = np.cumsum(histogram.counts[::-1])[::-1]
    below = np.cumsum(histogram.counts)
    high = float(edges[np.flatnonzero(above > tail)[-1] + 1]) if (above > tail).any() else 0.0
    low = float(edges[np.flatnonzero(below > tail)[0]]) if (below > tail).any() else 0.0
    return Range(max(min(low, 0.0), min(0.0, histogram.low)), min(max(high, 0.0), max(0.0, histogram.high)))


def least_error(histogram: Histogram, percentile: float = 100.0, steps: int = 255) -> Range:
    """The range of least expected squared error: clipping outside, rounding (s²/12) inside."""
    best = min_max(histogram)
    centres = histogram.centres()
    shares = [float(share) for share in np.linspace(1.0, _SMALLEST_CLIP, _SEARCH_STEPS)]
    candidates = [Range(best.low, best.high * share) for share in shares]
    best = min(candidates, key=lambda item: _expected_error(histogram.counts, centres, item, steps))
    candidates = [Range(best.low * share, best.high) for share in shares]
    return min(candidates, key=lambda item: _expected_error(histogram.counts, centres, item, steps))


def _expected_error(counts: np.ndarray, centres: np.ndarray, candidate: Range, steps: int) -> float:
    outside = np.maximum(centres - candidate.high, 0.0) + np.maximum(candidate.low - centres, 0.0)
    step = (candidate.high - candidate.low) / steps
    inside = counts[outside == 0.0].sum()
    return float((counts * outside**2).sum() + inside * step**2 / 12.0)


def least_entropy(histogram: Histogram, percentile: float = 100.0, steps: int = 255) -> Range:
    """The range whose rounded values are distributed most like the values themselves.

    Kullback-Leibler divergence, as TensorRT calibrates (Migacz 2017, "8-bit Inference with TensorRT"), for
    a grid with a zero point: first the upper end is chosen, the lower one standing, then the lower.
    """
    counts = histogram.counts
    best = min_max(histogram)
    filled = np.flatnonzero(counts)
    if not filled.size:
        return best
    start, end = min(int(filled[0]), HALF_BINS), max(int(filled[-1]) + 1, HALF_BINS)
    if end - start <= steps + 1:
        return best  # each bin has an integer of its own: nothing is gained by cutting
    ends = _ends(end - HALF_BINS) + HALF_BINS
    high = int(ends[np.argmin(divergences(counts, np.full_like(ends, start), ends, steps + 1))])
    starts = HALF_BINS - _ends(HALF_BINS - start)
    low = int(starts[np.argmin(divergences(counts, starts, np.full_like(starts, high), steps + 1))])
    width = histogram.reach / HALF_BINS
    return Range(
        best.low if low == start else max(best.low, (low - HALF_BINS) * width),
        best.high if high == end else min(best.high, (high - HALF_BINS) * width),
    )


def _ends(bins: int) -> np.ndarray:
    """How many of the bins on one side to keep, most first, so that the wider of two equal ranges wins."""
    least = round(bins * _NARROWEST)
    return np.unique(np.linspace(bins, least, _CANDIDATES).astype(np.int64))[::-1]


def divergences(counts: np.ndarray, starts: np.ndarray, ends: np.ndarray, levels: int) -> np.ndarray:
    """KL(P ‖ Q) in nats for the windows of bins [start, end), one for each pair; two bins at least.

    P: the counts in the window, those outside added to its first and last bin. Q: the counts in the window
    merged into `levels` neighbours each, and each level's count spread evenly over those of its bins that P
    fills, `_TRACE` at least. All from running sums: a window costs as much as it has levels.
    """
    size = (ends - starts)[:, None]
    parts = np.minimum(levels, size)
    steps = np.minimum(np.arange(int(parts.max()) + 1)[None, :], parts)
    edges = starts[:, None] - (-steps * size) // parts
    sums = np.append(0.0, np.cumsum(counts))
    left, right = sums[starts], sums[-1] - sums[ends]
    first, last = counts[starts], counts[ends - 1]
    level_counts = np.diff(sums[edges], axis=1)
    level_filled = np.diff(np.append(0, np.cumsum(counts > 0))[edges], axis=1)
    top = (np.arange(len(ends)), parts[:, 0] - 1)
    level_filled[:, 0] += (left > 0) & (first == 0)
    level_filled[top] += (right > 0) & (last == 0)
    with np.errstate(divide="ignore"):
        log_q = np.log(np.maximum(level_counts / np.maximum(level_filled, 1), _TRACE))
        cross = (level_counts * log_q).sum(axis=1) + left * log_q[:, 0] + right * log_q[top]
        logs = np.append(0.0, np.cumsum(_entropy_term(counts)))
        own = logs[ends] - logs[starts] - _entropy_term(first) - _entropy_term(last)
        own += _entropy_term(first + left) + _entropy_term(last + right)
        kept = sums[ends] - sums[starts]
        return np.asarray((own - cross) / sums[-1] + np.log(kept / sums[-1]))


def _entropy_term(counts: np.ndarray) -> np.ndarray:
    """c · ln c, 0 for none."""
    return counts * np.log(np.where(counts > 0, counts, 1.0))


RANGES: dict[str, Callable[[Histogram, float, int], Range]] = {
    "min-max": min_max,
    "percentile": percentile_range,
    "error": least_error,
    "entropy": least_entropy,
}
