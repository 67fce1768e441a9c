"""k-means on the line: against what can be worked out by hand and by trying everything."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.methods.cluster_weights import nearest, shared_values


def error(values: np.ndarray, codes: np.ndarray, importance: np.ndarray | None = None) -> float:
    counts = np.ones_like(values) if importance is None else importance
    return float((counts * (values - codes[nearest(values, codes)]) ** 2).sum())


def best_of_all(values: np.ndarray, clusters: int, importance: np.ndarray) -> float:
    """The least error over every way to cut the sorted values into so many pieces."""
    order = np.argsort(values)
    values, importance = values[order], importance[order]
    least = np.inf
    for cuts in itertools.combinations(range(1, len(values)), clusters - 1):
        total = 0.0
        for start, end in itertools.pairwise((0, *cuts, len(values))):
            part, count = values[start:end], importance[start:end]
            total += float((count * (part - np.average(part, weights=count)) ** 2).sum())
        least = min(least, total)
    return least


def test_two_groups_become_their_means() -> None:
    values = np.asarray([[1.0, 1.2], [-3.0, -2.6]], np.float32)
    codes = shared_values(values, 2)
    assert codes == pytest.approx([-2.8, 1.1])
    assert nearest(values, codes).tolist() == [[1, 1], [0, 0]]


def test_what_counts_more_pulls_its_mean() -> None:
    values = np.asarray([0.0, 1.0, 10.0])
    codes = shared_values(values, 2, np.asarray([1.0, 3.0, 1.0]))
    assert codes == pytest.approx([0.75, 10.0])


@pytest.mark.parametrize("clusters", [2, 3, 4])
def test_no_other_partition_is_better(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    for _ in range(20):
        values, importance = rng.standard_normal(11), rng.uniform(0.1, 3, 11)
        codes = shared_values(values, clusters, importance)
        by_trying = best_of_all(values, clusters, importance)
        assert error(values, codes, importance) == pytest.approx(by_trying, rel=1e-4)


def test_a_large_layer_is_near_the_known_optimum() -> None:
    # the best 16 levels of a normal distribution have 0.0095 of its variance as error (Max 1960, table 1)
    values = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    codes = shared_values(values, 16)
    assert error(values, codes) / values.size == pytest.approx(0.0095, rel=0.02)


def test_many_clusters_beat_an_even_grid() -> None:
    values = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)
    codes = shared_values(values, 256)
    even = np.linspace(values.min(), values.max(), 256, dtype=np.float32)
    assert len(codes) == 256 and error(values, codes) < 0.6 * error(values, even)


def test_zeros_stay_exact() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(1000).astype(np.float32)
    values[::2] = 0
    codes = shared_values(values, 8, keep_zero=True)
    assert len(codes) == 8 and 0.0 in codes
    assert not codes[nearest(values, codes)][::2].any()


def test_no_more_values_than_there_are() -> None:
    values = np.asarray([3.0, 1.0, 3.0, 0.0], np.float32)
    assert shared_values(values, 16).tolist() == [0.0, 1.0, 3.0]
    assert shared_values(np.zeros(5, np.float32), 4, keep_zero=True).tolist() == [0.0]
    assert shared_values(np.zeros(5, np.float32), 4).tolist() == [0.0]


def test_values_that_nobody_needs_do_no_harm() -> None:
    codes = shared_values(np.asarray([1.0, 2.0, 3.0]), 2, np.zeros(3))
    assert np.isfinite(codes).all() and len(codes) == 2
