"""What the inspector says of a plan's effect on single weights: which go, on which grid, what is clipped."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.channel_ranges import GROUPS, channel_ranges
from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.layer_view import layer_view
from core.methods.planned import planned_weight
from core.methods.resolve import resolve
from core.values import ChannelRanges, Plan


def opened_dense(weight: np.ndarray, folder: Path) -> OpenedModel:
    return open_model(networks.written(networks.dense(weight), folder), Context())


def opened_gemm(weight: np.ndarray, folder: Path) -> OpenedModel:
    """`weight` (out, in), stored with the inputs first."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="fc")
    shapes = {"x": ["N", weight.shape[1]]}, {"y": ["N", weight.shape[0]]}
    model = networks.model_of([node], *shapes, {"w": np.ascontiguousarray(weight.T)})
    return open_model(networks.written(model, folder), Context())


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def ranges(view_ranges: ChannelRanges | None) -> ChannelRanges:
    assert view_ranges is not None
    return view_ranges


# ---------------------------------------------------------------- kernel positions


def test_kernel_positions_are_shown_one_by_one(tmp_path: Path) -> None:
    model = networks.cnn()
    weight = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "w1")
    opened = open_model(networks.written(model, tmp_path), Context())
    whole = layer_view(opened, "conv1", Plan(), "magnitude")
    assert whole.kernel == weight.shape[2:] and whole.position is None
    flat = np.abs(weight).reshape(*weight.shape[:2], -1)
    total = np.zeros_like(whole.heatmap.numpy())
    for position in range(flat.shape[2]):
        view = layer_view(opened, "conv1", Plan(), "magnitude", position=position)
        assert view.position == position
        assert view.heatmap.numpy() == pytest.approx(flat[:, :, position], rel=1e-6)
        # the order of the channels does not change with the position
        assert view.rows_sorted == whole.rows_sorted
        total += view.heatmap.numpy()
    assert total == pytest.approx(whole.heatmap.numpy(), rel=1e-5)
    # a position that the kernel does not have: the sum again, with no error
    assert layer_view(opened, "conv1", Plan(), "magnitude", position=99).position is None
    assert layer_view(opened_dense(random(4, 4), tmp_path), "fc", Plan(), "magnitude").kernel == ()


def test_the_mask_of_one_position_is_that_positions(tmp_path: Path) -> None:
    model = networks.cnn()
    weight = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "w1")
    opened = open_model(networks.written(model, tmp_path), Context())
    plan = Plan().with_layer("conv1", sparsity=0.5)
    zero = planned_weight(weight, resolve(opened, plan)[0]) == 0
    view = layer_view(opened, "conv1", plan, "magnitude", position=2)
    assert view.gone is not None
    expected = zero.reshape(*zero.shape[:2], -1)[:, :, 2]
    assert (view.gone.numpy() == 255 * expected).all()
    summed = layer_view(opened, "conv1", plan, "magnitude").gone
    assert summed is not None
    assert summed.numpy() == pytest.approx(255 * zero.mean(axis=(2, 3)), abs=0.5)


# ---------------------------------------------------------------- the mask


@pytest.mark.parametrize("pattern", [None, "2:4"])
def test_the_mask_is_the_plans(pattern: str | None, tmp_path: Path) -> None:
    weight = random(24, 16)
    opened = opened_dense(weight, tmp_path)
    plan = Plan().with_layer("fc", sparsity=None if pattern else 0.3, pattern=pattern)
    view = layer_view(opened, "fc", plan, "l2")
    assert view.gone is not None
    zero = planned_weight(weight, resolve(opened, plan)[0]) == 0
    assert (view.gone.numpy() == 255 * zero).all()
    assert zero.mean() == pytest.approx(0.5 if pattern else 0.3, abs=0.01)


@pytest.mark.parametrize("inputs_first", [False, True])
def test_the_mask_of_a_large_weight_is_of_its_cells(inputs_first: bool, tmp_path: Path) -> None:
    # rows grow in magnitude: the first half goes
    weight = random(2048, 1536)
    weight[:1024] *= 1e-3
    opened = (opened_gemm if inputs_first else opened_dense)(weight, tmp_path)
    view = layer_view(opened, "fc", Plan().with_layer("fc", sparsity=0.5), "magnitude")
    assert view.gone is not None
    gone = view.gone.numpy()
    assert gone.shape == (512, 512)
    # the smallest of the large half are smaller than the largest of the small half: hardly any
    assert gone[:256].mean() / 255 == pytest.approx((np.abs(weight[:1024]) < view.cut).mean(), abs=1e-3)
    assert gone[256:].mean() / 255 == pytest.approx((np.abs(weight[1024:]) < view.cut).mean(), abs=1e-3)


def test_without_zeros_nothing_is_masked(tmp_path: Path) -> None:
    opened = opened_dense(random(8, 8), tmp_path)
    assert layer_view(opened, "fc", Plan(), "magnitude").gone is None
    assert layer_view(opened, "fc", Plan().with_layer("fc", weight_bits=4), "magnitude").gone is None


def test_the_mask_of_a_recurrent_layer_covers_both_of_its_weights(tmp_path: Path) -> None:
    w, r = random(1, 16, 3), random(1, 16, 4)
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], name="lstm", hidden_size=4)
    model = networks.model_of([node], {"x": [5, "N", 3]}, {"y": [5, 1, "N", 4]}, {"w": w, "r": r})
    opened = open_model(networks.written(model, tmp_path), Context())
    plan = Plan().with_layer("lstm", threshold=0.4)
    view = layer_view(opened, "lstm", plan, "magnitude")
    assert view.gone is not None
    both = np.abs(np.concatenate([w[0], r[0]], axis=1)) < 0.4
    assert (view.gone.numpy() == 255 * both).all()
    found = ranges(view.ranges)
    assert found.quantiles.numpy()[:, 0] == pytest.approx(
        np.minimum(w[0].min(axis=1), r[0].min(axis=1)), abs=1e-6
    )


