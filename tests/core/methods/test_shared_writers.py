"""Shared values and float16 in a file: the kernels that run, the numbers, the bytes, what is read back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from core.context import Context
from core.errors import PlanError
from core.estimate import layer_bytes
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights, to_bytes
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.planned import planned_weight
from core.methods.resolve import base_model, resolve
from core.readback import read_back
from core.values import LayerPlan, Plan


def opened(folder: Path, channels: int = 32) -> OpenedModel:
    return open_model(networks.written(networks.cnn(channels=channels), folder), Context())


def compressed(model: OpenedModel, plan: Plan, pictures: np.ndarray | None = None) -> bytes:
    steps = resolve(model, plan)
    base = base_model(model, steps)
    placement = placement_for(base, steps)
    batches = lambda: iter([{"x": pictures}])  # noqa: E731
    ranges = calibrate(base, placement.calibrated, batches, Context(), bits=placement.bits)
    return to_bytes(assemble(base, steps, ranges))


def kernels(content: bytes, folder: Path) -> Counter[str]:
    """Operators of the graph that onnxruntime really runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)


def with_weights(model: OpenedModel, plan: Plan) -> onnx.ModelProto:
    """The original with the numbers that the plan's weights stand for, put in by hand."""
    proto = onnx.load(str(model.source))
    steps = {step.layer.id: step for step in resolve(model, plan)}
    for layer in model.info.layers:
        weight = planned_weight(get_weights(model.model, layer)[0], steps[layer.id])
        for tensor in proto.graph.initializer:
            if tensor.name == layer.weights[0]:
                tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    return proto


@pytest.mark.parametrize(
    ("clusters", "kind", "opset"),
    [(256, TensorProto.UINT8, 17), (16, TensorProto.UINT4, 21), (4, TensorProto.UINT2, 25)],
)
def test_places_are_packed_and_nothing_is_looked_up_at_a_run(
    clusters: int, kind: int, opset: int, tmp_path: Path
) -> None:
    model, pictures = opened(tmp_path), networks.pictures(8)
    plan = Plan(defaults=LayerPlan(clusters=clusters))
    content = compressed(model, plan)
    proto = onnx.load_from_string(content)
    assert proto.opset_import[0].version == opset
    assert sum(tensor.data_type == kind for tensor in proto.graph.initializer) == len(model.info.layers)
    # the same operators as the original's: the table is folded on loading
    assert kernels(content, tmp_path) == kernels(model.source.read_bytes(), tmp_path)
    got = Runner(content).run({"x": pictures})[0]
    wanted = Runner(with_weights(model, plan).SerializeToString()).run({"x": pictures})[0]
    assert np.abs(got - wanted).max() < 1e-5


def test_the_reference_evaluator_reads_the_same(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(4)
    content = compressed(model, Plan(defaults=LayerPlan(clusters=16)))
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    wanted = ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"x": pictures})[0]
    assert np.abs(Runner(content).run({"x": pictures})[0] - wanted).max() < 1e-4


@pytest.mark.parametrize("clusters", [256, 16, 4])
def test_with_eight_bit_activations_the_table_holds_integers_and_the_kernels_run_on_them(
    clusters: int, tmp_path: Path
) -> None:
    model, pictures = opened(tmp_path), networks.pictures(32)
    plan = Plan(
        defaults=LayerPlan(clusters=clusters, activation_bits=8),
        methods={"quantize_activations": {"float_ends": False}},
    )
    content = compressed(model, plan, pictures)
    found = kernels(content, tmp_path)
    assert found["QLinearConv"] == 2 and found["QGemm"] == 1
    assert not {"Conv", "Gemm", "Gather", "DequantizeLinear"} & found.keys()
    got = Runner(content).run({"x": pictures})[0]
    wanted = Runner(with_weights(model, plan).SerializeToString()).run({"x": pictures})[0]
    # a few steps of 8-bit activations apart
    assert np.abs(got - wanted).max() < 0.03


def test_a_table_has_as_many_numbers_as_asked_for_and_a_scale_for_each_channel(tmp_path: Path) -> None:
    model = opened(tmp_path)
    for granularity, most in (("tensor", 12), ("channel", 12 * 32)):
        plan = Plan(defaults=LayerPlan(clusters=12, granularity=granularity))
        step = next(step for step in resolve(model, plan) if step.layer.id == "conv2")
        weight = planned_weight(get_weights(model.model, step.layer)[0], step)
        distinct = len(np.unique(weight))
        assert distinct <= most and distinct > most // 2
        if granularity == "channel":
            assert all(len(np.unique(row)) <= 12 for row in weight)


