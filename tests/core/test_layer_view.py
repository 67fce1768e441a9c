"""The inspector's picture of a layer: reduced rightly, and the plan's effect as it will be."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.context import Context
from core.errors import PlanError
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.layer_view import layer_view
from core.methods.planned import planned_weight
from core.methods.resolve import resolve
from core.planned_view import BINS, PLANNED_SIZE
from core.values import Plan


def opened_dense(weight: np.ndarray, folder: Path) -> OpenedModel:
    return open_model(networks.written(networks.dense(weight), folder), Context())


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def test_a_small_weight_is_shown_as_it_is(tmp_path: Path) -> None:
    opened = opened_dense(np.array([[1.0, -2.0], [0.0, 0.5], [4.0, 0.0]]), tmp_path)
    view = layer_view(opened, "fc", Plan(), "magnitude")
    assert view.heatmap.numpy().tolist() == [[1, 2], [0, 0.5], [4, 0]]
    assert view.per_channel.numpy().tolist() == [3.0, 0.5, 4.0]
    assert view.rows_sorted.numpy().tolist() == [1, 2, 0]
    assert (view.minimum, view.maximum) == (-2.0, 4.0)
    assert view.std == pytest.approx(np.std([1, -2, 0, 0.5, 4, 0]))
    assert view.histogram_after is None and view.cut is None and view.sqnr_db is None


def test_kernel_positions_are_summed(tmp_path: Path) -> None:
    model = networks.cnn()
    weight = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "w1")
    view = layer_view(open_model(networks.written(model, tmp_path), Context()), "conv1", Plan(), "magnitude")
    assert view.heatmap.numpy() == pytest.approx(np.abs(weight).sum(axis=(2, 3)), rel=1e-5)


@pytest.mark.parametrize("transposed", [True, False])
def test_large_weights_are_averaged_over_blocks(transposed: bool, tmp_path: Path) -> None:
    weight = random(1024, 1536)
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=int(transposed))
    stored = weight if transposed else np.ascontiguousarray(weight.T)
    model = networks.model_of([node], {"x": ["N", 1536]}, {"y": ["N", 1024]}, {"w": stored})
    opened = open_model(networks.written(model, tmp_path), Context())
    for score, expected in (("magnitude", np.abs(weight)), ("l2", weight**2)):
        view = layer_view(opened, "fc", Plan(), score)
        blocks = expected.reshape(512, 2, 512, 3).mean(axis=(1, 3))
        assert view.heatmap.numpy() == pytest.approx(blocks, rel=1e-4)
        assert view.per_channel.numpy() == pytest.approx(expected.sum(axis=1), rel=1e-4)
        importance = expected.sum(axis=1, dtype=np.float64).reshape(512, 2).mean(axis=1)
        ranked = importance[np.argsort(view.rows_sorted.numpy())]
        assert (np.diff(ranked) <= 1e-4 * ranked[:-1]).all()  # but for rounding, from the largest down


def test_uneven_blocks_and_more_channels_than_are_shown(tmp_path: Path) -> None:
    weight = np.ones((5000, 3), np.float32)
    view = layer_view(opened_dense(weight, tmp_path), "fc", Plan(), "magnitude")
    assert view.heatmap.shape == (512, 3) and np.allclose(view.heatmap.numpy(), 1)
    assert view.per_channel.shape == (4096,) and np.allclose(view.per_channel.numpy(), 3)


def test_the_histogram_counts_every_weight_with_zero_in_the_middle(tmp_path: Path) -> None:
    weight = random(40, 50)
    weight[:, :10] = 0
    view = layer_view(opened_dense(weight, tmp_path), "fc", Plan(), "magnitude")
    edges = view.bin_edges.numpy()
    expected, _ = np.histogram(weight, edges.astype(np.float64))
    counts = view.histogram.numpy()
    assert len(counts) == BINS and counts.sum() == weight.size
    assert np.abs(counts - expected).sum() <= 2  # a weight on an edge may fall to either side
    assert edges[64] == pytest.approx(-edges[65]) and counts[64] >= 400


def test_what_the_plan_leaves(tmp_path: Path) -> None:
    weight = random(64, 48)
    opened = opened_dense(weight, tmp_path)
    plan = Plan().with_layer("fc", sparsity=0.5, weight_bits=4)
    view = layer_view(opened, "fc", plan, "magnitude")
    step = resolve(opened, plan)[0]
    after = planned_weight(weight, step)
    expected = 10 * np.log10((weight**2).sum() / ((weight - after) ** 2).sum())
    assert view.sqnr_db == pytest.approx(expected, abs=1e-3)
    assert view.histogram_after is not None
    assert view.histogram_after.numpy().sum() == weight.size
    assert view.histogram_after.numpy()[64] >= weight.size // 2
    magnitudes = np.sort(np.abs(weight).reshape(-1))
    assert view.cut == magnitudes[weight.size // 2]
    assert (np.abs(weight) < view.cut).sum() == weight.size // 2


def test_a_threshold_is_the_cut(tmp_path: Path) -> None:
    opened = opened_dense(np.array([[1.0, -2.0, 0.25]]), tmp_path)
    view = layer_view(opened, "fc", Plan().with_layer("fc", threshold=0.5), "magnitude")
    assert view.cut == 0.5
    assert view.sqnr_db == pytest.approx(10 * np.log10(5.0625 / 0.0625))


def test_of_a_large_weight_a_part_stands_for_the_whole_and_says_so(tmp_path: Path) -> None:
    weight = random(2048, 1536)
    opened = opened_dense(weight, tmp_path)
    plan = Plan().with_layer("fc", sparsity=0.7)
    view = layer_view(opened, "fc", plan, "magnitude")
    assert weight.size > PLANNED_SIZE
    assert len(view.notes) == 1 and "of 3,145,728 weights" in str(view.notes[0])
    after = planned_weight(weight, resolve(opened, plan)[0])
    expected = 10 * np.log10((weight**2).sum() / ((weight - after) ** 2).sum())
    assert view.sqnr_db == pytest.approx(expected, abs=0.1)
    assert view.cut is not None and (np.abs(weight) < view.cut).mean() == pytest.approx(0.7, abs=1e-6)
    assert view.histogram_after is not None
    assert view.histogram_after.numpy().sum() == pytest.approx(weight.size, rel=1e-3)
    assert view.histogram.numpy().sum() == pytest.approx(weight.size, rel=1e-3)


def test_a_kept_layer_and_a_wrong_plan_show_the_layer_alone(tmp_path: Path) -> None:
    opened = opened_dense(random(4, 4), tmp_path)
    kept = Plan().with_defaults(sparsity=0.5).with_layer("fc", keep=True)
    assert layer_view(opened, "fc", kept, "magnitude").histogram_after is None
    wrong = layer_view(opened, "fc", Plan().with_layer("fc", weight_bits=9), "magnitude")
    assert wrong.histogram_after is None and "9 bits" in str(wrong.notes[0])


def test_weights_that_are_not_numbers_do_not_break_the_view(tmp_path: Path) -> None:
    weight = random(8, 8)
    weight[2, 3] = np.nan
    weight[0, 0] = np.inf
    opened = opened_dense(weight, tmp_path)
    view = layer_view(opened, "fc", Plan().with_layer("fc", weight_bits=8), "magnitude")
    assert np.isfinite([view.minimum, view.maximum, view.std]).all()
    assert view.histogram.numpy().sum() == 62


def test_unknown_layers_and_scores_are_named(tmp_path: Path) -> None:
    opened = opened_dense(random(2, 2), tmp_path)
    with pytest.raises(PlanError, match="nothing"):
        layer_view(opened, "nothing", Plan(), "magnitude")
    with pytest.raises(PlanError, match="guess"):
        layer_view(opened, "fc", Plan(), "guess")


def test_every_layer_of_the_shared_models_can_be_looked_at(shared_models: Path) -> None:
    plan = Plan().with_defaults(sparsity=0.5, weight_bits=8)
    for path in sorted(shared_models.glob("*.onnx")):
        opened = open_model(path, Context())
        for layer in opened.info.layers[:12]:
            for score in ("magnitude", "neuron"):
                view = layer_view(opened, layer.id, plan, score)
                assert max(view.heatmap.shape) <= 512
                assert len(view.rows_sorted.numpy()) == view.heatmap.shape[0]
                assert np.isfinite(view.heatmap.numpy()).all()
