"""The compressed network: what onnxruntime runs, and that it computes what the arrays say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from core.context import Context
from core.errors import PlanError
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights, set_weight, to_bytes
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.quantize_weights import dequantize, quantize_axes
from core.methods.resolve import base_model, resolve
from core.readback import read_back
from core.values import LayerPlan, Plan

W8A8 = Plan(
    defaults=LayerPlan(weight_bits=8, activation_bits=8),
    methods={"quantize_activations": {"float_ends": False}},
)


def opened(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


def compressed(model: OpenedModel, plan: Plan, feeds: dict[str, np.ndarray]) -> bytes:
    steps = resolve(model, plan)
    base = base_model(model, steps)
    ranges = calibrate(base, placement_for(base, steps).calibrated, lambda: iter([feeds]), Context())
    return to_bytes(assemble(base, steps, ranges))


def kernels(content: bytes, folder: Path) -> Counter[str]:
    """Operators of the graph that onnxruntime really runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)


def test_every_layer_runs_on_integers_and_nothing_in_between_is_float(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    content = compressed(model, W8A8, {"x": networks.pictures(32)})
    found = kernels(content, tmp_path)
    assert found["QLinearConv"] == 2 and found["QGemm"] == 1
    assert not {"Conv", "FusedConv", "Gemm", "Relu", "DequantizeLinear"} & found.keys()
    assert not {"Relu"} & {node.op_type for node in onnx.load_from_string(content).graph.node}


def test_integer_kernels_agree_with_the_reference_evaluator(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    pictures = networks.pictures(32)
    content = compressed(model, W8A8, {"x": pictures})
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    proto = onnx.load_from_string(content)
    # the evaluator knows conversions from opset 19 on; these operators mean the same in 17 and 21
    proto.opset_import[0].version, proto.ir_version = 21, 10
    wanted = ReferenceEvaluator(proto).run(None, {"x": pictures[:4]})[0]
    got = Runner(content).run({"x": pictures[:4]})[0]
    original = Runner(model.source).run({"x": pictures[:4]})[0]
    # kernels may round a half the other way: one step of 255 of some activation
    assert np.abs(got - wanted).max() < 0.01
    assert np.abs(got - original).max() < 0.03


def test_a_residual_sum_and_a_spatial_mean_stay_on_integers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "w2": rng.standard_normal((4, 4, 1, 1)).astype(np.float32),
        "w3": rng.standard_normal((4, 5)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], name="second"),
        helper.make_node("Add", ["a", "b"], ["c"], name="sum"),
        helper.make_node("Relu", ["c"], ["d"], name="relu"),
        helper.make_node("ReduceMean", ["d"], ["e"], name="mean", axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["e", "w3"], ["y"], name="fc"),
    ]
    network = networks.model_of(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 5]}, weights)
    model = opened(network, tmp_path)
    found = kernels(compressed(model, W8A8, {"x": networks.pictures(8)}), tmp_path)
    assert found["QLinearConv"] == 2 and found["QLinearAdd"] == 1
    assert found["QLinearGlobalAveragePool"] == 1 and found["MatMulIntegerToFloat"] == 1
    assert not {"Add", "ReduceMean", "DequantizeLinear", "MatMul"} & found.keys()


