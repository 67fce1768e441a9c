"""Pruning: exact counts, a threshold, ties."""

from __future__ import annotations

import numpy as np
import pytest

from core.methods.prune_weights import prune, prune_mask


def test_a_2x2_at_half_loses_its_two_smallest() -> None:
    pruned = prune(np.array([[1.0, -2.0], [3.0, 0.5]], np.float32), sparsity=0.5)
    assert pruned.tolist() == [[0.0, -2.0], [3.0, 0.0]]


@pytest.mark.parametrize(("share", "kept"), [(0.0, 7), (0.25, 5), (0.5, 3), (1.0, 0)])
def test_the_count_is_the_rounded_share(share: float, kept: int) -> None:
    assert prune_mask(np.arange(7.0), share).sum() == kept


def test_among_equals_the_first_go() -> None:
    assert prune_mask(np.ones((2, 2)), 0.5).tolist() == [[False, False], [True, True]]


def test_below_the_threshold_goes_at_the_threshold_stays() -> None:
    pruned = prune(np.array([0.1, -0.2, 0.3], np.float32), threshold=0.2)
    assert pruned.tolist() == pytest.approx([0.0, -0.2, 0.3])


def test_the_original_is_not_touched() -> None:
    weight = np.array([1.0, 2.0], np.float32)
    prune(weight, 0.5)
    assert weight.tolist() == [1.0, 2.0]


def test_nan_counts_as_lowest() -> None:
    assert prune_mask(np.array([1.0, np.nan, 0.0]), 1 / 3).tolist() == [True, False, True]


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="sparsity"):
        prune_mask(np.ones(3), 1.5)