# ---------------------------------------------------------------- grids


def test_the_grid_is_where_the_weights_come_to_lie(tmp_path: Path) -> None:
    weight = random(32, 40)
    opened = opened_dense(weight, tmp_path)
    plan = Plan().with_layer("fc", weight_bits=3, granularity="tensor")
    view = layer_view(opened, "fc", plan, "magnitude")
    assert view.grid is not None and view.grids == 1
    grid = view.grid.numpy()
    assert len(grid) == 8 and (np.diff(grid) > 0).all() and 0 in grid
    after = planned_weight(weight, resolve(opened, plan)[0])
    assert np.isin(np.unique(after), grid).all()
    found = ranges(view.ranges)
    assert found.low is not None and found.high is not None and found.clipped is not None
    assert found.low.numpy() == pytest.approx(np.full(32, grid[0]))
    assert found.high.numpy() == pytest.approx(np.full(32, grid[-1]))
    half = (grid[1] - grid[0]) / 2
    clipped = ((weight > grid[-1] + half) | (weight < grid[0] - half)).mean(axis=1)
    assert found.clipped.numpy() == pytest.approx(clipped, abs=1e-6)
    assert clipped.max() > 0  # the search for the best scale cuts the largest off


def test_each_channel_has_a_grid_of_its_own(tmp_path: Path) -> None:
    # channel i reaches i + 1, so its scale is (i + 1) / 7 where nothing is cut off
    weight = np.linspace(-1, 1, 15, dtype=np.float32)[None, :] * np.arange(1, 6, dtype=np.float32)[:, None]
    opened = opened_dense(weight, tmp_path)
    plan = Plan(methods={"quantize_weights": {"search": False}}).with_layer("fc", weight_bits=4)
    view = layer_view(opened, "fc", plan, "magnitude")
    assert view.grids == 5
    assert view.grid is not None
    # the middle one is channel 2's
    assert view.grid.numpy()[-1] == pytest.approx(3.0, rel=0.15)
    found = ranges(view.ranges)
    assert found.high is not None and found.clipped is not None
    assert found.high.numpy() == pytest.approx(found.high.numpy()[0] * np.arange(1, 6), rel=1e-5)
    assert found.clipped.numpy() == pytest.approx(np.zeros(5))


def test_shared_values_are_a_grid_too(tmp_path: Path) -> None:
    weight = random(16, 64)
    opened = opened_dense(weight, tmp_path)
    plan = Plan().with_layer("fc", clusters=8, weight_bits=3, granularity="tensor")
    view = layer_view(opened, "fc", plan, "magnitude")
    assert view.grid is not None
    after = planned_weight(weight, resolve(opened, plan)[0])
    assert np.isin(np.unique(after), view.grid.numpy()).all()


def test_floats_have_no_grid(tmp_path: Path) -> None:
    opened = opened_dense(random(8, 8), tmp_path)
    view = layer_view(opened, "fc", Plan().with_layer("fc", weight_bits=16), "magnitude")
    assert view.grid is None and view.grids == 0
    assert ranges(view.ranges).low is None


def test_of_a_large_weight_some_channels_have_known_ends(tmp_path: Path) -> None:
    weight = random(2048, 1536)
    view = layer_view(opened_dense(weight, tmp_path), "fc", Plan().with_layer("fc", weight_bits=4), "l2")
    found = ranges(view.ranges)
    assert found.high is not None
    high = found.high.numpy()
    assert len(high) == GROUPS and found.channels == 2048
    # 12 times as many weights as are rounded: every twelfth channel is
    assert np.isfinite(high).sum() == len(range(0, 2048, 12))
    assert view.grids == 2048


# ---------------------------------------------------------------- ranges of channels


def test_ranges_of_few_channels_are_exact() -> None:
    matrix = np.stack([np.arange(101), -2 * np.arange(101.0)]).astype(np.float32)
    found = ranges(channel_ranges(matrix))
    assert found.quantiles.numpy()[0].tolist() == [0, 1, 25, 50, 75, 99, 100]
    assert found.quantiles.numpy()[1].tolist() == [-200, -198, -150, -100, -50, -2, 0]
    assert found.low is None and found.channels == 2


def test_many_channels_are_grouped_and_the_ends_are_of_all_values() -> None:
    matrix = random(4096, 2000)
    matrix[5, 1999], matrix[4095, 3] = 60.0, -70.0
    found = ranges(channel_ranges(matrix))
    quantiles = found.quantiles.numpy()
    assert quantiles.shape == (256, 7)
    assert quantiles[0, -1] == 60.0 and quantiles[255, 0] == -70.0
    assert (np.diff(quantiles, axis=1) >= 0).all()
    expected = np.quantile(matrix[:16], [0.25, 0.5, 0.75])
    assert quantiles[0, 2:5] == pytest.approx(expected, abs=0.2)


def test_values_that_are_not_numbers_are_left_out() -> None:
    matrix = np.array([[1.0, np.nan, 3.0], [np.inf, -np.inf, np.nan]], np.float32)
    quantiles = ranges(channel_ranges(matrix)).quantiles.numpy()
    assert quantiles[0].tolist() == [1, 1, 1, 1, 3, 3, 3] or quantiles[0, [0, -1]].tolist() == [1, 3]
    assert quantiles[1].tolist() == [0] * 7
    assert channel_ranges(np.zeros((0, 3), np.float32)) is None
