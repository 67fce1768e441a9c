"""Compensation on grids in blocks and with zero points, against hand work and plain rounding."""

from __future__ import annotations

import numpy as np
import pytest
from test_compensate import error, layer

from core.methods._factor import factorise
from core.methods._grid import Grid, search_grid
from core.methods._sweep import Descent, sweep
from core.methods.compensate import Wanted, compensated


def test_the_scale_of_a_column_is_its_blocks() -> None:
    grid = Grid(np.array([[[1.0, 10.0]]], np.float32), -8, 7, block=2)
    assert grid.snap(np.array([[[1.4, 1.6, 14.0, 16.0]]])).tolist() == [[[1.0, 2.0, 10.0, 20.0]]]


def test_a_zero_point_moves_the_grid_and_keeps_zero() -> None:
    grid = Grid(np.array([[[0.5]]], np.float32), -8, 7, np.array([[[-7.0]]], np.float32))
    # from -0.5 to 7 in steps of a half
    assert grid.round(np.array([[[-3.0, 0.0, 0.6, 9.0]]])).tolist() == [[[-8, -7, -6, 7]]]
    assert grid.snap(np.array([[[-3.0, 0.0, 0.6, 9.0]]])).tolist() == [[[-0.5, 0.0, 0.5, 7.0]]]


def test_rounding_the_first_of_two_blocks_by_hand() -> None:
    # as in test_compensate, but the second weight lies on a grid of fifths: 1.4 + 0.2 = 1.6 stays
    hessian = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    grid = Grid(np.array([[[1.0, 0.2]]], np.float32), -8, 8, block=1)
    weights = np.array([[[0.4, 1.4]]], np.float32)
    swept = sweep(weights, factorise(hessian, np.array([[1, 0]])), grid)
    np.testing.assert_allclose(swept, [[[0.0, 1.6]]], atol=1e-6)
    # and 1.4 first, which is on its grid, then 0.4
    swept = sweep(weights, factorise(hessian, np.array([[0, 1]])), grid)
    np.testing.assert_allclose(swept, [[[0.0, 1.4]]], atol=1e-6)


def test_with_uncorrelated_inputs_the_sweep_rounds_every_block_to_nearest() -> None:
    weights, _ = layer(5, 70, groups=2)
    hessian = np.stack([np.diag(np.random.default_rng(g).random(70) + 0.1) for g in range(2)])
    grid = search_grid(weights, 3, block=16, symmetric=False)
    np.testing.assert_allclose(
        sweep(weights, factorise(hessian), grid), grid.snap(weights.astype(np.float64)), atol=1e-12
    )


def test_the_scales_of_two_blocks_fit_as_least_squares_does() -> None:
    # q = (1, 1), uncorrelated inputs: each scale is its weight. Correlated: the first sees the second's error
    weights, grid = np.array([[[1.2, 0.7]]]), Grid(np.ones((1, 1, 2), np.float32), -8, 7, block=1)
    apart = Descent(weights, np.eye(2)[None], np.ones((1, 1, 2)), grid)
    apart.rescale()
    np.testing.assert_allclose(apart.grid.scale, [[[1.2, 0.7]]], rtol=1e-6)
    joint = Descent(weights, np.array([[[1.0, 0.5], [0.5, 1.0]]]), np.ones((1, 1, 2)), grid)
    joint.rescale()
    # error of the first, the second at 1: d/ds (s-1.2)² + (s-1.2)(1-0.7) = 0 → s = 1.2 - 0.15
    first = 1.2 - 0.5 * 0.3
    second = 0.7 - 0.5 * (first - 1.2)
    np.testing.assert_allclose(joint.grid.scale[0, 0], [first, second], rtol=1e-6)
    np.testing.assert_allclose(joint.weights()[0, 0], [first, second], rtol=1e-6)