def test_weights_alone_are_folded_so_that_nothing_is_slower(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    content = compressed(model, Plan(defaults=LayerPlan(weight_bits=8)), {})
    # the same operators as the original's: no conversion is left to be done at each run
    assert kernels(content, tmp_path) == kernels(model.source.read_bytes(), tmp_path)


def test_four_bit_weights_are_stored_as_such_and_run_on_integer_kernels(tmp_path: Path) -> None:
    model = opened(networks.cnn(channels=32), tmp_path)
    plan = Plan(defaults=LayerPlan(weight_bits=4, activation_bits=8))
    content = compressed(model, plan, {"x": networks.pictures(8)})
    proto = onnx.load_from_string(content)
    assert {t.data_type for t in proto.graph.initializer if t.dims and len(t.dims) == 4} == {TensorProto.INT4}
    assert kernels(content, tmp_path)["QLinearConv"] == 2
    assert proto.opset_import[0].version == 21


def test_one_layer_on_integers_among_float_ones(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    plan = Plan().with_layer("conv2", weight_bits=8, activation_bits=8)
    content = compressed(model, plan, {"x": networks.pictures(8)})
    found = kernels(content, tmp_path)
    assert found["QLinearConv"] == 1 and found["QGemm"] == 0


def test_a_layer_that_ends_the_network_keeps_the_outputs_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {"w1": rng.standard_normal((4, 3, 3, 3)).astype(np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["y"], name="only", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["y"], ["positive"], name="relu"),
    ]
    shapes = {name: ["N", 4, 8, 8] for name in ("y", "positive")}
    model = opened(networks.model_of(nodes, {"x": ["N", 3, 8, 8]}, shapes, weights), tmp_path)
    pictures = networks.pictures(4)
    runner = Runner(compressed(model, W8A8, {"x": pictures}))
    assert [item.name for item in runner.outputs] == ["y", "positive"]
    got, wanted = runner.run({"x": pictures}), Runner(model.source).run({"x": pictures})
    assert np.abs(got[0] - wanted[0]).max() < 0.02 * np.abs(wanted[0]).max()
    np.testing.assert_array_equal(got[1], np.maximum(got[0], 0))


def test_old_files_are_raised_as_far_as_needed(tmp_path: Path) -> None:
    network = networks.cnn()
    network.opset_import[0].version = 11
    model = opened(network, tmp_path)
    for settings, opset in (((8, 32), 11), ((8, 8), 17), ((4, 32), 21)):
        plan = Plan(defaults=LayerPlan(weight_bits=settings[0], activation_bits=settings[1]))
        content = onnx.load_from_string(compressed(model, plan, {"x": networks.pictures(8)}))
        assert content.opset_import[0].version == opset
        onnx.checker.check_model(content, full_check=True)


def test_a_channel_of_zeros_keeps_its_bias(tmp_path: Path) -> None:
    network = networks.cnn()
    for tensor in network.graph.initializer:
        if tensor.name == "w1":
            array = numpy_helper.to_array(tensor).copy()
            array[2] = 0
            tensor.CopyFrom(numpy_helper.from_array(array, "w1"))
    model = opened(network, tmp_path)
    plan = msgspec.structs.replace(W8A8, methods={"quantize_weights": {"merge": False}})
    content = onnx.load_from_string(compressed(model, plan, {"x": networks.pictures(16)}))
    node = next(node for node in content.graph.node if node.name == "conv1")
    made = {name: node for node in content.graph.node for name in node.output}
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in content.graph.initializer}
    q, scale = (arrays[name] for name in made[node.input[2]].input)
    bias = next(numpy_helper.to_array(t) for t in network.graph.initializer if t.name == "b1")
    np.testing.assert_allclose((q * scale.astype(np.float64))[2], bias[2], atol=1e-5)


def test_an_embedding_keeps_its_rows_as_integers(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((100, 16)).astype(np.float32)
    table *= np.linspace(0.01, 10, 100, dtype=np.float32)[:, None]
    node = helper.make_node("Gather", ["table", "ids"], ["y"], name="embedding", axis=0)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16])],
        [numpy_helper.from_array(table, "table")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = opened(network, tmp_path)
    content = compressed(model, Plan(defaults=LayerPlan(weight_bits=8)), {})
    ids = np.array([[0, 50, 99]], np.int64)
    got = Runner(content).run({"ids": ids})[0]
    q, scale = quantize_axes(table, 8, (0,))
    np.testing.assert_allclose(got[0], (q * scale)[ids[0]], rtol=1e-6)
    # no float table appears when it is loaded
    assert kernels(content, tmp_path)["Gather"] == 2


def test_opening_is_not_changed_by_assembling(tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    before = to_bytes(model.model)
    compressed(model, W8A8, {"x": networks.pictures(8)})
    assert to_bytes(model.model) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weight_bits": 9}, "9 bits is not supported"),
        ({"weight_bits": 8, "activation_bits": 12}, "activations of 12 bits"),
        ({"activation_bits": 8}, "need integer weights"),
        ({"sparsity": 1.5}, "1.5"),
        ({"threshold": -1.0}, "must not be negative"),
    ],
)
def test_impossible_settings_name_the_layer(settings: dict[str, float], words: str, tmp_path: Path) -> None:
    model = opened(networks.cnn(), tmp_path)
    with pytest.raises(PlanError, match="w2") as raised:
        resolve(model, Plan().with_layer("conv2", **settings))
    assert words in raised.value.one_line()


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="nowhere"):
        resolve(opened(networks.cnn(), tmp_path), Plan().with_layer("nowhere", weight_bits=8))


MODELS = (
    "basic_pitch_nmp",
    "ch_ppocr_mobile_v2.0_cls_infer",
    "magika_standard_v3_3",
    "mobilenet_cifar10",
    "resnet20_cifar10",
    "silero_vad",
    "silero_vad_op18_ifless",
)


@pytest.mark.parametrize("name", MODELS)
def test_every_shared_model_compresses_to_eight_bit_weights(
    name: str, shared_models: Path, tmp_path: Path
) -> None:
    """The artefact answers as the original does with its weights rounded in numpy, and says 8 bits."""
    model = open_model(shared_models / f"{name}.onnx", Context())
    plan = Plan(defaults=LayerPlan(weight_bits=8))
    steps = resolve(model, plan)
    content = compressed(model, plan, {})
    rounded = model.clone()
    for step in steps:
        for weight_name, array in zip(step.layer.weights, get_weights(model.model, step.layer), strict=True):
            q, scale = quantize_axes(array, 8, step.channel_axes)
            set_weight(rounded, weight_name, (q * scale).astype(np.float32))
    feeds = example_feeds(Runner(model.source), 1)
    for got, wanted in zip(Runner(content).run(feeds), Runner(rounded).run(feeds), strict=True):
        np.testing.assert_allclose(got, wanted, atol=2e-4 * max(1.0, float(np.abs(wanted).max(initial=0))))
    path = tmp_path / "out.onnx"
    path.write_bytes(content)
    onnx.checker.check_model(str(path))
    reports = read_back(path, model.info.layers, plan)
    assert {report.weight_bits for report in reports} == {8}
    assert len(content) < 0.4 * model.info.size_bytes


def test_dequantize_is_the_inverse_of_the_grid() -> None:
    assert dequantize(np.array([[2, -3]], np.int8), np.array([0.5], np.float32), 0).tolist() == [[1.0, -1.5]]
