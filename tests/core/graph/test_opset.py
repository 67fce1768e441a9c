"""Raising the opset: the answers stay, and what cannot be carried over is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_makers import assert_same_answers, body_of, graph_of, node, opened, operators, random

from core.errors import UnsupportedModelError
from core.graph.opset import raise_opset

INTS = {"pads": np.array([0, 1, 0, 2]), "two": np.array([2])}


@pytest.mark.parametrize(
    ("opset", "nodes"),
    [
        (9, [node("Clip", "x", "y", min=-0.5, max=0.25)]),
        (9, [node("Clip", "x", "y", max=0.25)]),
        (9, [node("Pad", "x", "y", pads=[0, 1, 0, 0, 2, 0], value=1.5)]),
        (9, [node("Slice", "x", "y", starts=[1], ends=[3], axes=[2])]),
        (9, [node("TopK", "x", "y i", k=2, axis=-1)]),
        (8, [node("Upsample", "x", "y", scales=[1.0, 2.0, 3.0], mode="nearest")]),
        (9, [node("Upsample", "x scales", "y", mode="linear")]),
        (10, [node("Resize", "x scales", "y", mode="nearest")]),
        (11, [node("Softmax", "x", "y", axis=2)]),
        (11, [node("Softmax", "x", "y")]),
        (11, [node("LogSoftmax", "x", "y", axis=0)]),
        (11, [node("Softmax", "x", "s"), node("Relu", "s", "y")]),
        (11, [node("Squeeze", "x", "s", axes=[0]), node("Unsqueeze", "s", "y", axes=[0, 1])]),
        (11, [node("ReduceSum", "x", "y", axes=[1], keepdims=0)]),
        (13, [node("ReduceMean", "x", "s", axes=[1]), node("ReduceMax", "s", "y")]),
        (11, [node("Split", "x", "a b", axis=2, split=[1, 3]), node("Concat", "b a", "y", axis=2)]),
        (11, [node("Split", "x", "a b", axis=2), node("Sub", "a b", "y")]),
        (11, [node("Dropout", "x", "y", ratio=0.3)]),
        (9, [node("BatchNormalization", "x g g g g", "y")]),
        (10, [node("ArgMax", "x", "i", axis=1), node("Cast", "i", "y", to=1)]),
        (11, [node("AveragePool", "x", "y", kernel_shape=[2]), node("MaxPool", "y", "z", kernel_shape=[2])]),
    ],
    ids=lambda entry: entry[0].op_type if isinstance(entry, list) else str(entry),
)
@pytest.mark.parametrize("target", [13, 17, 21, 25])
def test_operator_means_the_same_afterwards(
    tmp_path: Path, opset: int, nodes: list[onnx.NodeProto], target: int
) -> None:
    weights = {"scales": np.array([1, 2, 1.5], np.float32), "g": np.abs(random(3)) + 0.5}
    used = {name for entry in nodes for name in entry.input}
    outputs = [nodes[-1].output[0]]
    kept = {name: values for name, values in weights.items() if name in used}
    model = graph_of(nodes, {"x": [1, 3, 4]}, outputs, kept, opset)
    model.ir_version = 6
    raised = raise_opset(opened(model, tmp_path).model, target)
    assert raised.graph.opset_imports[""] == target
    assert_same_answers(model, raised, {"x": random(1, 3, 4)})


def test_old_softmax_over_several_axes_keeps_its_meaning(tmp_path: Path) -> None:
    # before opset 13 all axes from `axis` on were one: the sum over both is 1
    model = graph_of([node("Softmax", "x", "y", axis=1)], {"x": ["N", 3, 4]}, ["y"], opset=11)
    result = opened(model, tmp_path).model
    raised = raise_opset(result, 17)
    assert operators(raised) == ["Shape", "Flatten", "Softmax", "Reshape"]
    assert raised.graph.outputs[0].name == "y"
    assert_same_answers(model, raised, {"x": random(2, 3, 4)})
    assert operators(result) == ["Softmax"]


def test_bodies_are_raised_too(tmp_path: Path) -> None:
    then = body_of([node("Squeeze", "x", "t", axes=[0])], ["t"])
    other = body_of([node("Softmax", "x", "s"), node("Squeeze", "s", "o", axes=[0])], ["o"])
    nodes = [
        node("ReduceMax", "x", "top", keepdims=0),
        node("Greater", "top zero", "c"),
        node("If", "c", "y", then_branch=then, else_branch=other),
    ]
    model = graph_of(nodes, {"x": [1, 3, 4]}, ["y"], {"zero": np.float32(0)}, opset=11)
    raised = raise_opset(opened(model, tmp_path).model, 21)
    for sign in (1, -1):
        assert_same_answers(model, raised, {"x": sign * np.abs(random(1, 3, 4))})


def test_weights_are_shared_with_the_original(tmp_path: Path) -> None:
    result = opened(
        graph_of([node("MatMul", "x w", "y")], {"x": [1, 4]}, ["y"], {"w": random(4, 3)}), tmp_path
    )
    raised = raise_opset(result.model, 21)
    assert raised.graph.initializers["w"].const_value is result.model.graph.initializers["w"].const_value
    assert result.model.graph.opset_imports[""] == 17


def test_newer_model_stays_as_it_is(tmp_path: Path) -> None:
    result = opened(graph_of([node("Relu", "x", "y")], {"x": [1, 4]}, ["y"], opset=18), tmp_path)
    assert raise_opset(result.model, 13).graph.opset_imports[""] == 18


def test_operator_that_cannot_be_carried_over_is_named(tmp_path: Path) -> None:
    groups = {"scale": np.ones(2, np.float32), "bias": np.zeros(2, np.float32)}
    entry = node("GroupNormalization", "x scale bias", "y", num_groups=2, name="norm/7")
    result = opened(graph_of([entry], {"x": [1, 4, 5]}, ["y"], groups, opset=18), tmp_path)
    assert raise_opset(result.model, 20).graph.opset_imports[""] == 20
    with pytest.raises(UnsupportedModelError, match="opset 18 to 21") as caught:
        raise_opset(result.model, 21)
    assert "GroupNormalization" in caught.value.one_line() and "norm/7" in caught.value.one_line()
    assert "Export the model with opset 21" in caught.value.one_line()


def test_constants_keep_their_names_apart(tmp_path: Path) -> None:
    # the new constant of the second node wants the name of a weight
    nodes = [node("Squeeze", "x", "s", axes=[0], name="a"), node("Unsqueeze", "s", "u", axes=[0], name="b")]
    nodes.append(node("Add", "u b.axes", "y"))
    model = graph_of(nodes, {"x": [1, 4]}, ["y"], {"b.axes": random(4)}, 11)
    raised = raise_opset(opened(model, tmp_path).model, 17)
    assert_same_answers(model, raised, {"x": random(1, 4)})
