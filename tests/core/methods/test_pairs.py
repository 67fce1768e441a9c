"""Scales that keep neighbouring weights small together, so that sums of two products fit into 16 bits."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from core.context import Context
from core.formats import open_model
from core.graph.weights import to_bytes
from core.methods._pairs import fine_scale, kernel_order, kernel_rows, mended, worst
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.compensate import Wanted, compensated
from core.methods.resolve import base_model, resolve
from core.values import LayerPlan, Plan


def test_only_neighbours_of_one_sign_add_up() -> None:
    rows = np.array([[100, 27, -100, 28], [100, 29, 0, 0], [-90, -39, 5, 6], [64, 64, 64, 64]])
    assert worst(rows).tolist() == [127, 129, 129, 128]


def test_a_last_column_without_a_neighbour_is_alone() -> None:
    assert worst(np.array([[10, 20, 127]])).tolist() == [127]


def test_kernels_take_the_channels_of_a_position_together() -> None:
    weight = np.arange(8).reshape(1, 2, 2, 2)
    assert kernel_rows(weight, 0).tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    assert weight.reshape(1, 8)[:, kernel_order(8, 4)].tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    # a matrix stored as (in, out): its rows are its columns
    assert kernel_rows(np.array([[1, 2], [3, 4]]), 1).tolist() == [[1, 3], [2, 4]]


def test_the_scale_grows_only_where_pairs_are_too_large() -> None:
    rows = np.array([[1.27, -1.27], [1.27, 0.01], [1.27, 1.27]], np.float32)
    found = fine_scale(rows, np.full(3, 0.01, np.float32))
    assert found[:2].tolist() == [np.float32(0.01)] * 2
    # 64 each: 1.27 / 64.5 rounds to 64
    assert found[2] == pytest.approx(1.27 / 64.5, rel=0.006)
    assert worst(np.rint(rows / found[:, None])).max() <= 128


def test_one_scale_for_all_rows_grows_for_all() -> None:
    rows = np.array([[1.27, 0.0], [1.27, 1.27]], np.float32)
    found = fine_scale(rows, np.full(2, 0.01, np.float32), shared=True)
    assert found[0] == found[1] == pytest.approx(1.27 / 64.5, rel=0.006)


def test_of_a_pair_that_does_not_fit_the_larger_gives_way() -> None:
    rows = np.array([[100, 40, -70, -60, 127], [100, -40, 64, 64, 1]])
    assert mended(rows).tolist() == [[88, 40, -68, -60, 127], [100, -40, 64, 64, 1]]


def test_compensated_weights_keep_to_it() -> None:
    rng = np.random.default_rng(0)
    weights = np.abs(rng.standard_normal((1, 6, 36))).astype(np.float32)
    x = rng.standard_normal((200, 36)) @ rng.standard_normal((36, 36))
    hessian = (x.T @ x / 200)[None] + 0.1 * np.eye(36)
    found, grid = compensated(weights, hessian, Wanted(bits=8, kernel=9, paired=True))
    assert grid is not None
    integers = grid.round(found)[0][:, kernel_order(36, 9)]
    assert 120 <= worst(integers).max() <= 128
    np.testing.assert_allclose(found, grid.round(found) * grid.scale, rtol=1e-6)


KERNELS = {
    "3 channels": ((8, 3, 3, 3), {"pads": [1] * 4}, [3, 9, 9]),
    "even channels": ((8, 6, 3, 3), {"pads": [1] * 4}, [6, 9, 9]),
    "1 × 1": ((8, 5, 1, 1), {}, [5, 9, 9]),
    "groups": ((8, 4, 3, 3), {"group": 2}, [8, 9, 9]),
    "two outputs of each input": ((8, 1, 3, 3), {"group": 4}, [4, 9, 9]),
    "depthwise": ((8, 1, 3, 3), {"group": 8}, [8, 9, 9]),
    "strides": ((8, 3, 5, 5), {"strides": [2, 2]}, [3, 9, 9]),
    "a signal": ((8, 3, 5), {}, [3, 30]),
    "a volume": ((8, 3, 3, 3, 3), {}, [3, 5, 5, 5]),
}


def network(name: str) -> tuple[onnx.ModelProto, list[int]]:
    rng = np.random.default_rng(0)
    if name in ("Gemm", "MatMul"):
        weights = {"w": rng.uniform(0.2, 1.0, (33, 8)).astype(np.float32)}
        node = helper.make_node(name, ["x", "w"], ["y"], name="layer")
        return networks.model_of([node], {"x": ["N", 33]}, {"y": ["N", 8]}, weights), [33]
    shape, attributes, size = KERNELS[name]
    weights = {"w": rng.uniform(0.2, 1.0, shape).astype(np.float32)}
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="layer", **attributes)
    dims = ["N", 8, *[f"d{i}" for i in range(len(size) - 1)]]
    return networks.model_of([node], {"x": ["N", *size]}, {"y": dims}, weights), size


@pytest.mark.parametrize("name", [*KERNELS, "Gemm", "MatMul"])
def test_integer_kernels_compute_what_the_file_says(name: str, tmp_path: Path) -> None:
    model, size = network(name)
    opened = open_model(networks.written(model, tmp_path), Context())
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"quantize_weights": {"reduce_range": "on", "merge": False}},
    )
    feeds = {"x": np.random.default_rng(1).uniform(0.7, 1.0, (4, *size)).astype(np.float32)}
    steps = resolve(opened, plan)
    base = base_model(opened, steps)
    ranges = calibrate(base, placement_for(base, steps).calibrated, lambda: iter([feeds]), Context())
    content = to_bytes(assemble(base, steps, ranges))
    found = []
    for level in (ort.GraphOptimizationLevel.ORT_ENABLE_ALL, ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = level
        session = ort.InferenceSession(content, options, ["CPUExecutionProvider"])
        found.append(session.run(None, feeds)[0])
    assert np.abs(found[0] - found[1]).max() <= 1.01 * found[1].max() / 255


def test_rows_of_large_weights_are_looked_at_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    scale = np.full(7, 0.01, np.float32)
    whole = worst(rows), fine_scale(rows, scale)
    monkeypatch.setattr("core.methods._pairs._AT_ONCE", 20)  # two rows
    np.testing.assert_array_equal(worst(rows), whole[0])
    np.testing.assert_array_equal(fine_scale(rows, scale), whole[1])
