"""Samples drawn with unequal chances: figures right on average, as uncertain as they say."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluate.answers import Subject
from core.sweep.design import Design, drawn, unsureness


def test_equal_sizes_have_equal_chances() -> None:
    design = Design(np.arange(10), 2, np.ones(10))
    np.testing.assert_allclose(design.chances(2), 0.25)
    np.testing.assert_allclose(design.chances(8), 1.0)


def test_chances_add_up_and_follow_the_sizes() -> None:
    sizes = np.array([1.0, 2.0, 4.0, 8.0])
    chances = Design(np.arange(4), 0, sizes).chances(2)
    assert chances.sum() == pytest.approx(2.0)
    # −ln(1 − chance) is in proportion to the size
    np.testing.assert_allclose(-np.log1p(-chances) / sizes, -np.log1p(-chances[0]), rtol=1e-6)


def test_who_is_sure_of_nothing_is_drawn_first() -> None:
    classes = Subject("classification", 0, classes=2)
    # probabilities ½ ½ and (nearly) 1, 0: 1 − Σp² is ½ and 0, and every one counts a fifth of the mean more
    unsure = unsureness(np.array([[0.0, 0.0], [50.0, 0.0]]), classes)
    np.testing.assert_allclose(unsure, [0.5 + 0.05, 0.05], atol=1e-6)
    np.testing.assert_array_equal(unsureness(np.zeros((3, 4)), Subject("regression", 0)), 1.0)
    first = [drawn(None, unsure, 0, seed).order[0] for seed in range(300)]
    # 0.55 of 0.60 in all: eleven of twelve times
    assert np.mean(np.array(first) == 0) == pytest.approx(11 / 12, abs=0.05)


def test_the_edge_is_always_there() -> None:
    design = drawn(np.array([3.0, -0.1, 0.5, -9.0, 0.2]), np.ones(5), 2, 0)
    assert list(design.order[:2]) == [1, 4] and sorted(design.order) == list(range(5))


def test_a_right_model_leaves_no_error_and_all_samples_neither() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40)
    design = drawn(values - 0.5, rng.random(40) + 0.1, 4, 0)
    some = values[design.order[:12]]
    assert design.total(some, values) == pytest.approx((values.sum(), 0.0))
    assert design.total(values[design.order], np.zeros(40)) == pytest.approx((values.sum(), 0.0))
    # twice the sizes are found out to be that
    np.testing.assert_allclose(design.in_proportion(2 * design.sizes[design.order[:12]]), 2 * design.sizes)


def test_totals_are_right_on_average_and_as_uncertain_as_they_say() -> None:
    rng = np.random.default_rng(1)
    count = 200
    sizes = rng.gamma(0.5, size=count) + 0.05
    values = sizes * rng.gamma(2.0, size=count)
    margins = rng.standard_normal(count)
    found, errors = [], []
    for seed in range(400):
        design = drawn(margins, sizes, 20, seed)
        own = values[design.order[:60]]
        total, error = design.total(own, design.in_proportion(own))
        found.append(total)
        errors.append(error)
    off = np.array(found) - values.sum()
    assert abs(off.mean()) <= 4 * off.std() / 20 + 0.01 * values.sum()
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(off.std(), rel=0.2)
    # the same number drawn without regard to size scatters more
    plain = [values[rng.permutation(count)[:60]].mean() * count for _ in range(400)]
    assert off.std() < 0.7 * np.std(plain)
