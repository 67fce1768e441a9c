"""Reaching, viewing, replacing and writing weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from graph_makers import FLOAT, array, graph_of, node, opened, random, run

from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.graph.weights import (
    as_stored,
    find_node,
    get_weights,
    matrix_view,
    out_axis,
    save,
    set_weight,
    to_bytes,
)


def one_layer(
    folder: Path, entry: onnx.NodeProto, shape: list[int | str], **weights: np.ndarray
) -> OpenedModel:
    return opened(graph_of([entry], {"x": shape}, ["y"], weights), folder)


def view(result: OpenedModel) -> tuple[int, np.ndarray]:
    (layer,) = result.info.layers
    found = find_node(result.model, layer.id)
    return out_axis(layer, found), matrix_view(layer, found, get_weights(result.model, layer)[0])


def test_view_of_a_convolution(tmp_path: Path) -> None:
    weight = random(6, 4, 3, 3)
    axis, matrix = view(one_layer(tmp_path, node("Conv", "x w", "y"), [1, 4, 8, 8], w=weight))
    assert axis == 0
    np.testing.assert_array_equal(matrix, weight.reshape(6, 36))


@pytest.mark.parametrize(
    ("entry", "shape", "axis", "transposed"),
    [
        (node("Gemm", "x w", "y"), ["N", 4], 1, True),
        (node("Gemm", "x w", "y", transB=1), ["N", 6], 0, False),
        (node("MatMul", "x w", "y"), ["N", 4], 1, True),
        (node("MatMul", "w x", "y"), [6, "N"], 0, False),
    ],
    ids=["gemm", "gemm-transposed", "matmul", "matmul-left"],
)
def test_view_of_a_dense_layer(
    tmp_path: Path, entry: onnx.NodeProto, shape: list[int | str], axis: int, transposed: bool
) -> None:
    weight = random(4, 6)
    found_axis, matrix = view(one_layer(tmp_path, entry, shape, w=weight))
    assert found_axis == axis
    np.testing.assert_array_equal(matrix, weight.T if transposed else weight)


def test_view_of_a_stack(tmp_path: Path) -> None:
    weight = random(5, 4, 6)
    axis, matrix = view(one_layer(tmp_path, node("MatMul", "x w", "y"), [5, 2, 4], w=weight))
    assert axis == 2
    np.testing.assert_array_equal(matrix, np.concatenate([part.T for part in weight]))


def test_view_of_a_transposed_convolution_with_groups(tmp_path: Path) -> None:
    weight = random(4, 3, 2, 2)
    axis, matrix = view(
        one_layer(tmp_path, node("ConvTranspose", "x w", "y", group=2), [1, 4, 8, 8], w=weight)
    )
    assert axis == 1
    assert matrix.shape == (6, 2 * 4)
    # output channel 4 is the second of the second group: fed by inputs 2 and 3
    np.testing.assert_array_equal(matrix[4], weight[2:, 1].ravel())


def test_view_of_a_recurrent_layer(tmp_path: Path) -> None:
    w, r = random(2, 20, 4), random(2, 20, 5)
    entry = node("LSTM", "x w r", "y", hidden_size=5, direction="bidirectional")
    result = one_layer(tmp_path, entry, [3, 1, 4], w=w, r=r)
    axis, matrix = view(result)
    assert axis == 1
    np.testing.assert_array_equal(matrix, w.reshape(40, 4))
    np.testing.assert_array_equal(get_weights(result.model, result.info.layers[0])[1], r)


def test_view_of_quantised_weights_is_in_real_numbers(tmp_path: Path) -> None:
    quantised = np.arange(12, dtype=np.int8).reshape(4, 3)
    scale, zero = np.array([1, 2, 4], np.float32), np.array([0, 1, 2], np.int8)
    nodes = [node("DequantizeLinear", "q s z", "w", axis=1), node("MatMul", "x w", "y", name="fc")]
    model = graph_of(nodes, {"x": ["N", 4]}, ["y"], {"q": quantised, "s": scale, "z": zero})
    _, matrix = view(opened(model, tmp_path))
    np.testing.assert_array_equal(matrix, ((quantised.astype(int) - zero) * scale).T)


def test_set_weight_changes_the_copy_alone(tmp_path: Path) -> None:
    result = one_layer(tmp_path, node("MatMul", "x w", "y"), ["N", 4], w=random(4, 3))
    copy = result.clone()
    set_weight(copy, "w", np.zeros((4, 3), np.float32))
    feeds = {"x": random(2, 4)}
    assert not run(copy, feeds)[0].any()
    assert run(result.model, feeds)[0].any()
    np.testing.assert_array_equal(array(result.model, "w"), random(4, 3))


def test_opened_weights_cannot_be_written_to(tmp_path: Path) -> None:
    result = one_layer(tmp_path, node("MatMul", "x w", "y"), ["N", 40], w=random(40, 30))
    with pytest.raises(ValueError, match="read-only"):
        get_weights(result.model, result.info.layers[0])[0][0] = 1


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    result = one_layer(tmp_path, node("MatMul", "x w", "y"), ["N", 4], w=random(4, 3))
    with pytest.raises(PlanError, match="'nothing'"):
        find_node(result.model, "nothing")
    with pytest.raises(PlanError, match="'nothing'"):
        set_weight(result.model, "nothing", random(4, 3))


def test_written_model_is_valid_and_the_same(tmp_path: Path) -> None:
    model = graph_of([node("Conv", "x w", "y")], {"x": ["N", 4, 8, 8]}, ["y"], {"w": random(6, 4, 3, 3)})
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", FLOAT, ["N", 6, 6, 6]))
    result = opened(model, tmp_path)
    save(result.model, tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == to_bytes(result.model)
    onnx.checker.check_model(str(tmp_path / "out.onnx"), full_check=True)
    feeds = {"x": random(1, 4, 8, 8)}
    np.testing.assert_array_equal(run(tmp_path / "out.onnx", feeds)[0], run(result.source, feeds)[0])


def test_model_above_2_gib_goes_to_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.graph.weights.PROTOBUF_LIMIT", 64 * 2**20 + 1000)
    result = one_layer(tmp_path, node("MatMul", "x w", "y"), ["N", 40], w=random(40, 30))
    save(result.model, tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx.data").stat().st_size >= 4800
    feeds = {"x": random(1, 40)}
    np.testing.assert_array_equal(run(tmp_path / "out.onnx", feeds)[0], run(result.source, feeds)[0])
    # the model in memory still holds its weights itself
    assert not isinstance(result.model.graph.initializers["w"].const_value, ir.ExternalTensor)
    monkeypatch.setattr("core.graph.weights.PROTOBUF_LIMIT", 1000)
    with pytest.raises(PlanError, match="2 GiB"):
        to_bytes(result.model)


def test_dtype_of_a_replaced_weight_is_written(tmp_path: Path) -> None:
    result = one_layer(tmp_path, node("MatMul", "x w", "y"), ["N", 4], w=random(4, 3))
    copy = result.clone()
    set_weight(copy, "w", np.ones((2, 3), np.int8))
    stored = onnx.load_from_string(to_bytes(copy)).graph.initializer[0]
    assert (stored.data_type, list(stored.dims), FLOAT) == (onnx.TensorProto.INT8, [2, 3], 1)


@pytest.mark.parametrize(
    ("entry", "shape", "weight"),
    [
        (node("Conv", "x w", "y", group=2), [1, 4, 8, 8], random(6, 2, 3, 3)),
        (node("ConvTranspose", "x w", "y", group=2), [1, 4, 8, 8], random(4, 3, 2, 2)),
        (node("Gemm", "x w", "y"), ["N", 4], random(4, 6)),
        (node("Gemm", "x w", "y", transB=1), ["N", 4], random(6, 4)),
        (node("MatMul", "w x", "y"), [6, "N"], random(4, 6)),
        (node("MatMul", "x w", "y"), [5, 2, 4], random(5, 4, 6)),
    ],
    ids=["conv", "transposed conv", "gemm", "gemm-transposed", "matmul-left", "stack"],
)
def test_a_view_goes_back_to_what_is_stored(
    tmp_path: Path, entry: onnx.NodeProto, shape: list[int | str], weight: np.ndarray
) -> None:
    result = one_layer(tmp_path, entry, shape, w=weight)
    (layer,) = result.info.layers
    found = find_node(result.model, layer.id)
    matrix = matrix_view(layer, found, weight)
    np.testing.assert_array_equal(as_stored(layer, found, matrix, weight.shape), weight)
