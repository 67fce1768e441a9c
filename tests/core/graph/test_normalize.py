"""Normalising: constants lifted and folded, names unique, idle nodes gone, batch normalisation folded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_makers import array, assert_same_answers, body_of, graph_of, node, opened, operators, random, run
from onnx import TensorProto, helper, numpy_helper

# ---------------------------------------------------------------- constants


def constant(name: str, values: np.ndarray) -> onnx.NodeProto:
    return node("Constant", "", name, value=numpy_helper.from_array(values))


def test_weight_in_a_constant_node_becomes_an_initializer(tmp_path: Path) -> None:
    model = graph_of([constant("w", random(4, 3)), node("MatMul", "x w", "y")], {"x": ["N", 4]}, ["y"])
    result = opened(model, tmp_path)
    assert operators(result.model) == ["MatMul"]
    np.testing.assert_array_equal(array(result.model, "w"), random(4, 3))
    assert_same_answers(model, result.model, {"x": random(2, 4)})


def test_large_weights_come_back_bit_by_bit(tmp_path: Path) -> None:
    # above a kilobyte the data is cut out of the file's bytes instead of parsed
    big, half = random(70, 50, seed=1), random(70, 50, seed=2).astype(np.float16)
    nodes = [
        constant("w", big),
        node("MatMul", "x w", "h"),
        node("Cast", "half", "wide", to=TensorProto.FLOAT),
        node("Gemm", "h wide b", "y", transB=1),
    ]
    weights = {"half": half, "b": helper.make_tensor("b", TensorProto.FLOAT, [70], random(70).tolist())}
    model = graph_of(nodes, {"x": ["N", 70]}, ["y"], weights)
    result = opened(model, tmp_path)
    np.testing.assert_array_equal(array(result.model, "w"), big)
    np.testing.assert_array_equal(array(result.model, "b"), random(70))
    assert_same_answers(model, result.model, {"x": random(3, 70)}, 0)


def test_packed_float_data_comes_back(tmp_path: Path) -> None:
    values = random(40, 30)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [40, 30], values.ravel().tolist())
    assert not weight.HasField("raw_data")
    result = opened(graph_of([node("MatMul", "x w", "y")], {"x": ["N", 40]}, ["y"], {"w": weight}), tmp_path)
    np.testing.assert_array_equal(array(result.model, "w"), values)


def test_sparse_initializer_becomes_dense(tmp_path: Path) -> None:
    dense = np.zeros((4, 3), np.float32)
    dense[1, 2], dense[3, 0] = 5, -7
    values = numpy_helper.from_array(np.array([5, -7], np.float32), "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([5, 9])), [4, 3])
    model = graph_of([node("MatMul", "x w", "y")], {"x": ["N", 4]}, ["y"])
    model.graph.sparse_initializer.append(sparse)
    result = opened(model, tmp_path)
    np.testing.assert_array_equal(array(result.model, "w"), dense)
    assert result.info.layers[0].sparsity == pytest.approx(10 / 12)


def test_weight_behind_identity_and_transpose_is_found(tmp_path: Path) -> None:
    weight = random(3, 4)
    nodes = [node("Identity", "w", "i"), node("Transpose", "i", "t"), node("MatMul", "x t", "y", name="fc")]
    model = graph_of(nodes, {"x": ["N", 4]}, ["y"], {"w": weight})
    result = opened(model, tmp_path)
    assert operators(result.model) == ["MatMul"]
    assert result.info.layers[0].shape == (4, 3)
    assert list(result.model.graph.initializers) == [result.info.layers[0].weights[0]]
    assert_same_answers(model, result.model, {"x": random(2, 4)})


def test_arithmetic_of_constants_is_folded(tmp_path: Path) -> None:
    # a shape put together piece by piece, as exporters do
    nodes = [
        node("Concat", "minus_one six", "shape", axis=0),
        node("Mul", "shape ones", "same"),
        node("Reshape", "x same", "y"),
    ]
    weights = {"minus_one": np.array([-1]), "six": np.array([6]), "ones": np.array([1, 1])}
    model = graph_of(nodes, {"x": [2, 3, 4]}, ["y"], weights)
    result = opened(model, tmp_path)
    assert operators(result.model) == ["Reshape"]
    assert_same_answers(model, result.model, {"x": random(2, 3, 4)})


def test_folding_never_makes_the_file_much_larger(tmp_path: Path) -> None:
    # 2^27 elements, half a gigabyte, from a file of 200 bytes
    nodes = [
        node("ConstantOfShape", "size", "zeros"),
        node("ReduceMax", "zeros", "most", keepdims=0),
        node("Add", "x most", "y"),
    ]
    result = opened(graph_of(nodes, {"x": ["N", 4]}, ["y"], {"size": np.array([2**14, 2**13])}), tmp_path)
    assert operators(result.model) == ["ConstantOfShape", "ReduceMax", "Add"]


def test_shared_weight_is_not_copied_by_folding(tmp_path: Path) -> None:
    # an embedding whose transpose is the output layer: folding would store it twice
    nodes = [
        node("Transpose", "w", "t"),
        node("MatMul", "x t", "h"),
        node("MatMul", "h w", "y"),
    ]
    result = opened(graph_of(nodes, {"x": ["N", 64]}, ["y"], {"w": random(600, 64)}), tmp_path)
    assert operators(result.model) == ["Transpose", "MatMul", "MatMul"]
    assert len(result.model.graph.initializers) == 1


def test_random_numbers_are_not_folded(tmp_path: Path) -> None:
    nodes = [node("RandomNormalLike", "c", "r"), node("Add", "x r", "y")]
    assert "RandomNormalLike" in operators(
        opened(graph_of(nodes, {"x": [3]}, ["y"], {"c": random(3)}), tmp_path).model
    )


def test_dequantised_constant_stays_quantised(tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", "q s z", "w"), node("MatMul", "x w", "y")]
    weights = {"q": np.ones((4, 3), np.int8), "s": np.float32(0.5), "z": np.int8(0)}
    assert operators(opened(graph_of(nodes, {"x": ["N", 4]}, ["y"], weights), tmp_path).model) == [
        "DequantizeLinear",
        "MatMul",
    ]


# ---------------------------------------------------------------- bodies


def choice(then: onnx.GraphProto, otherwise: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Greater", "sum zero", "c"),
        node("If", "c", "y", then_branch=then, else_branch=otherwise),
    ]


def test_initializers_of_bodies_move_to_the_main_graph(tmp_path: Path) -> None:
    def branch(seed: int) -> onnx.GraphProto:
        return body_of(
            [node("MatMul", "x w", "h", name="fc"), node("Relu", "h", "r")],
            ["r"],
            {"w": random(4, 3, seed=seed)},
        )

    model = graph_of(choice(branch(1), branch(2)), {"x": ["N", 4]}, ["y"], {"zero": np.float32(0)})
    result = opened(model, tmp_path)
    assert all(
        not body.initializers for body in result.model.graph.subgraphs() if body is not result.model.graph
    )
    layers = result.info.layers
    assert len(layers) == 2
    assert len({layer.id for layer in layers}) == 2
    assert len({layer.weights for layer in layers}) == 2
    assert [layer.scope.rsplit(".")[-1] for layer in layers] == ["else", "then"]
    assert [layer.label for layer in layers] == ["fc (else)", "fc (then)"]
    for sign in (1, -1):
        assert_same_answers(model, result.model, {"x": sign * np.abs(random(2, 4))})


def test_body_that_hands_out_an_outer_value_keeps_its_identity(tmp_path: Path) -> None:
    then = body_of([node("Identity", "outer", "a")], ["a"])
    otherwise = body_of([node("Neg", "x", "b")], ["b"])
    nodes = [node("Relu", "x", "outer"), *choice(then, otherwise)]
    model = graph_of(nodes, {"x": ["N", 4]}, ["y"], {"zero": np.float32(0)})
    result = opened(model, tmp_path)
    for sign in (1, -1):
        assert_same_answers(model, result.model, {"x": sign * np.abs(random(2, 4))})


# ---------------------------------------------------------------- names, order, idle nodes


def test_unnamed_nodes_get_stable_unique_names(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node("Relu", "a", "b"), node("Neg", "b", "y", name="Relu_0")]
    model = graph_of(nodes, {"x": [3]}, ["y"])
    names = [entry.name for entry in opened(model, tmp_path).model.graph]
    assert len(set(names)) == 3
    assert names[0].startswith("Relu_0")
    assert [entry.name for entry in opened(model, tmp_path).model.graph] == names


def test_nodes_with_the_same_name_are_told_apart(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "a", name="fc"), node("MatMul", "a w", "y", name="fc")]
    layers = opened(graph_of(nodes, {"x": ["N", 4]}, ["y"], {"w": random(4, 4)}), tmp_path).info.layers
    assert [layer.id for layer in layers] == ["fc", "fc_1"]
    assert len({layer.label for layer in layers}) == 2


def test_unsorted_nodes_are_sorted(tmp_path: Path) -> None:
    nodes = [node("Neg", "a", "y"), node("Relu", "x", "a")]
    result = opened(graph_of(nodes, {"x": [3]}, ["y"]), tmp_path)
    assert operators(result.model) == ["Relu", "Neg"]


def test_dropout_and_identity_go(tmp_path: Path) -> None:
    nodes = [
        node("Dropout", "x", "d"),
        node("Identity", "d", "i"),
        node("Relu", "i", "r"),
        node("Identity", "r", "y"),
    ]
    model = graph_of(nodes, {"x": [2, 3]}, ["y"])
    result = opened(model, tmp_path)
    assert operators(result.model) == ["Relu"]
    assert [output.name for output in result.model.graph.outputs] == ["y"]
    assert_same_answers(model, result.model, {"x": random(2, 3)})


def test_input_that_is_handed_through_stays(tmp_path: Path) -> None:
    model = graph_of([node("Identity", "x", "y"), node("Relu", "x", "z")], {"x": [3]}, ["y", "z"])
    assert_same_answers(model, opened(model, tmp_path).model, {"x": random(3)})


def test_value_that_is_two_outputs_stays(tmp_path: Path) -> None:
    nodes = [
        node("Relu", "x", "y"),
        node("Identity", "y", "z"),
        node("Identity", "y", "u"),
        node("Neg", "u", "v"),
    ]
    model = graph_of(nodes, {"x": [3]}, ["y", "z", "v"])
    assert_same_answers(model, opened(model, tmp_path).model, {"x": random(3)})


def test_weights_that_an_old_file_lists_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    model = graph_of([node("MatMul", "x w", "y")], {"x": ["N", 4], "w": [4, 3]}, ["y"], {"w": random(4, 3)})
    info = opened(model, tmp_path).info
    assert [entry.name for entry in info.inputs] == ["x"]
    assert len(info.layers) == 1


# ---------------------------------------------------------------- batch normalisation


def statistics(channels: int) -> dict[str, np.ndarray]:
    return {
        "gamma": random(channels, seed=11),
        "beta": random(channels, seed=12),
        "mean": random(channels, seed=13),
        "var": np.abs(random(channels, seed=14)) + 0.1,
    }


def test_batch_norm_is_folded_as_worked_out_by_hand(tmp_path: Path) -> None:
    # s = γ/√(σ² + ε) = 6/√(4 + 5) = 2, t = β − μ·s = 1 − 3·2 = −5: w 7 → 14, b 0.5 → 0.5·2 − 5 = −4
    weights = {"w": np.full((1, 1, 1, 1), 7, np.float32), "b": np.array([0.5], np.float32)}
    for name, number in (("gamma", 6), ("beta", 1), ("mean", 3), ("var", 4)):
        weights[name] = np.array([number], np.float32)
    nodes = [
        node("Conv", "x w b", "h"),
        node("BatchNormalization", "h gamma beta mean var", "y", epsilon=5.0),
    ]
    result = opened(graph_of(nodes, {"x": [1, 1, 2, 2]}, ["y"], weights), tmp_path)
    assert operators(result.model) == ["Conv"]
    np.testing.assert_allclose(array(result.model, "w"), [[[[14]]]])
    np.testing.assert_allclose(array(result.model, "b"), [-4])
    assert result.model.graph.outputs[0].name == "y"


@pytest.mark.parametrize(
    ("layer", "weight", "entry"),
    [
        (node("Conv", "x w", "h", pads=[1, 1, 1, 1]), (6, 4, 3, 3), (2, 4, 5, 5)),
        (node("Conv", "x w", "h", group=2), (6, 2, 3, 3), (2, 4, 5, 5)),
        (node("Conv", "x w b", "h", group=6), (6, 1, 3), (2, 6, 5)),
        (node("ConvTranspose", "x w b", "h"), (4, 6, 2, 2), (2, 4, 5, 5)),
        (node("ConvTranspose", "x w", "h", group=2), (4, 3, 2, 2), (2, 4, 5, 5)),
        (node("Gemm", "x w b", "h"), (4, 6), (5, 4)),
        (node("Gemm", "x w", "h", transB=1), (6, 4), (5, 4)),
    ],
    ids=["conv", "grouped", "depthwise-1d", "transposed", "transposed-grouped", "gemm", "gemm-transposed"],
)
def test_batch_norm_is_folded_exactly(
    tmp_path: Path, layer: onnx.NodeProto, weight: tuple[int, ...], entry: tuple[int, ...]
) -> None:
    nodes = [layer, node("BatchNormalization", "h gamma beta mean var", "y")]
    weights = {"w": random(*weight), "b": random(6, seed=5), **statistics(6)}
    if len(layer.input) < 3:
        del weights["b"]
    model = graph_of(nodes, {"x": list(entry)}, ["y"], weights)
    result = opened(model, tmp_path)
    assert operators(result.model) == [layer.op_type]
    assert_same_answers(model, result.model, {"x": random(*entry, seed=3)})
    # the copy in memory changed, the file did not
    assert_same_answers(model, result.source, {"x": random(*entry, seed=3)}, 0)


NORM = node("BatchNormalization", "h gamma beta mean var", "n")


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([node("Conv", "x w", "h"), NORM, node("Add", "n h", "y")], ["y"]),
        ([node("Conv", "x w", "h"), NORM], ["n", "h"]),
        ([node("Conv", "x w", "h"), node("Conv", "x w", "g"), NORM, node("Add", "n g", "y")], ["y"]),
        ([node("Conv", "x w", "g"), node("Relu", "g", "h"), NORM], ["n"]),
    ],
    ids=["two-readers", "an-output", "shared-weight", "not-behind-a-layer"],
)
def test_batch_norm_stays_where_folding_would_change_something(
    tmp_path: Path, nodes: list[onnx.NodeProto], outputs: list[str]
) -> None:
    model = graph_of(nodes, {"x": [2, 4, 5, 5]}, outputs, {"w": random(6, 4, 3, 3), **statistics(6)})
    result = opened(model, tmp_path)
    assert "BatchNormalization" in operators(result.model)
    assert_same_answers(model, result.model, {"x": random(2, 4, 5, 5)})


def test_shared_statistics_are_not_disturbed(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w b", "h"),
        node("BatchNormalization", "h gamma beta mean var", "n"),
        node("Conv", "n v b", "g"),
        node("BatchNormalization", "g gamma beta mean var", "y"),
    ]
    weights = {"w": random(6, 4, 1, 1), "v": random(6, 6, 1, 1), "b": random(6), **statistics(6)}
    model = graph_of(nodes, {"x": [2, 4, 5, 5]}, ["y"], weights)
    result = opened(model, tmp_path)
    assert_same_answers(model, result.model, {"x": random(2, 4, 5, 5)})


def test_clone_shares_nothing_that_can_be_changed(tmp_path: Path) -> None:
    model = graph_of([node("MatMul", "x w", "y")], {"x": ["N", 4]}, ["y"], {"w": random(4, 3)})
    result = opened(model, tmp_path)
    copy = result.clone()
    next(iter(copy.graph)).op_type = "Changed"
    copy.graph.initializers["w"].const_value = None
    assert operators(result.model) == ["MatMul"]
    np.testing.assert_array_equal(array(result.model, "w"), random(4, 3))
    assert run(result.model, {"x": random(1, 4)})