def test_zeros_of_a_pruned_layer_stay_zero_and_are_read_back(tmp_path: Path) -> None:
    model = opened(tmp_path)
    plan = Plan(defaults=LayerPlan(clusters=8, sparsity=0.5))
    path = tmp_path / "out.onnx"
    path.write_bytes(compressed(model, plan))
    for layer in read_back(path, model.info.layers, plan):
        assert layer.weight_bits == 4 and layer.sparsity == pytest.approx(0.5, abs=0.02)
        assert layer.note is None
        # places of four bits, eight shared values and a scale for each channel
        original = model.info.layer(layer.layer_id)
        weights = int(np.prod(original.shape))
        bias = original.params - weights
        assert layer.bytes == weights // 2 + 4 * (8 + original.out_channels + bias)
        assert layer.bytes == layer_bytes(original, plan.layer(layer.layer_id))


def test_an_embedding_and_a_shared_weight(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["t", "x"], ["e"], name="embed"),
        helper.make_node("MatMul", ["e", "w"], ["a"], name="first"),
        helper.make_node("MatMul", ["a", "w"], ["y"], name="second"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16])],
        [numpy_helper.from_array(table, "t"), numpy_helper.from_array(table[:16], "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = open_model(networks.written(proto, tmp_path), Context())
    plan = Plan(defaults=LayerPlan(clusters=16))
    words = np.arange(12).reshape(4, 3)
    got = Runner(compressed(model, plan)).run({"x": words})[0]
    wanted = Runner(with_weights(model, plan).SerializeToString()).run({"x": words})[0]
    assert got == pytest.approx(wanted, abs=1e-4)
    stored = onnx.load_from_string(compressed(model, plan)).graph.initializer
    assert sum(tensor.data_type == TensorProto.UINT4 for tensor in stored) == 2


def test_bits_set_for_a_layer_replace_the_defaults_shared_values(tmp_path: Path) -> None:
    model = opened(tmp_path)
    plan = Plan(defaults=LayerPlan(clusters=16)).with_layer("conv1", weight_bits=8)
    steps = {step.layer.id: step for step in resolve(model, plan)}
    assert (steps["conv1"].clusters, steps["conv1"].weight_bits) == (0, 8)
    assert (steps["conv2"].clusters, steps["conv2"].weight_bits) == (16, 4)
    with pytest.raises(PlanError, match="300 shared values"):
        resolve(model, Plan(defaults=LayerPlan(clusters=300)))


def test_float16_takes_half_the_bytes_and_nothing_is_widened_at_a_run(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(8)
    plan = Plan(defaults=LayerPlan(weight_bits=16))
    content = compressed(model, plan)
    proto = onnx.load_from_string(content)
    assert proto.opset_import[0].version == 17
    assert kernels(content, tmp_path) == kernels(model.source.read_bytes(), tmp_path)
    got = Runner(content).run({"x": pictures})[0]
    wanted = Runner(with_weights(model, plan).SerializeToString()).run({"x": pictures})[0]
    assert got == pytest.approx(wanted, abs=1e-6)
    path = tmp_path / "out.onnx"
    path.write_bytes(content)
    for layer in read_back(path, model.info.layers, plan):
        original = model.info.layer(layer.layer_id)
        assert layer.weight_bits == 16 and layer.note is None
        weights = int(np.prod(original.shape))
        assert layer.bytes == 2 * weights + 4 * (original.params - weights)
        assert layer.bytes == layer_bytes(original, plan.layer(layer.layer_id))


def test_weights_beyond_float16_stay_as_they_are_and_it_is_said(tmp_path: Path) -> None:
    weight = np.asarray([[1.0, 70_000.0], [0.5, 2.0]], np.float32)
    model = open_model(networks.written(networks.dense(weight), tmp_path), Context())
    (step,) = resolve(model, Plan(defaults=LayerPlan(weight_bits=16)))
    assert not step.changes and "65,504" in str(step.note)


def test_float16_weights_beside_integer_activations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="integer weights"):
        resolve(opened(tmp_path), Plan(defaults=LayerPlan(weight_bits=16, activation_bits=8)))
