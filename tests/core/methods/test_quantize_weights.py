"""Integer weights: hand-worked grids, axes, the clipping search, merged scales."""

from __future__ import annotations

import numpy as np
import pytest

from core.methods._edit import pack_int4
from core.methods.quantize_weights import dequantize, fake_quantize, quantize, quantize_axes, quantize_merged


def test_eight_bits_per_channel_by_hand() -> None:
    weight = np.array([[1.27, -0.64], [0.0254, 0.0128]], np.float32)
    q, scale = quantize(weight, 8, 0, search=False)
    assert scale == pytest.approx([0.01, 0.0002])
    assert q.tolist() == [[127, -64], [127, 64]]


def test_four_bits_use_minus_eight_to_seven() -> None:
    q, scale = quantize(np.array([[0.7, -0.8, 0.1]], np.float32), 4, 0)
    assert q.tolist() == [[7, -8, 1]]
    assert scale == pytest.approx([0.1], rel=0.02)


def test_the_search_clips_where_it_lowers_the_error() -> None:
    # many small values and one large: seven steps for 0..10 would lose the small ones
    weight = np.concatenate([np.linspace(-1, 1, 400), [2.0]]).astype(np.float32)[None]
    plain = np.square(weight - fake_quantize(weight, 4, search=False)).sum()
    searched = np.square(weight - fake_quantize(weight, 4)).sum()
    assert searched < 0.8 * plain


def test_zeros_stay_exact_and_a_channel_of_zeros_is_possible() -> None:
    weight = np.array([[0.0, 0.0], [0.3, 0.0]], np.float32)
    assert fake_quantize(weight, 4)[0].tolist() == [0.0, 0.0]
    assert fake_quantize(weight, 4)[1, 1] == 0.0


def test_one_scale_for_the_tensor() -> None:
    q, scale = quantize(np.array([[127.0], [1.0]], np.float32), 8, 0, "tensor", search=False)
    assert scale.shape == () and q.ravel().tolist() == [127, 1]


def test_another_axis_and_back() -> None:
    weight = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    q, scale = quantize(weight, 8, 1)
    assert scale.shape == (4,)
    assert np.abs(dequantize(q, scale, 1) - weight).max() <= scale.max() / 2 + 1e-6


def test_several_axes_together_equal_each_row_alone() -> None:
    weight = np.random.default_rng(1).standard_normal((2, 3, 5)).astype(np.float32)
    q, scale = quantize_axes(weight, 8, (0, 1))
    assert scale.shape == (2, 3, 1)
    alone, alone_scale = quantize(weight[1, 2:3], 8, 0)
    assert q[1, 2].tolist() == alone[0].tolist() and scale[1, 2, 0] == alone_scale[0]


def test_channels_alike_share_a_scale_others_do_not() -> None:
    rng = np.random.default_rng(2)
    weight = rng.standard_normal((4, 50)).astype(np.float32)
    assert quantize_merged(weight, 8, (0,))[1].size == 1
    # 1/200 of the others: half a step of their grid
    weight[3] /= 200
    assert quantize_merged(weight, 8, (0,))[1].size == 4


def test_int4_packs_two_into_a_byte_the_first_low() -> None:
    assert pack_int4(np.array([1, -1, 7], np.int8)).tolist() == [0xF1, 0x07]


@pytest.mark.parametrize("weight", [[np.nan], [np.inf]])
def test_what_is_not_finite_is_refused(weight: list[float]) -> None:
    with pytest.raises(ValueError, match="NaN"):
        quantize(np.array([weight], np.float32), 8)


def test_nine_bits_are_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="2 to 8"):
        quantize(np.ones((1, 1), np.float32), 9)


def test_three_bits_reach_from_minus_four_to_three() -> None:
    q, scale = quantize(np.array([[-4.0, 3.0, 0.4, 1.2]], np.float32), 3, search=False)
    assert scale[0] == np.float32(4 / 3) and q.tolist() == [[-3, 2, 0, 1]]
