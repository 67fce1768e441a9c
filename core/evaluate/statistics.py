"""Intervals: how far a figure from a few samples may be from the figure on all of them. All at 95 %."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Z = 1.959963984540054
"""97.5 % quantile of the normal distribution: two-sided 95 %."""


def wilson(hits: float, count: int) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a share, both 0..1; (0, 1) for no samples.

    Source: Wilson 1927; unlike the normal interval it holds near 0 and 1, where accuracies lie.
    """
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    centre = share + Z * Z / (2 * count)
    spread = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    scale = 1 + Z * Z / count
    low = 0.0 if hits == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if hits == count else min(1.0, (centre + spread) / scale)
    return low, high


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Return (difference, low, high) of two shares measured on the same samples: first − second.

    `first` and `second` hold 0 or 1 per sample, shape (n,). Because both are right on mostly the same
    samples this is far narrower than two separate intervals. (0, −1, 1) for no samples.
    Source: Newcombe 1998, Statistics in Medicine 17:2635, method 10 (square-and-add of Wilson
    intervals with the correlation of the pairs, corrected for continuity).
    """
    count = len(first)
    if count == 0:
        return 0.0, -1.0, 1.0
    one, two = np.asarray(first) > 0.5, np.asarray(second) > 0.5
    both = int(np.sum(one & two))
    only_first = int(np.sum(one & ~two))
    only_second = int(np.sum(~one & two))
    neither = count - both - only_first - only_second
    share_one, share_two = (both + only_first) / count, (both + only_second) / count
    low_one, high_one = wilson(both + only_first, count)
    low_two, high_two = wilson(both + only_second, count)
    phi = _phi(both, only_first, only_second, neither)

    difference = share_one - share_two
    below = _square_and_add(share_one - low_one, high_two - share_two, phi)
    above = _square_and_add(high_one - share_one, share_two - low_two, phi)
    return difference, max(-1.0, difference - below), min(1.0, difference + above)


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of the pairs, corrected for continuity when positive; 0 if a margin is empty."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = float(both * neither - only_first * only_second)
    if product > 0:
        product = max(product - (both + only_first + only_second + neither) / 2, 0)
    return float(product / math.sqrt(margins))


def _square_and_add(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * two + two * two))


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Return the normal interval (low, high) of a mean; None below two samples. values: shape (n,)."""
    return influence_interval(float(np.mean(values)), values) if len(values) > 1 else None


def influence_interval(figure: float, influence: np.ndarray) -> tuple[float, float] | None:
    """Return the normal interval of a smooth function of means; None below two samples.

    `influence` holds, per sample, its linear effect on the figure (gradient times values, shape (n,)):
    the delta method, e.g. for RMSE e²/(2·RMSE).
    """
    count = len(influence)
    if count < 2:
        return None
    half = Z * float(np.std(influence, ddof=1)) / math.sqrt(count)
    return figure - half, figure + half


RESAMPLES = 100


def bootstrap(count: int, figure: Callable[[np.ndarray], float], seed: int = 0) -> tuple[float, float]:
    """Return the percentile interval (low, high) of a figure of `count` samples drawn anew.

    figure gets positions, int (count,). For what no formula covers. Source: Efron 1979.
    """
    if count < 2:
        value = figure(np.arange(count))
        return value, value
    rng = np.random.default_rng(seed)
    found = [figure(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def draws(count: int, times: int, seed: int = 0) -> np.ndarray:
    """How often each of `count` samples is among as many drawn with replacement, float64 (times, count).

    For figures that follow from sums over samples: one product gives them for all draws. Source: Efron 1979.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), times).astype(np.float64)
