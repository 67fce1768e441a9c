"""Histograms, and the ranges taken from them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.methods._histogram import HALF_BINS, Histogram
from core.methods._ranges import divergences, least_entropy, least_error, min_max, percentile_range
from core.methods.quantize_activations import Range


def histogram(*parts: list[float] | np.ndarray) -> Histogram:
    filled = Histogram()
    for part in parts:
        filled.add(np.asarray(part, np.float32))
    return filled


def test_the_reach_doubles_and_counts_stay() -> None:
    filled = histogram([1.0, -0.5], [3.0])
    assert filled.reach == 4.0
    assert filled.counts.sum() == 3
    # 1.0 lies in the bin that begins at a quarter of the reach, or in the one before
    quarter = HALF_BINS + HALF_BINS // 4
    assert filled.counts[quarter - 1 : quarter + 1].sum() == 1


def test_counting_in_parts_equals_counting_at_once() -> None:
    values = np.random.default_rng(0).standard_normal(5000)
    values[0] = 8.0
    whole, parts = histogram(values), histogram(*np.split(values, 5))
    assert parts.reach == whole.reach
    assert np.abs(parts.counts - whole.counts).sum() == 0


def test_min_max_holds_zero() -> None:
    found = min_max(histogram([2.0, 5.0]))
    assert (found.low, found.high) == (0.0, 5.0)


def test_the_percentile_leaves_the_tail_out() -> None:
    values = np.linspace(0, 1, 10_000)
    values[-1] = 100.0
    found = percentile_range(histogram(values), 99.9)
    assert found.high == pytest.approx(1.0, abs=0.1)


def test_the_least_error_keeps_a_uniform_range_and_cuts_an_outlier() -> None:
    uniform = np.linspace(0.01, 1, 5000)
    assert least_error(histogram(uniform)).high == pytest.approx(1.0, rel=0.03)
    outlier = np.concatenate([np.tile(uniform, 100), [2.0]])
    assert least_error(histogram(outlier)).high < 1.7


def test_zeros_are_no_rounding_errors() -> None:
    values = np.concatenate([np.zeros(100_000), np.linspace(0.01, 1, 100), [3.0]])
    assert least_error(histogram(values)).high == pytest.approx(3.0, rel=0.05)


def test_extremes_of_the_whole_tensor_count_beside_a_sample() -> None:
    filled = Histogram()
    filled.add(np.asarray([0.5, 1.0], np.float32), low=-2.0, high=8.0)
    assert (filled.low, filled.high, filled.reach) == (-2.0, 8.0, 8.0)
    filled.add(np.asarray([0.5, np.nan], np.float32), low=float("-inf"), high=float("nan"))
    assert (filled.low, filled.high) == (-2.0, 8.0) and filled.counts.sum() == 3


def test_uint8_by_hand() -> None:
    scale, zero_point = Range(-1.0, 1.55).grid()
    assert scale == pytest.approx(0.01) and zero_point == 100
    assert Range(0.0, 0.0).grid() == (1.0, 0)


def test_uint16_by_hand() -> None:
    scale, zero_point = Range(-1.0, 5.5535).grid(16)
    assert scale == pytest.approx(1e-4) and zero_point == 10_000 and zero_point.dtype == np.uint16


SLIDE = np.asarray([1, 0, 2, 3, 5, 3, 1, 7], float)
"""The example of Migacz 2017: merged to two levels [6, 16], spread again [2, 0, 2, 2, 4, 4, 4, 4]."""


def test_the_divergence_of_the_published_example() -> None:
    p, q = SLIDE[SLIDE > 0] / 22, np.asarray([2, 2, 2, 4, 4, 4, 4]) / 22
    by_hand = float((p * np.log(p / q)).sum())
    found = divergences(SLIDE, np.asarray([0]), np.asarray([8]), 2)
    assert found[0] == pytest.approx(by_hand) and 0.1 < by_hand < 0.2


def test_what_is_cut_off_counts_in_the_end_bins() -> None:
    # the window [2, 3, 5]: P is [1 + 0 + 2, 3, 5 + 3 + 1 + 7], Q the levels [2 + 3, 5] spread evenly
    p, q = np.asarray([3, 3, 16]) / 22, np.asarray([2.5, 2.5, 5]) / 10
    found = divergences(SLIDE, np.asarray([2]), np.asarray([5]), 2)
    assert found[0] == pytest.approx(float((p * np.log(p / q)).sum()))


def test_an_end_bin_without_counts_that_takes_what_is_cut_off_shares_its_level() -> None:
    counts = np.asarray([4, 4, 0, 8], float)
    # the window [4, 4, 0]: P is [4, 4, 8]; Q's levels [4 + 4, 0] have a trace of the last
    p, q = np.asarray([4, 4, 8]) / 16, np.asarray([4, 4, 1e-4]) / 8
    found = divergences(counts, np.asarray([0]), np.asarray([3]), 2)
    assert found[0] == pytest.approx(float((p * np.log(p / q)).sum()))
    # one level: all three bins share its eight
    p, q = np.asarray([4, 4, 8]) / 16, np.asarray([8, 8, 8]) / 24
    found = divergences(counts, np.asarray([0]), np.asarray([3]), 1)
    assert found[0] == pytest.approx(float((p * np.log(p / q)).sum()))


def test_no_divergence_where_each_bin_has_a_level() -> None:
    assert divergences(SLIDE, np.asarray([0]), np.asarray([8]), 8)[0] == pytest.approx(0.0, abs=1e-12)


def test_many_windows_at_once_are_each_what_it_is_alone() -> None:
    counts = np.random.default_rng(0).integers(0, 9, 300).astype(float)
    starts, ends = np.asarray([0, 10, 40]), np.asarray([300, 280, 60])
    together = divergences(counts, starts, ends, 16)
    alone = [divergences(counts, starts[i : i + 1], ends[i : i + 1], 16)[0] for i in range(3)]
    assert together == pytest.approx(alone)
    assert together == pytest.approx(
        [_plainly(counts, *window, 16) for window in zip(starts, ends, strict=True)]
    )


def _plainly(counts: np.ndarray, start: int, end: int, levels: int) -> float:
    """The same bin by bin, as the paper tells it."""
    inside = counts[start:end]
    p = inside.copy()
    p[0] += counts[:start].sum()
    p[-1] += counts[end:].sum()
    levels = min(levels, len(inside))
    edges = [-(-level * len(inside) // levels) for level in range(levels + 1)]
    q = np.zeros(len(inside))
    for left, right in itertools.pairwise(edges):
        filled = p[left:right] > 0
        q[left:right][filled] = max(1e-4, inside[left:right].sum() / max(1, filled.sum()))
    used = p > 0
    p, q = p[used] / p.sum(), q[used] / inside.sum()
    return float((p * np.log(p / q)).sum())


def test_the_entropy_keeps_an_even_spread_and_cuts_a_lonely_outlier() -> None:
    rng = np.random.default_rng(0)
    even = rng.uniform(0, 1, 200_000)
    assert least_entropy(histogram(even)).high == pytest.approx(1.0, rel=0.03)
    long = np.concatenate([np.abs(rng.standard_normal(200_000)), [30.0]])
    found = least_entropy(histogram(long))
    assert found.low == 0.0 and 3.0 < found.high < 15.0


def test_the_entropy_of_both_sides() -> None:
    rng = np.random.default_rng(0)
    found = least_entropy(histogram(np.concatenate([rng.standard_normal(200_000), [-40.0, 20.0]])))
    assert -20.0 < found.low < -2.5 and 2.5 < found.high < 15.0


def test_with_a_number_for_each_bin_nothing_is_cut() -> None:
    values = np.concatenate([np.random.default_rng(0).standard_normal(10_000), [30.0]])
    found = least_entropy(histogram(values), steps=65_535)
    assert found.high == pytest.approx(30.0)
