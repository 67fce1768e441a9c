"""The sweep, the masks and the grids, against hand work and against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.methods._factor import factorise
from core.methods._grid import Grid, search_grid
from core.methods._sparse import obs_scores, refit, select, sparse_solution
from core.methods._sweep import Descent, sweep
from core.methods.compensate import Wanted, compensated


def layer(rows: int, columns: int, seed: int = 0, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random weights and the Hessian of strongly correlated inputs, damped by 1 %."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((groups, rows, columns)).astype(np.float32)
    inputs = rng.standard_normal((groups, 20 * columns, columns)) @ rng.standard_normal(
        (groups, columns, columns)
    )
    hessian = inputs.swapaxes(1, 2) @ inputs / inputs.shape[1]
    level = np.einsum("gii->gi", hessian).mean(axis=1)
    return weights, hessian + 0.01 * level[:, None, None] * np.eye(columns)


def error(weights: np.ndarray, changed: np.ndarray, hessian: np.ndarray) -> float:
    difference = changed - weights
    return float(np.einsum("grc,grc->", difference @ hessian, difference))


def test_zeroing_one_of_two_weights_by_hand() -> None:
    # H = [[2, 1], [1, 2]], w = [1, 3]; w0 goes. The best w1 minimises 2·1 − 2·1·d + 2·d² (d = w1 − 3):
    # d = ½. Optimal Brain Surgeon says the same: −w0/[H⁻¹]00 · [H⁻¹]10 = −1/(2/3)·(−1/3) = ½.
    hessian = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    weights = np.array([[[1.0, 3.0]]], np.float32)
    keep = np.array([[[False, True]]])
    expected = [[[0.0, 3.5]]]
    np.testing.assert_allclose(
        sweep(weights, factorise(hessian, np.array([[1, 0]])), None, keep), expected, atol=1e-6
    )
    np.testing.assert_allclose(refit(weights, hessian, keep), expected, atol=1e-6)
    # and the error is w0²/[H⁻¹]00 = 1/(2/3) = 1.5, which is the score
    assert obs_scores(weights, np.linalg.inv(hessian))[0, 0, 0] == pytest.approx(1.5)
    assert error(weights, np.array(expected), hessian) == pytest.approx(1.5)


def test_rounding_the_first_of_two_weights_by_hand() -> None:
    # whole numbers; w0 = 0.4 → 0, so w1 moves by 0.4·H01/H11 = 0.2: 1.4 → 1.6 → 2 instead of 1
    hessian = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    grid = Grid(np.ones((1, 1, 1), np.float32), -8, 7)
    first = factorise(hessian, np.array([[1, 0]]))
    swept = sweep(np.array([[[0.4, 1.4]]], np.float32), first, grid)
    assert swept.tolist() == [[[0.0, 2.0]]]
    # the other way round: w1 = 1.4 → 1, so w0 moves by 0.4·H01/H00 = 0.2: 0.4 → 0.6 → 1 instead of 0
    second = factorise(hessian, np.array([[0, 1]]))
    assert sweep(np.array([[[0.4, 1.4]]], np.float32), second, grid).tolist() == [[[1.0, 1.0]]]


def test_with_uncorrelated_inputs_the_sweep_rounds_to_nearest() -> None:
    weights, _ = layer(5, 70)
    factor = factorise(np.eye(70)[None])
    grid = search_grid(weights, 4)
    np.testing.assert_array_equal(
        sweep(weights, factor, grid, outer=32, inner=8), grid.snap(weights.astype(np.float64))
    )


def test_blocks_do_not_change_the_sweep() -> None:
    weights, hessian = layer(4, 50)
    factor, grid = factorise(hessian), search_grid(weights, 4)
    whole = sweep(weights, factor, grid, outer=50, inner=50)
    for outer, inner in ((7, 3), (16, 16), (50, 8), (1, 1)):
        np.testing.assert_allclose(sweep(weights, factor, grid, None, outer, inner), whole, atol=1e-9)


def test_the_sweep_is_optimal_brain_surgeon_column_by_column() -> None:
    # each step by the inverse of what is left: δ = −err/[H⁻¹]_qq · [H⁻¹]_q
    weights, hessian = layer(3, 12, groups=2)
    grid, factor = search_grid(weights, 3), factorise(hessian)
    found = sweep(weights, factor, grid)
    for g in range(2):
        left = weights[g].astype(np.float64)
        on = np.arange(12)
        for q in factor.order[g][::-1]:
            inverted = np.linalg.inv(hessian[g][np.ix_(on, on)])
            at = int(np.flatnonzero(on == q)[0])
            snapped = Grid(grid.scale[g], grid.low, grid.high).snap(left[:, [q]])[:, 0]
            miss = left[:, q] - snapped
            left[:, on] -= np.outer(miss / inverted[at, at], inverted[at])
            left[:, q] = snapped
            on = np.delete(on, at)
        np.testing.assert_allclose(found[g], left, atol=1e-9)


@pytest.mark.parametrize("columns", [20, 300])
def test_a_factor_solves_with_its_hessian(columns: int) -> None:
    weights, hessian = layer(4, columns, groups=2)
    found = factorise(hessian).solve(weights.astype(np.float64))
    np.testing.assert_allclose(found @ hessian, weights, atol=1e-6)


def test_a_nearly_singular_hessian_is_damped_more() -> None:
    for columns in (4, 300):
        hessian = np.ones((1, columns, columns), np.float32)
        factor = factorise(hessian)
        assert np.isfinite(factor.lower).all() and (np.einsum("gii->gi", factor.lower) > 0).all()


def test_the_refit_is_the_exact_solution_on_each_rows_support() -> None:
    weights, hessian = layer(6, 12, groups=2)
    keep = np.random.default_rng(1).random(weights.shape) < 0.5
    found = refit(weights, hessian, keep, tolerance=1e-12)
    for g, r in itertools.product(range(2), range(6)):
        on = np.flatnonzero(keep[g, r])
        exact = np.linalg.solve(hessian[g][np.ix_(on, on)], (hessian[g] @ weights[g, r])[on])
        np.testing.assert_allclose(found[g, r, on], exact, atol=1e-6)
        assert not found[g, r, ~keep[g, r]].any()


def test_the_mask_search_comes_near_the_best_of_all_masks() -> None:
    # one row of 8, half of them zero: 70 masks
    ratios = []
    for seed in range(10):
        weights, hessian = layer(1, 8, seed)
        best = np.inf
        for on in itertools.combinations(range(8), 4):
            keep = np.zeros((1, 1, 8), bool)
            keep[0, 0, list(on)] = True
            best = min(best, error(weights, refit(weights, hessian, keep), hessian))
        found, keep = sparse_solution(weights.astype(np.float64), hessian, 0.5)
        assert keep.sum() == 4 and np.count_nonzero(found) == 4
        ratios.append(error(weights, found, hessian) / best)
    assert np.median(ratios) < 1.5
    assert min(ratios) >= 1 - 1e-6


def test_two_bits_come_near_the_best_of_all_roundings() -> None:
    ratios = []
    for seed in range(10):
        weights, hessian = layer(1, 4, seed)
        found, grid = compensated(weights, hessian, Wanted(bits=2))
        assert grid is not None
        every = [
            np.array(q, np.float64)[None, None] * grid.scale
            for q in itertools.product(range(-2, 2), repeat=4)
        ]
        best = min(error(weights, each, hessian) for each in every)
        ratios.append(error(weights, found, hessian) / best)
    assert np.median(ratios) < 1.3


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_compensated_weights_lie_on_their_grid_and_beat_rounding(bits: int) -> None:
    weights, hessian = layer(8, 40)
    plain = search_grid(weights, bits).snap(weights)
    swept, _ = compensated(weights, hessian, Wanted(bits=bits), thorough=False)
    found, grid = compensated(weights, hessian, Wanted(bits=bits))
    assert grid is not None and grid.scale.shape == (1, 8, 1)
    integers = grid.round(found)
    assert integers.min() >= grid.low and integers.max() <= grid.high
    np.testing.assert_allclose(integers * grid.scale, found, atol=1e-6)
    assert error(weights, found, hessian) < error(weights, swept, hessian) < error(weights, plain, hessian)


def test_one_scale_for_all_stays_one() -> None:
    weights, hessian = layer(8, 20, groups=3)
    _, grid = compensated(weights, hessian, Wanted(bits=4, per_row=False))
    assert grid is not None and grid.scale.size == 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    groups=st.integers(1, 3),
    rows=st.integers(1, 5),
    columns=st.integers(2, 24),
    sparsity=st.floats(0.05, 0.95),
    bits=st.sampled_from([3, 4, 8, 32]),
    thorough=st.booleans(),
)
def test_any_layer_gets_its_share_of_zeros_and_beats_magnitude(
    seed: int, groups: int, rows: int, columns: int, sparsity: float, bits: int, thorough: bool
) -> None:
    weights, hessian = layer(rows, columns, seed, groups)
    found, grid = compensated(weights, hessian, Wanted(bits=bits, sparsity=sparsity), thorough)
    zeros = int(np.floor(sparsity * weights.size + 0.5))
    assert np.count_nonzero(found) <= weights.size - zeros
    assert np.isfinite(found).all() and found.dtype == np.float32
    if bits == 32:
        assert grid is None and np.count_nonzero(found) == weights.size - zeros
        assert error(weights, found, hessian) <= error(weights, weights * 0, hessian)


@pytest.mark.parametrize(("pattern", "bits"), [((2, 4), 32), ((2, 4), 4), ((4, 8), 32), ((1, 3), 32)])
def test_every_group_of_a_pattern_keeps_its_count(pattern: tuple[int, int], bits: int) -> None:
    n, m = pattern
    weights, hessian = layer(6, 48)
    found, _ = compensated(weights, hessian, Wanted(bits=bits, sparsity=1 - n / m, pattern=pattern))
    counts = np.count_nonzero(found.reshape(1, 6, 48 // m, m), axis=-1)
    assert (counts == n).all() if bits == 32 else (counts <= n).all()


def test_a_pattern_runs_along_the_input_channels_of_a_kernel_position() -> None:
    # 4 channels of 3×3: column c·9 + k. One group for each k, over the four channels
    scores = np.random.default_rng(0).random((1, 2, 36))
    keep = select(scores, 0.5, (2, 4), 9)
    assert (keep.reshape(2, 4, 9).sum(axis=1) == 2).all()
    # 3 channels do not divide by 4: 27 columns as stored, six groups, two of the three left over stay
    keep = select(scores[:, :, :27], 0.5, (2, 4), 9)
    assert (keep[0, :, :24].reshape(2, 6, 4).sum(axis=2) == 2).all()
    assert (keep[0, :, 24:].sum(axis=1) == 2).all()


def test_descent_never_makes_it_worse_and_knows_its_error() -> None:
    weights, hessian = layer(4, 30)
    start = search_grid(weights, 3)
    descent = Descent(weights, hessian, start.snap(weights), start)
    known = [error(weights, start.snap(weights), hessian)]
    for _ in range(3):
        descent.rescale()
        known.append(descent.error())
        assert known[-1] == pytest.approx(error(weights, descent.weights(), hessian))
        descent.descend(outer=12, inner=5)
        known.append(descent.error())
        assert known[-1] == pytest.approx(error(weights, descent.weights(), hessian))
        grid = descent.grid
        np.testing.assert_allclose(grid.snap(descent.weights()), descent.weights(), atol=1e-6)
    assert known[2] < known[0] and known == sorted(known, reverse=True)


def test_one_weight_of_descent_by_hand() -> None:
    # whole numbers, H = [[2, 1], [1, 2]], w = [0.4, 1.4] from [0, 1]: d = [−0.4, −0.4], slope of w0 is
    # 2·(−0.4) + 1·(−0.4) = −1.2, best w0 = 0 + 1.2/2 = 0.6 → 1. Then d = [0.6, −0.4], slope of w1 is
    # 0.6 − 0.8 = −0.2, best w1 = 1 + 0.1 → 1
    descent = Descent(
        np.array([[[0.4, 1.4]]]),
        np.array([[[2.0, 1.0], [1.0, 2.0]]]),
        np.array([[[0.0, 1.0]]]),
        Grid(np.ones((1, 1, 1), np.float32), -8, 7),
    )
    assert descent.descend() and descent.weights().tolist() == [[[1.0, 1.0]]]


def test_one_scale_for_all_is_fitted_to_all() -> None:
    # qHwᵀ / qHqᵀ over two rows with H = 1: (1·1.2 + 2·2.0) / (1 + 4) = 1.04
    descent = Descent(
        np.array([[[1.2], [2.0]]]),
        np.ones((1, 1, 1)),
        np.array([[[1.0], [2.0]]]),
        Grid(np.ones((1, 1, 1), np.float32), -8, 7),
    )
    descent.rescale()
    assert descent.grid.scale.reshape(-1) == pytest.approx([1.04])
    np.testing.assert_allclose(descent.weights(), [[[1.04], [2.08]]])


def test_inputs_that_are_always_zero_do_no_harm() -> None:
    weights = np.ones((1, 2, 3), np.float32)
    hessian = np.diag([1.0, 1e-3, 1e-3])[None]
    found, _ = compensated(weights, hessian, Wanted(bits=4, sparsity=1 / 3))
    assert np.isfinite(found).all() and (found[0, :, 0] != 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_rounding_on_top_of_zeros_costs_what_rounding_costs(seed: int) -> None:
    weights, hessian = layer(24, 48, seed)

    def left(**wanted: float) -> float:
        return error(weights, compensated(weights, hessian, Wanted(**wanted))[0], hessian)  # type: ignore[arg-type]

    zeros, bits, both = left(sparsity=0.6), left(bits=8), left(sparsity=0.6, bits=8)
    assert bits < 0.05 * zeros
    assert both <= zeros + 3 * bits


@pytest.mark.parametrize("bits", [2, 3])
@pytest.mark.parametrize("thorough", [False, True])
def test_few_columns_are_rounded_to_nearest_where_that_is_better(bits: int, thorough: bool) -> None:
    # each row's error worked out apart from the code: where the sweep leaves more than plain rounding does,
    # plain rounding on the same grid is taken, so no row ends worse than with either
    swept_worse = 0
    for seed in range(4):
        weights, hessian = layer(16, 9, seed)
        grid = search_grid(weights, bits)
        nearest = np.clip(np.rint(weights / grid.scale), grid.low, grid.high) * grid.scale
        swept = sweep(weights.astype(np.float64), factorise(hessian), grid)
        found, on = compensated(weights, hessian, Wanted(bits=bits), thorough)
        assert on is not None
        least = 0.0
        for row in range(16):
            own = [error(weights[:, [row]], each[:, [row]], hessian) for each in (nearest, swept, found)]
            swept_worse += own[0] < own[1]
            least += min(own[:2])
            if not thorough:
                assert own[2] == pytest.approx(min(own[:2]), rel=1e-4)
        assert error(weights, found, hessian) <= least * (1 + 1e-4)
        np.testing.assert_array_equal(found, on.snap(found))
    assert swept_worse >= 3
