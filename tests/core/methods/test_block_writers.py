"""Weights in blocks and with zero points in the file: every layer that has them, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from test_assemble import compressed, kernels

from core.context import Context
from core.formats import open_model
from core.graph.weights import get_weights, set_weight, to_bytes
from core.methods.planned import planned_weight
from core.methods.resolve import resolve
from core.readback import read_back
from core.values import LayerPlan, Plan


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def single(op: str, x: list[int], weights: list[np.ndarray], out: list[int], **attributes: object) -> object:
    names = [f"w{i}" for i in range(len(weights))]
    node = helper.make_node(op, ["x", *names], ["y"], name="layer", **attributes)
    return networks.model_of([node], {"x": x}, {"y": out}, dict(zip(names, weights, strict=True)))  # type: ignore[arg-type]


LAYERS = {
    "conv": lambda: single("Conv", [1, 8, 6, 6], [random(12, 8, 3, 3)], [1, 12, 4, 4]),
    "grouped": lambda: single("Conv", [1, 16, 6, 6], [random(12, 8, 3, 3)], [1, 12, 4, 4], group=2),
    "rows": lambda: single("Gemm", [2, 96], [random(10, 96)], [2, 10], transB=1),
    "columns": lambda: single("Gemm", [2, 96], [random(96, 10)], [2, 10]),
    "product": lambda: single("MatMul", [2, 64], [random(64, 10)], [2, 10]),
    "prime": lambda: single("MatMul", [2, 67], [random(67, 10)], [2, 10]),
    "stack": lambda: single("MatMul", [3, 2, 64], [random(3, 64, 10)], [3, 2, 10]),
    "transposed": lambda: single("ConvTranspose", [1, 16, 4, 4], [random(16, 5, 2, 2)], [1, 5, 5, 5]),
    "both": lambda: single("ConvTranspose", [1, 16, 4, 4], [random(16, 5, 2, 2)], [1, 10, 5, 5], group=2),
    "lstm": lambda: single(
        "LSTM", [5, 1, 40], [random(1, 80, 40), random(1, 80, 20)], [5, 1, 1, 20], hidden_size=20
    ),
}


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("granularity", ["tensor", "channel", "block"])
@pytest.mark.parametrize("name", LAYERS)
def test_weights_alone_compute_with_the_numbers_that_the_plan_says(
    name: str, granularity: str, symmetric: bool, bits: int, tmp_path: Path
) -> None:
    model = open_model(networks.written(LAYERS[name](), tmp_path), Context())  # type: ignore[arg-type]
    defaults = LayerPlan(weight_bits=bits, granularity=granularity, block_size=16, symmetric=symmetric)  # type: ignore[arg-type]
    plan = Plan(defaults=defaults)
    (step,) = resolve(model, plan)
    content = compressed(model, plan, {})
    rounded = model.clone()
    for weight, array in zip(step.layer.weights, get_weights(model.model, step.layer), strict=True):
        numbers = planned_weight(array, step)
        assert not np.array_equal(numbers, array)
        set_weight(rounded, weight, numbers)
    shape = [int(dim) for dim in model.info.inputs[0].shape or ()]
    feeds = {"x": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    wanted = session(to_bytes(rounded)).run(None, feeds)[0]
    np.testing.assert_allclose(session(content).run(None, feeds)[0], wanted, atol=1e-4, rtol=1e-4)
    # nothing is left to be done at each run
    assert kernels(content, tmp_path) == kernels(to_bytes(rounded), tmp_path)
    path = tmp_path / "out.onnx"
    path.write_bytes(content)
    onnx.checker.check_model(str(path), full_check=True)
    (report,) = read_back(path, model.info.layers, plan)
    assert (report.weight_bits, report.note) == (bits, None)


def session(content: bytes, optimise: bool = True) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 7, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("granularity", ["channel", "block"])
@pytest.mark.parametrize("reduce", ["on", "off"])
def test_with_integer_activations_the_kernels_stay_integer(
    bits: int, symmetric: bool, granularity: str, reduce: str, tmp_path: Path
) -> None:
    model = open_model(networks.written(networks.cnn(channels=32), tmp_path), Context())
    defaults = LayerPlan(
        weight_bits=bits,
        activation_bits=8,
        granularity=granularity,  # type: ignore[arg-type]
        block_size=16,
        symmetric=symmetric,
    )
    plan = Plan(
        defaults=defaults,
        methods={"quantize_weights": {"reduce_range": reduce}, "quantize_activations": {"float_ends": False}},
    )
    feeds = {"x": networks.pictures(8)}
    content = compressed(model, plan, feeds)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    found = kernels(content, tmp_path)
    assert found["QLinearConv"] == 2 and found["QGemm"] == 1
    assert not {"Conv", "Gemm", "DequantizeLinear", "Cast", "Mul", "Sub", "Reshape"} & found.keys()
    if reduce == "off":
        return  # sums overflow on some processors
    fused = session(content).run(None, feeds)[0]
    plain = session(content, optimise=False).run(None, feeds)[0]
    # kernels may round a half the other way: one step of some activation
    assert np.abs(fused - plain).max() < 0.05 * np.abs(plain).max()


def test_blocks_of_wide_integers_become_channels_and_the_layer_says_so(tmp_path: Path) -> None:
    model = open_model(networks.written(networks.cnn(channels=32), tmp_path), Context())
    blocks = LayerPlan(weight_bits=8, activation_bits=8, granularity="block")
    note = resolve(model, Plan(defaults=blocks))[1].note
    assert note is not None and "no room for blocks" in str(note)
    few = LayerPlan(weight_bits=4, activation_bits=8, granularity="block")
    methods: dict[str, dict[str, str | int | float | bool]] = {"quantize_weights": {"reduce_range": "off"}}
    step = resolve(model, Plan(defaults=few, methods=methods))[1]
    assert step.note is None and step.factors == 15


def test_scales_and_zero_points_of_blocks_take_half_a_byte_where_they_can(tmp_path: Path) -> None:
    model = open_model(networks.written(networks.cnn(channels=32), tmp_path), Context())
    plan = Plan(
        defaults=LayerPlan(
            weight_bits=4, activation_bits=8, granularity="block", block_size=32, symmetric=False
        ),
        methods={"quantize_weights": {"reduce_range": "off"}},
    )
    content = onnx.load_from_string(compressed(model, plan, {"x": networks.pictures(8)}))
    shapes = {tuple(t.dims): t.data_type for t in content.graph.initializer if len(t.dims) == 3}
    # 288 weights a row: nine blocks
    assert shapes[32, 9, 32] == TensorProto.INT4
    kinds = {t.data_type for t in content.graph.initializer if tuple(t.dims) == (32, 9, 1)}
    assert kinds == {TensorProto.INT4, TensorProto.UINT4}
