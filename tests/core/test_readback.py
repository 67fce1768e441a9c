"""What a file holds is read from the file, whatever the plan said."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.readback import read_back
from core.values import Layer, LayerPlan, Plan


def layer(name: str, op: str = "Gemm") -> Layer:
    return Layer(
        id=name,
        label=name,
        op=op,
        kind=op,
        weights=("w",),
        shape=(2, 4),
        out_channels=2,
        in_channels=4,
        params=8,
        bytes=32,
    )


def test_a_float_layer_with_three_of_eight_zeros(tmp_path: Path) -> None:
    weight = np.array([[1, 0, 2, 0], [0, 3, 4, 5]], np.float32)
    (report,) = read_back(networks.written(networks.dense(weight), tmp_path), [layer("fc")])
    assert (report.sparsity, report.weight_bits, report.activation_bits) == (0.375, 32, 32)
    assert (report.bytes, report.before_bytes) == (32, 32)


def test_bits_behind_a_dequantizelinear_and_zeros_at_its_zero_point(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"]),
        helper.make_node("Gemm", ["xd", "w"], ["y"], name="fc", transB=1),
    ]
    q = np.array([[128, 128, 3, 0], [7, 128, 128, 9]], np.uint8)
    constants = {"q": q, "s": np.float32(0.1), "z": np.uint8(128)}
    model = networks.model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 2]}, constants)  # type: ignore[arg-type]
    (report,) = read_back(networks.written(model, tmp_path), [layer("fc")])
    assert (report.sparsity, report.weight_bits, report.activation_bits) == (0.5, 8, 8)
    # eight integers, one scale of four bytes, one zero point
    assert report.bytes == 13


def test_four_bits_behind_a_cast_and_a_scale(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["q"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "s"], ["w"]),
        helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [
            helper.make_tensor("q", TensorProto.INT4, [2, 4], [1, 0, -3, 7, 0, 0, 0, -8]),
            numpy_helper.from_array(np.ones((2, 1), np.float32), "s"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (report,) = read_back(networks.written(model, tmp_path), [layer("fc")])
    assert (report.sparsity, report.weight_bits, report.activation_bits) == (0.5, 4, 32)
    assert report.bytes == 4 + 8


def test_the_file_counts_not_the_plan(tmp_path: Path) -> None:
    path = networks.written(networks.dense(np.ones((2, 4))), tmp_path)
    plan = Plan(defaults=LayerPlan(weight_bits=4, sparsity=0.5))
    (report,) = read_back(path, [layer("fc")], plan)
    assert (report.sparsity, report.weight_bits) == (0.0, 32)
    assert report.planned.weight_bits == 4
    assert str(report.note) == "The file differs from the plan here."


def test_integer_operators_and_a_missing_layer(tmp_path: Path) -> None:
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="fc")
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, ["N", 2])],
        [numpy_helper.from_array(np.eye(4, 2, dtype=np.int8), "w")],
    )
    path = tmp_path / "integer.onnx"
    onnx.save(helper.make_model(graph), str(path))
    found, missing = read_back(path, [layer("fc"), layer("gone")])
    assert (found.sparsity, found.weight_bits, found.activation_bits) == (0.75, 8, 8)
    assert "no such layer" in str(missing.note)
