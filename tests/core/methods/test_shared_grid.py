"""Compensation onto shared values: lower error than the nearest ones, and the result lies on them."""

from __future__ import annotations

import numpy as np
import pytest

from core.methods._factor import factorise
from core.methods._grid import Grid, search_grid, shared_grid
from core.methods._sweep import Descent, sweep
from core.methods.compensate import Wanted, compensated


def layer(rows: int, columns: int, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random weights and the Hessian of strongly correlated inputs, damped by 1 %."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((groups, rows, columns)).astype(np.float32)
    mixing = rng.standard_normal((groups, columns, columns))
    inputs = rng.standard_normal((groups, 20 * columns, columns)) @ mixing
    hessian = inputs.swapaxes(1, 2) @ inputs / inputs.shape[1]
    level = np.einsum("gii->gi", hessian).mean(axis=1)
    return weights, hessian + 0.01 * level[:, None, None] * np.eye(columns)


def error(weights: np.ndarray, changed: np.ndarray, hessian: np.ndarray) -> float:
    difference = changed - weights
    return float(np.einsum("grc,grc->", difference @ hessian, difference))


def test_the_sweep_onto_shared_values_by_hand() -> None:
    # as for whole numbers: w0 = 0.4 becomes 0, so w1 = 1.4 moves by 0.4·H01/H11 = 0.2 to 1.6, nearest to 2
    hessian = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    grid = Grid(np.ones((1, 1, 1), np.float32), 0, 2, codes=np.array([0.0, 1.0, 2.0], np.float32))
    swept = sweep(np.array([[[0.4, 1.4]]], np.float32), factorise(hessian, np.array([[1, 0]])), grid)
    assert swept.tolist() == [[[0.0, 2.0]]]


def test_moving_the_values_by_hand() -> None:
    # one row (1, 1, 3), H = I, all at their places among the values (0.5, 2): the means are 1 and 3
    weights = np.array([[[1.0, 1.0, 3.0]]], np.float32)
    grid = Grid(np.ones((1, 1, 1), np.float32), 0, 1, codes=np.array([0.5, 2.0], np.float32))
    start = np.array([[[0.5, 0.5, 2.0]]])
    descent = Descent(weights, np.eye(3)[None], start, grid)
    # slopes −1 and −1, stiffness 2 and 1: the full step goes to the means at once
    descent.recode()
    assert descent.grid.codes == pytest.approx([1.0, 3.0])
    assert descent.weights() == pytest.approx(weights) and descent.error() == pytest.approx(0.0, abs=1e-9)


def test_values_never_change_places_and_zero_stays_where_zeros_must_stay() -> None:
    weights, hessian = layer(8, 40)
    grid = shared_grid(weights, 6, keep_zero=True)
    keep = np.abs(weights) > 0.4
    descent = Descent(weights, hessian, grid.snap(weights) * keep, grid, keep)
    before = descent.error()
    for _ in range(5):
        descent.recode()
        assert (np.diff(descent.grid.codes) > 0).all() and 0.0 in descent.grid.codes
        assert descent.error() <= before * (1 + 1e-6)
        before = descent.error()
    assert not descent.weights()[~keep].any()


@pytest.mark.parametrize("groups", [1, 5])
@pytest.mark.parametrize("per_row", [True, False])
def test_compensation_lowers_the_error_and_ends_on_the_values(groups: int, per_row: bool) -> None:
    weights, hessian = layer(12, 36, groups)
    wanted = Wanted(bits=3, clusters=8, per_row=per_row)
    result, grid = compensated(weights, hessian, wanted)
    assert grid is not None and grid.codes is not None and len(grid.codes) <= 8
    assert np.isin((result / grid.scale).round(4), grid.codes.round(4)).mean() > 0.99
    np.testing.assert_allclose(result, grid.snap(result), rtol=1e-6)
    plain = shared_grid(weights, 8, per_row).snap(weights)
    assert error(weights, result, hessian) < 0.6 * error(weights, plain, hessian)


def test_eight_shared_values_are_better_than_three_even_bits() -> None:
    weights, hessian = layer(32, 64)
    shared, _ = compensated(weights, hessian, Wanted(bits=3, clusters=8))
    even, _ = compensated(weights, hessian, Wanted(bits=3))
    assert error(weights, shared, hessian) < 0.9 * error(weights, even, hessian)
    nearest = shared_grid(weights, 8).snap(weights)
    assert (
        np.square(nearest - weights).sum()
        < 0.9 * np.square(search_grid(weights, 3).snap(weights) - weights).sum()
    )


def test_pruned_and_shared() -> None:
    weights, hessian = layer(12, 40)
    result, grid = compensated(weights, hessian, Wanted(bits=3, clusters=8, sparsity=0.5))
    assert grid is not None and grid.codes is not None and 0.0 in grid.codes
    assert np.mean(result == 0) >= 0.5


def test_blocks_of_columns_share_their_rows_scale() -> None:
    weights, hessian = layer(6, 20, groups=3)
    result, grid = compensated(weights, hessian, Wanted(bits=4, clusters=16, shared_rows=True))
    assert grid is not None and grid.scale.shape == (1, 6, 1) and result.shape == weights.shape
