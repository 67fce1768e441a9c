"""Intervals against scipy, by hand, and by how often they hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.evaluate.statistics import influence_interval, mean_interval, paired_difference, wilson


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (1, 10), (85, 100), (4287, 5000), (7, 7)])
def test_wilson_agrees_with_scipy(hits: int, count: int) -> None:
    expected = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_everything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_difference_counts_only_samples_that_changed() -> None:
    first = np.array([1] * 90 + [0] * 10, float)
    second = first.copy()
    second[:5] = 0  # five lost
    second[95:97] = 1  # two won
    difference, low, high = paired_difference(first, second)
    assert difference == pytest.approx(0.03)
    assert low < 0.03 < high
    # unpaired, ±8.6 points; the pairs share nearly all their samples
    assert high - low < 0.13


def test_swapping_the_two_turns_the_interval_round() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(200) < 0.9, rng.random(200) < 0.8
    difference, low, high = paired_difference(first, second)
    assert paired_difference(second, first) == pytest.approx((-difference, -high, -low))


def test_equal_answers_leave_no_more_doubt_than_the_sample_size_does() -> None:
    right = np.array([1] * 425 + [0] * 75, float)
    difference, low, high = paired_difference(right, right)
    assert difference == 0 and low == pytest.approx(-high)
    assert high < 0.01  # three in 500 is 0.6 points


def test_the_paired_interval_by_hand_where_the_pairs_do_not_correlate() -> None:
    # all of the first are right: no correlation, so both Wilson intervals add in squares
    first, second = np.ones(10), np.array([1.0] * 8 + [0.0] * 2)
    low_two, high_two = wilson(8, 10)
    low_one, _ = wilson(10, 10)
    difference, low, high = paired_difference(first, second)
    assert difference == pytest.approx(0.2)
    assert low == pytest.approx(0.2 - np.hypot(1 - low_one, high_two - 0.8))
    assert high == pytest.approx(0.2 + (0.8 - low_two))


def test_the_paired_interval_holds_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        draw = rng.random(300)
        # both right 84 %, lost 4 %, won 2 %: a loss of 2 points
        first = draw < 0.88
        second = (draw < 0.84) | (draw > 0.98)
        _, low, high = paired_difference(first, second)
        held += low <= 0.02 <= high
    assert 935 <= held <= 990


def test_the_interval_of_a_mean_is_the_normal_one() -> None:
    values = np.random.default_rng(2).exponential(size=500)
    expected = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected)
    assert mean_interval(values[:1]) is None


def test_the_delta_method_agrees_with_a_bootstrap_of_the_rmse() -> None:
    rng = np.random.default_rng(3)
    squared = rng.standard_normal(400) ** 2
    rmse = float(np.sqrt(squared.mean()))
    result = stats.bootstrap(
        (squared,), lambda x, axis: np.sqrt(x.mean(axis=axis)), method="percentile", rng=rng
    )
    interval = influence_interval(rmse, squared / (2 * rmse))
    assert interval == pytest.approx(tuple(result.confidence_interval), abs=0.01)