def test_whole_factors_stay_whole_when_scales_are_fitted() -> None:
    weights, hessian = layer(4, 64)
    grid = search_grid(weights, 4, block=16, factors=15)
    descent = Descent(weights, hessian, grid.snap(weights), grid)
    for _ in range(3):
        descent.rescale()
        found = descent.grid
        assert found.factor is not None
        row = found.scale / found.factor
        np.testing.assert_allclose(row, row[:, :, :1] * np.ones((1, 1, 4)), rtol=1e-5)
        np.testing.assert_allclose(found.snap(descent.weights()), descent.weights(), atol=1e-5)
        assert descent.error() == pytest.approx(error(weights, descent.weights(), hessian))
        descent.descend()


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("factors", [0, 15])
@pytest.mark.parametrize("bits", [2, 3, 4])
def test_compensated_blocks_lie_on_their_grid_and_beat_rounding(
    bits: int, factors: int, symmetric: bool
) -> None:
    weights, hessian = layer(8, 70)
    most = factors if symmetric else factors // 2
    wanted = Wanted(bits=bits, block=16, symmetric=symmetric, factors=most)
    plain = wanted.grid(weights).snap(weights)
    found, grid = compensated(weights, hessian, wanted)
    assert grid is not None and grid.scale.shape == (1, 8, 5)
    q = grid.round(found)
    assert q.min() >= grid.low and q.max() <= grid.high and (q == np.rint(q)).all()
    scale = np.repeat(grid.scale, 16, axis=2)[:, :, :70]
    zero = 0 if grid.zero is None else np.repeat(grid.zero, 16, axis=2)[:, :, :70]
    np.testing.assert_allclose((q - zero) * scale, found, atol=1e-6)
    assert error(weights, found, hessian) < 0.7 * error(weights, plain, hessian)
    if factors:
        assert grid.factor is not None and (grid.factor == np.rint(grid.factor)).all()
        row = grid.scale / grid.factor
        np.testing.assert_allclose(row, row[:, :, :1] * np.ones((1, 1, 5)), rtol=1e-5)
        assert grid.factor.max() <= most and grid.factor.min() >= 1


def test_blocks_are_better_than_channels_and_whole_factors_nearly_as_good_as_free_scales() -> None:
    rng = np.random.default_rng(3)
    weights, hessian = layer(8, 96)
    weights *= np.exp(rng.standard_normal((1, 8, 6))).repeat(16, axis=2).astype(np.float32)

    def damage(**settings: int) -> float:
        found, _ = compensated(weights, hessian, Wanted(bits=3, **settings))
        return error(weights, found, hessian)

    channel, free, factors = damage(), damage(block=16), damage(block=16, factors=15)
    assert free < 0.7 * channel
    assert factors < 1.1 * free


@pytest.mark.parametrize("symmetric", [True, False])
def test_zeros_stay_exact_in_blocks_with_zero_points(symmetric: bool) -> None:
    weights, hessian = layer(6, 48)
    weights += 0.5
    wanted = Wanted(bits=4, sparsity=0.5, pattern=(2, 4), block=16, symmetric=symmetric)
    found, grid = compensated(weights, hessian, wanted)
    assert grid is not None
    counts = np.count_nonzero(found.reshape(1, 6, 12, 4), axis=-1)
    assert (counts <= 2).all() and np.count_nonzero(found) > 100
    zero = 0 if grid.zero is None else np.repeat(grid.zero, 16, axis=2)
    assert ((grid.round(found) == zero) == (found == 0)).all()


def test_descent_in_blocks_never_makes_it_worse() -> None:
    weights, hessian = layer(4, 40, groups=2)
    grid = search_grid(weights, 3, block=16, symmetric=False)
    descent = Descent(weights, hessian, grid.snap(weights), grid)
    known = [descent.error()]
    for _ in range(3):
        descent.rescale()
        known.append(descent.error())
        descent.descend(outer=12, inner=5)
        known.append(descent.error())
    assert known == sorted(known, reverse=True) and known[2] < known[0]
    assert known[-1] == pytest.approx(error(weights, descent.weights(), hessian))
