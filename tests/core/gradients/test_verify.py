"""Whole networks, node by node: what torch computes is what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from example_networks import NETWORKS, Writer, pictures
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.data import open_data
from core.formats import open_model
from core.gradients.convert import missing_operators, to_torch, trained
from core.gradients.verify import verify
from core.values import DataSpec

CLOSE = 2e-6
"""Largest difference of a node over its largest value: a few roundings of float32."""


def speech(rate: int, length: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    sound = rng.normal(size=(1, length)).astype(np.float32)
    return {
        "input": sound,
        "state": rng.normal(size=(2, 1, 128)).astype(np.float32),
        "sr": np.array(rate),
    }


GIVEN = {
    "silero_vad": speech(16000, 512),
    "silero_vad_op18_ifless": speech(8000, 256),
    "basic_pitch_nmp": {
        "serving_default_input_2:0": np.random.default_rng(0).normal(size=(1, 43844, 1)).astype(np.float32)
    },
}
SHARED = [
    "basic_pitch_nmp",
    "ch_ppocr_mobile_v2.0_cls_infer",
    "magika_standard_v3_3",
    "mobilenet_cifar10",
    "resnet20_cifar10",
    "silero_vad",
    "silero_vad_op18_ifless",
]


@pytest.mark.parametrize("name", SHARED)
def test_real_networks_agree_node_by_node(name: str, shared_models: Path, cifar10: Path) -> None:
    opened = open_model(shared_models / f"{name}.onnx", Context())
    feeds = GIVEN.get(name)
    if feeds is None:
        path = str(cifar10 / "test") if name.endswith("cifar10") else "random"
        spec = DataSpec(path=path, calibration_count=2, judge_count=2)
        data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
        feeds = next(iter(data.batches("judge", 2))).feeds
    assert missing_operators(opened.model) == ()
    differences = verify(opened.model, feeds)
    assert len(differences) >= len(list(opened.model.graph)) - 2
    # a voice detector's whole branch counts as one node, and its answer is tiny
    limit = 2e-4 if name.startswith("silero") else CLOSE
    worst = max(differences, key=lambda item: item.relative)
    assert worst.relative < limit, worst


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_usual_networks_agree_node_by_node(name: str) -> None:
    model, feeds = NETWORKS[name]()
    differences = verify(model, feeds)
    assert len(differences) == len(list(model.graph))
    worst = max(differences, key=lambda item: item.relative)
    assert worst.relative < CLOSE, worst


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_trained_weight_gets_a_gradient(name: str) -> None:
    model, feeds = NETWORKS[name]()
    graph = to_torch(model)
    graph(feeds)[0].square().sum().backward()
    assert list(graph.weights) == trained(model)
    for weight, parameter in graph.weights.items():
        assert parameter.grad is not None, weight
        assert torch.isfinite(parameter.grad).all(), weight
        assert parameter.grad.abs().max() > 0, weight


def test_gradients_are_those_of_the_same_network_in_torch() -> None:
    model, feeds = NETWORKS["vgg"]()
    graph = to_torch(model)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 12, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(192, 20),
        torch.nn.ReLU(),
        torch.nn.Linear(20, 5),
    )
    with torch.no_grad():
        for parameter, weight in zip(layers.parameters(), graph.weights.values(), strict=True):
            parameter.copy_(weight)
    labels = torch.tensor([1, 3])
    torch.nn.functional.cross_entropy(graph(feeds)[0], labels).backward()
    torch.nn.functional.cross_entropy(layers(torch.from_numpy(feeds["x"])), labels).backward()
    for parameter, weight in zip(layers.parameters(), graph.weights.values(), strict=True):
        assert weight.grad is not None and parameter.grad is not None
        torch.testing.assert_close(weight.grad, parameter.grad)


def test_a_wrong_node_is_found() -> None:
    model, feeds = NETWORKS["resnet"]()
    wrong = next(node for node in model.graph if node.op_type == "BatchNormalization")
    wrong.attributes["epsilon"] = ir.AttrFloat32("epsilon", 0.5)
    right, _ = NETWORKS["resnet"]()
    graph = to_torch(model)
    seen: dict[str, torch.Tensor] = {}

    def keep(value: torch.Tensor) -> torch.Tensor:
        seen["value"] = value
        return value

    name = wrong.outputs[0].name or ""
    graph(feeds, taps={name: keep})
    changed = seen["value"]
    to_torch(right)(feeds, taps={name: keep})
    assert (changed - seen["value"]).abs().max() > 0.01


def test_weights_can_stand_in_and_taps_can_replace() -> None:
    model, feeds = NETWORKS["vgg"]()
    graph = to_torch(model)
    last_bias = list(graph.weights)[-1]
    moved = graph(feeds, {last_bias: graph.weights[last_bias] + 1.0})[0]
    torch.testing.assert_close(moved, graph(feeds)[0] + 1.0)
    silent = graph(feeds, taps={model.graph.outputs[0].name or "": lambda value: value * 0})[0]
    assert silent.abs().max() == 0


def run(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return list(session.run(None, feeds))


def value(name: str, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, None)


def test_loop_carries_values_and_stacks_answers() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Mul", ["inner", "w"], ["next"]),
            helper.make_node("Cast", ["i"], ["f"], to=1),
            helper.make_node("Add", ["next", "f"], ["row"]),
            helper.make_node("Less", ["i", "last"], ["go_on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("inner", TensorProto.FLOAT, [2, 3]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("row", TensorProto.FLOAT, [2, 3]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["trips", "", "x"], ["end", "rows"], name="loop", body=body)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [value("end"), value("rows")],
        [
            numpy_helper.from_array(np.float32(1.5), "w"),
            numpy_helper.from_array(np.array(9, np.int64), "trips"),
            numpy_helper.from_array(np.array(3, np.int64), "last"),
        ],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = {"x": pictures(1, 1, 3)[0, 0, :2].copy()}
    expected = run(proto, feeds)
    actual = to_torch(ir.serde.deserialize_model(proto))(feeds)
    assert actual[1].shape[0] == 4
    for mine, wanted in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), wanted, rtol=1e-6)


def test_scan_runs_over_steps_in_either_direction() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Add", ["total", "step"], ["sum"]),
            helper.make_node("Identity", ["sum"], ["shown"]),
        ],
        "body",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in ("total", "step")],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in ("sum", "shown")],
    )
    scan = helper.make_node(
        "Scan", ["start", "x"], ["end", "rows"], body=body, num_scan_inputs=1, scan_input_directions=[1]
    )
    graph = helper.make_graph(
        [scan],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 3])],
        [value("end"), value("rows")],
        [numpy_helper.from_array(np.ones(3, np.float32), "start")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = {"x": pictures(1, 1, 4)[0, 0, :, :3].copy()}
    expected = run(proto, feeds)
    actual = to_torch(ir.serde.deserialize_model(proto))(feeds)
    for mine, wanted in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("positive", [True, False])
def test_both_branches_of_an_if_reach_outer_values(positive: bool) -> None:
    def branch(op: str) -> onnx.GraphProto:
        return helper.make_graph([helper.make_node(op, ["x", "w"], [op])], op, [], [value(op)])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "zero"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("Mul"), else_branch=branch("Add")),
    ]
    tensors = [numpy_helper.from_array(np.float32(v), n) for n, v in (("w", 3.0), ("zero", 0.0))]
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    graph = helper.make_graph(nodes, "g", [info], [value("y")], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.array([1, 2] if positive else [-1, -2], np.float32)
    (answer,) = to_torch(ir.serde.deserialize_model(model))({"x": x})
    np.testing.assert_allclose(answer.numpy(), x * 3 if positive else x + 3)


def test_gradient_passes_straight_through_a_quantised_pair() -> None:
    w = Writer()
    scale = w.number(0.5)
    zero = w.number(0)
    w.weights[zero] = np.uint8(2)
    q = w.add("QuantizeLinear", "x", scale, zero)
    model = w.model({"x": (TensorProto.FLOAT, [4])}, w.add("DequantizeLinear", q, scale, zero))
    # the grid reaches from -1 to 126.5
    x = torch.tensor([-3.0, 0.3, 10.0, 200.0], requires_grad=True)
    (y,) = to_torch(model)({"x": x})
    y.sum().backward()
    torch.testing.assert_close(y.detach(), torch.tensor([-1.0, 0.5, 10.0, 126.5]))
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([0.0, 1.0, 1.0, 0.0]))
