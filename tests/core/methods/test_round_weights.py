"""Grids in blocks and with zero points, against hand work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.methods._layout import Layout, whole_block
from core.methods.round_weights import asymmetric_grid, most_factor, on_levels, on_scale, round_weight
from core.methods.stored import restored
from core.values.plan import even_block


def test_rows_and_blocks_of_a_matrix_stored_as_in_by_out() -> None:
    # MatMul (4 inputs, 2 outputs): rows are columns, blocks run down them
    weight = np.arange(8).reshape(4, 2)
    layout = Layout((4, 2), (1,), 2)
    assert (layout.rows, layout.columns, layout.blocks) == (2, 4, 2)
    assert layout.matrix(weight).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]
    np.testing.assert_array_equal(layout.weight(layout.matrix(weight)), weight)
    assert layout.spread(np.array([[1, 2], [3, 4]])).tolist() == [[1, 3], [1, 3], [2, 4], [2, 4]]


def test_a_short_last_block_is_filled_up_with_zeros() -> None:
    layout = Layout((1, 5), (0,), 2)
    assert layout.blocks == 3
    assert layout.in_blocks(np.arange(1, 6)[None]).tolist() == [[[1, 2], [3, 4], [5, 0]]]
    assert layout.spread(np.array([[1, 2, 3]])).tolist() == [[1, 1, 2, 2, 3]]


def test_blocks_are_even_where_one_nearly_as_large_divides_the_row() -> None:
    assert even_block(144, 32) == 24  # six of 24 rather than four of 32 and one of 16
    assert even_block(384, 32) == 32
    assert even_block(1000, 32) == 25
    assert even_block(131, 32) == 32  # a prime: the last block holds three
    assert (whole_block(10, 4), whole_block(7, 4)) == (2, 1)


def test_each_block_has_its_own_scale() -> None:
    # two bits reach from -2 to 1, so the largest magnitude is one step
    weight = np.array([[1.0, -1.0, 0.25, 0.0], [4.0, 0.0, 0.5, 0.5]], np.float32)
    found = round_weight(weight, 2, Layout((2, 4), (0,), 2), search=False)
    assert found.scale.tolist() == [[1.0, 0.25], [4.0, 0.5]]
    assert found.q.tolist() == [[1, -1, 1, 0], [1, 0, 1, 1]]
    np.testing.assert_array_equal(found.values(), weight)


def test_an_asymmetric_grid_by_hand() -> None:
    # from -1 to 14 in 15 steps of 1: q = w - 7, so zero is at -7
    scale, zero = asymmetric_grid(np.array([-1.0]), np.array([14.0]), -8, 7)
    assert (scale.tolist(), zero.tolist()) == ([1.0], [-7.0])
    weight = np.array([[-1.0, 0.0, 14.0, 6.4]], np.float32)
    found = round_weight(weight, 4, Layout((1, 4), (0,)), symmetric=False, search=False)
    assert found.q.tolist() == [[-8, -7, 7, -1]] and found.zero is not None
    assert found.zero.tolist() == [[-7]]
    assert found.values().tolist() == [[-1.0, 0.0, 14.0, 6.0]]
    # all positive: zero is the lowest of the grid, whatever the smallest weight is
    found = round_weight(np.array([[2.0, 15.0]], np.float32), 4, Layout((1, 2), (0,)), False, search=False)
    assert found.zero is not None and found.zero.tolist() == [[-8]] and found.values().tolist() == [[2, 15]]


def test_scales_on_levels_by_hand() -> None:
    # 15 levels: the largest scale is 15 steps; 0.31 of it is 4.65 → 5, 0.01 of it would be none → 1
    row, factor = on_levels(np.array([[3.0, 0.93, 0.03]], np.float32), 15)
    assert row.tolist() == [[np.float32(0.2)]] and factor.tolist() == [[15, 5, 1]]
    # 127 / 8 steps of four bits; 127 / 15 where a zero point lets q - zero reach 15; at most 4 bits of factor
    assert (most_factor(4, True), most_factor(4, False), most_factor(2, True)) == (15, 8, 15)
    assert (most_factor(5, True), most_factor(8, True), most_factor(4, True, 63)) == (7, 1, 7)


def test_factors_make_integers_of_eight_bits() -> None:
    weight = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    weight[:, 16:32] *= 5
    found = round_weight(weight, 4, Layout((3, 64), (0,), 16), factors=15)
    assert found.factor is not None and found.factor.shape == (3, 4) and found.scale.shape == (3, 1)
    whole = found.integers()
    assert whole.dtype == np.int8 and np.abs(whole).max() <= 120
    np.testing.assert_allclose(whole * found.scale, found.values())
    # the block that is five times as large has the largest factor
    assert (found.factor[:, 1] == 15).all() and (found.factor[:, [0, 2, 3]] < 8).all()


def test_a_raised_scale_rounds_anew_where_it_was_raised() -> None:
    weight = np.array([[1.0, 0.5], [1.0, 0.5]], np.float32)
    found = round_weight(weight, 8, Layout((2, 2), (0,)), symmetric=False, search=False)
    raised = np.array([[1.0], [found.scale[1, 0]]], np.float32)
    other = on_scale(found, raised, 8, raised > found.scale)
    assert other.values()[0].tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(other.q[1], found.q[1])
    again = on_scale(found, raised, 8, raised > found.scale, in_place=True)
    np.testing.assert_array_equal(again.q, other.q)
    assert again.q is found.q, "where its own lay"


SHAPES = [((6, 40), (0,)), ((40, 6), (1,)), ((4, 8, 3, 3), (0,)), ((2, 5, 20), (0, 1)), ((3, 24, 5), (0, 2))]


@settings(max_examples=60, deadline=None)
@given(
    which=st.sampled_from(SHAPES),
    bits=st.integers(2, 8),
    block=st.sampled_from([0, 7, 16, 20]),
    symmetric=st.booleans(),
    factors=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_grid_is_near_the_weight_and_keeps_zeros(
    which: tuple[tuple[int, ...], tuple[int, ...]],
    bits: int,
    block: int,
    symmetric: bool,
    factors: bool,
    seed: int,
) -> None:
    shape, axes = which
    rng = np.random.default_rng(seed)
    weight = (rng.standard_normal(shape) * (rng.random(shape) > 0.3)).astype(np.float32)
    layout = Layout(shape, axes, block)
    most = most_factor(bits, symmetric) if factors else 0
    found = round_weight(weight, bits, layout, symmetric, most if most >= 4 else 0)
    assert found.q.dtype == np.int8 and found.q.shape == shape
    assert -(1 << (bits - 1)) <= found.q.min() and found.q.max() < 1 << (bits - 1)
    values = found.values()
    assert (values[weight == 0] == 0).all()
    noise = float(np.square(values - weight).sum() / np.square(weight).sum())
    assert noise < 0.5 * 4.0 ** (2 - bits)
    again = restored(found.arrays())
    assert again is not None
    np.testing.assert_array_equal(again.values(), values)


def test_blocks_lower_the_error_and_zero_points_too_where_weights_lean_to_one_side() -> None:
    rng = np.random.default_rng(0)
    weight = (rng.standard_normal((8, 128)) * np.exp(rng.standard_normal((8, 128)))).astype(np.float32)

    def noise(array: np.ndarray, symmetric: bool = True, block: int = 0) -> float:
        found = round_weight(array, 4, Layout(array.shape, (0,), block), symmetric).values()
        return float(np.square(found - array).sum())

    assert noise(weight, block=32) < 0.7 * noise(weight)
    lean = np.abs(weight)
    assert noise(lean, symmetric=False) < 0.6 * noise(lean)


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        round_weight(np.array([[1.0, np.nan]]), 4, Layout((1, 2), (0,)), False)
