"""Where values change their precision: chains worked out by hand, a real run's file against its plan."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_counterparts import W8A8, made

from core.context import Context
from core.formats import open_model
from core.graph.drawing import Drawing
from core.graph.opened import OpenedModel
from core.graph.stored_precision import stored_precision
from core.kernels.nodes import wiring
from core.precision import Switches, planned_precision, switches
from core.values import LayerPlan, Plan, TimedNode, Wiring

SIXTEEN = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=16))


def conv(name: str, entry: str, output: str, **more: object) -> TimedNode:
    return TimedNode(
        name=name, op="Conv", kind="layer", inputs=(entry,), output=output, conv=True, integer=True, **more
    )


def other(name: str, op: str, *inputs: str, **more: object) -> TimedNode:
    return TimedNode(name=name, op=op, kind="other", inputs=inputs, output=f"{name}.out", **more)


CHAIN = Wiring(
    nodes=(
        conv("a", "x", "a.out", tailed=True, tail="relu"),
        other("softplus", "Softplus", "a.out"),
        conv("b", "softplus.out", "b.out"),
    ),
    outputs=("b.out",),
)
"""x -> a with its Relu -> Softplus, which has no integer kernel -> b -> out."""
LAYERS = ("input:x", "a", "b", "output:b.out")


def test_every_conversion_of_a_chain_is_on_its_edge() -> None:
    precision = planned_precision(CHAIN, W8A8)
    assert precision == {"a": 8, "b": 8}
    everything = (*LAYERS, "relu", "softplus")
    assert switches(CHAIN, everything, precision) == {
        ("input:x", "a"): (32, 8),
        ("relu", "softplus"): (8, 32),
        ("softplus", "b"): (32, 8),
        ("b", "output:b.out"): (8, 32),
    }


def test_what_is_not_drawn_lies_along_the_edge() -> None:
    found = switches(CHAIN, LAYERS, planned_precision(CHAIN, W8A8))
    assert found == {("input:x", "a"): (32, 8), ("a", "b"): (8, 32, 8), ("b", "output:b.out"): (8, 32)}


def test_sixteen_bits_and_a_layer_left_alone() -> None:
    plan = SIXTEEN.with_layer("b", keep=True)
    found = switches(CHAIN, LAYERS, planned_precision(CHAIN, plan))
    assert found == {("input:x", "a"): (32, 16), ("a", "b"): (16, 32)}


def test_a_plan_in_float_converts_nothing() -> None:
    assert switches(CHAIN, LAYERS, planned_precision(CHAIN, Plan(defaults=LayerPlan(weight_bits=4)))) == {}


def test_a_second_result_carries_its_precision_too() -> None:
    split = Wiring(
        nodes=(
            conv("a", "x", "a.out"),
            other("split", "Split", "a.out", others=("second",)),
            conv("b", "second", "b.out"),
        ),
        outputs=("b.out",),
    )
    found = switches(split, ("input:x", "a", "b"), planned_precision(split, W8A8))
    assert found == {("input:x", "a"): (32, 8), ("a", "b"): (8, 32, 8)}


def of(opened: OpenedModel, plan: Plan | None) -> Switches:
    """Between the layers' boxes: under the plan, or as the file is stored."""
    wired, boxes = wiring(opened), [node.id for node in Drawing(opened, "layers").whole().nodes]
    return switches(wired, boxes, planned_precision(wired, plan) if plan is not None else wired.stored)


@pytest.mark.parametrize("kept", ["", "conv2"])
def test_the_file_of_a_run_changes_its_precision_where_the_plan_said(tmp_path: Path, kept: str) -> None:
    """All layers on integers; and with one left in float in their midst."""
    opened = open_model(networks.written(networks.cnn(channels=16), tmp_path), Context())
    plan = W8A8.with_layer(kept, keep=True) if kept else W8A8
    planned = of(opened, plan)
    file = made(opened, "x", networks.pictures(96), plan, tmp_path / "work")
    assert planned and of(file, None) == planned


def test_nothing_is_stored_in_integers_in_a_float_network(digits_resnet: Path) -> None:
    opened = open_model(digits_resnet, Context())
    assert stored_precision(opened.model) == {}
    assert of(opened, None) == {}


def test_a_network_in_operators_on_integers_is_told_from_its_conversions(tmp_path: Path) -> None:
    """x -> QuantizeLinear -> QLinearConv -> DequantizeLinear -> Sigmoid, the conversions drawn or not."""
    rng = np.random.default_rng(0)
    constants = {
        "s": np.float32(0.1),
        "z": np.uint8(128),
        "w": rng.integers(-9, 9, (2, 3, 1, 1)).astype(np.int8),
        "ws": np.float32(0.02),
        "wz": np.int8(0),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize"),
        helper.make_node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z"], ["c"], "conv"),
        helper.make_node("DequantizeLinear", ["c", "s", "z"], ["d"], "dequantize"),
        helper.make_node("Sigmoid", ["d"], ["y"], "sigmoid"),
    ]
    graph = helper.make_graph(
        nodes,
        "integers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2, 4, 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    path = tmp_path / "integers.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    opened = open_model(path, Context())
    assert stored_precision(opened.model) == {"quantize": 8, "conv": 8}
    assert of(opened, None) == {("input:x", "conv"): (32, 8), ("conv", "output:y"): (8, 32)}
    boxes = [node.id for node in Drawing(opened, "nodes").whole().nodes]
    wired = wiring(opened)
    assert switches(wired, boxes, wired.stored) == {
        ("input:x", "quantize"): (32, 8),
        ("conv", "dequantize"): (8, 32),
    }
