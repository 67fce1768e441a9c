"""Samples drawn with unequal chances: figures right on average, as uncertain as they say."""

from __future__ import annotations

import numpy as np
import pytest

from core.sweep.design import Design, drawn, quantile


def test_equal_sizes_have_equal_chances() -> None:
    design = Design(np.arange(8), np.ones(8))
    np.testing.assert_allclose(design.chances(2), 0.25)
    np.testing.assert_allclose(design.weights(2), 4.0)
    np.testing.assert_allclose(design.chances(8), 1.0)


def test_chances_add_up_and_follow_the_sizes() -> None:
    sizes = np.array([1.0, 2.0, 4.0, 8.0])
    chances = Design(np.arange(4), sizes).chances(2)
    assert chances.sum() == pytest.approx(2.0)
    # −ln(1 − chance) is in proportion to the size
    np.testing.assert_allclose(-np.log1p(-chances) / sizes, -np.log1p(-chances[0]), rtol=1e-6)


def test_who_is_unsure_or_on_the_edge_comes_early() -> None:
    # p = ½ ½ and (nearly) 1, 0: 1 − Σp² is ½ and 0, of margins 0 and 50 exp(−|m|/0.6) is 1 and 0; both over
    # their means are 2 and 0, so the sizes are 0.2 + 2 + 2·2 and 0.2
    design = drawn(np.log([[0.5, 0.5], [1.0, 1e-20]]), np.array([0.0, 50.0]), 2, 0)
    np.testing.assert_allclose(design.sizes, [6.2, 0.2], atol=1e-6)
    first = [
        drawn(np.log([[0.5, 0.5], [1.0, 1e-20]]), np.array([0.0, 50.0]), 2, seed).order[0]
        for seed in range(400)
    ]
    assert np.mean(np.array(first) == 0) == pytest.approx(6.2 / 6.4, abs=0.03)


def test_without_classes_all_samples_are_alike() -> None:
    design = drawn(None, None, 9, 3)
    assert (design.sizes == 1).all() and sorted(design.order) == list(range(9))


def test_a_right_model_leaves_no_error_and_all_samples_neither() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40)
    design = Design(rng.permutation(40), rng.random(40) + 0.1)
    some = values[design.order[:12]]
    assert design.total(some, values) == pytest.approx((values.sum(), 0.0))
    assert design.total(values[design.order], np.zeros(40)) == pytest.approx((values.sum(), 0.0))
    # twice the sizes are found out to be that
    np.testing.assert_allclose(design.in_proportion(2 * design.sizes[design.order[:12]]), 2 * design.sizes)


def test_totals_are_right_on_average_and_as_uncertain_as_they_say() -> None:
    rng = np.random.default_rng(1)
    count = 200
    answers = 3 * rng.standard_normal((count, 2))
    margins = answers[:, 0] - answers[:, 1]
    logs = answers - np.log(np.exp(answers).sum(axis=1, keepdims=True))
    values = drawn(logs, margins, count, 0).sizes * rng.gamma(2.0, size=count)
    found, errors = [], []
    for seed in range(400):
        design = drawn(logs, margins, count, seed)
        own = values[design.order[:50]]
        total, error = design.total(own, design.in_proportion(own))
        found.append(total)
        errors.append(error)
    off = np.array(found) - values.sum()
    assert abs(off.mean()) <= 4 * off.std() / 20 + 0.01 * values.sum()
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(off.std(), rel=0.2)
    # the same number drawn without regard to size scatters more
    plain = [values[rng.permutation(count)[:50]].mean() * count for _ in range(400)]
    assert off.std() < 0.7 * np.std(plain)


def test_answers_off_by_chance_scatter_a_total_as_it_says() -> None:
    rng = np.random.default_rng(2)
    count = 300
    sizes = rng.gamma(1.0, size=count) + 0.1
    right = rng.random(count)
    off = []
    for _ in range(500):
        design = Design(np.argsort(rng.exponential(size=count) / sizes), sizes)
        answers = (rng.random(count) < right).astype(float)
        off.append(design.total(answers[design.order[:80]], right)[0] - answers.sum())
    assert design.scatter(80, right * (1 - right)) == pytest.approx(np.std(off), rel=0.15)


def test_few_samples_need_a_wider_reach() -> None:
    assert quantile(11) == pytest.approx(2.228, abs=1e-3)  # Student's table, 10 degrees of freedom
    assert quantile(10_000) == pytest.approx(1.960, abs=1e-3)
