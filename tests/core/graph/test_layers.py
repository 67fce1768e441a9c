"""Which nodes are layers, what they are called and what may be done to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_makers import body_of, graph_of, node, opened, random
from onnx import TensorProto, numpy_helper

from core.values import Layer


def layers(
    folder: Path,
    nodes: list[onnx.NodeProto],
    shape: list[int | str],
    weights: dict[str, np.ndarray],
    opset: int = 17,
) -> tuple[Layer, ...]:
    return opened(graph_of(nodes, {"x": shape}, ["y"], weights, opset), folder).info.layers


# ---------------------------------------------------------------- kinds, shapes, parameters


IMAGE, ROWS, STEPS = [1, 4, 8, 8], ["N", 4], [3, 1, 4]
LSTM = {"w": (1, 20, 4), "r": (1, 20, 5), "b": (1, 40)}
GRU = {"w": (1, 15, 4), "r": (1, 15, 5)}
RNN = {"w": (1, 5, 4), "r": (1, 5, 5)}


@pytest.mark.parametrize(
    ("entry", "shape", "weights", "kind", "channels", "params"),
    [
        (node("Conv", "x w b", "y"), IMAGE, {"w": (6, 4, 3, 3), "b": (6,)}, "Conv 3×3", (6, 4), 222),
        (node("Conv", "x w", "y"), IMAGE, {"w": (6, 4, 1, 5)}, "Conv 1×5", (6, 4), 120),
        (node("Conv", "x w", "y"), [1, 4, 8], {"w": (6, 4, 5)}, "Conv 1-d 5", (6, 4), 120),
        (node("Conv", "x w", "y"), [1, 4, 8, 8, 8], {"w": (6, 4, 2, 2, 2)}, "Conv 3-d 2×2×2", (6, 4), 192),
        (node("Conv", "x w", "y", group=2), IMAGE, {"w": (6, 2, 3, 3)}, "Grouped 3×3", (6, 2), 108),
        (node("Conv", "x w", "y", group=4), IMAGE, {"w": (8, 1, 3, 3)}, "Depthwise 3×3", (8, 1), 72),
        (node("ConvTranspose", "x w", "y"), IMAGE, {"w": (4, 6, 2, 2)}, "Transposed 2×2", (6, 4), 96),
        (
            node("ConvTranspose", "x w", "y", group=2),
            IMAGE,
            {"w": (4, 3, 2, 2)},
            "Transposed 2×2",
            (6, 2),
            48,
        ),
        (node("Gemm", "x w b", "y"), ROWS, {"w": (4, 6), "b": (6,)}, "Dense", (6, 4), 30),
        (node("Gemm", "x w", "y", transB=1), ROWS, {"w": (6, 4)}, "Dense", (6, 4), 24),
        (node("MatMul", "x w", "y"), ROWS, {"w": (4, 6)}, "Dense", (6, 4), 24),
        (node("MatMul", "w x", "y"), [4, "N"], {"w": (6, 4)}, "Dense", (6, 4), 24),
        (node("MatMul", "x w", "y"), [5, 2, 4], {"w": (5, 4, 6)}, "Dense stack", (6, 4), 120),
        (node("LSTM", "x w r b", "y", hidden_size=5), STEPS, LSTM, "LSTM", (20, 4), 80 + 100 + 40),
        (node("GRU", "x w r", "y", hidden_size=5), STEPS, GRU, "GRU", (15, 4), 60 + 75),
        (node("RNN", "x w r", "y", hidden_size=5), STEPS, RNN, "RNN", (5, 4), 20 + 25),
    ],
)
def test_layer(
    tmp_path: Path,
    entry: onnx.NodeProto,
    shape: list[int | str],
    weights: dict[str, tuple[int, ...]],
    kind: str,
    channels: tuple[int, int],
    params: int,
) -> None:
    (layer,) = layers(tmp_path, [entry], shape, {name: random(*size) for name, size in weights.items()})
    assert layer.kind == kind
    assert layer.op == entry.op_type
    assert (layer.out_channels, layer.in_channels) == channels
    assert layer.params == params
    assert layer.bytes == 4 * params
    assert layer.shape == weights["w"]
    assert layer.weights == (("w", "r") if "r" in weights else ("w",))
    assert layer.weight_bits == 32
    assert layer.prunable and layer.quantizable


def test_embedding(tmp_path: Path) -> None:
    table = random(50, 8)
    nodes = [node("Cast", "x", "i", to=TensorProto.INT64), node("Gather", "w i", "y")]
    (layer,) = layers(tmp_path, nodes, ["N"], {"w": table})
    assert layer.kind == "Embedding"
    assert (layer.out_channels, layer.in_channels, layer.macs) == (8, 50, 0)
    assert "looked up" in str(layer.why_not[0])


def test_small_tables_of_sizes_are_no_embeddings(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "n"),
        node("Gather", "tiny n", "t"),
        node("Cast", "t", "f", to=TensorProto.FLOAT),
        node("Add", "x f", "y"),
    ]
    weights = {"one": np.array(1), "tiny": np.arange(100).reshape(50, 2)}
    assert layers(tmp_path, nodes, [3, 2], weights) == ()


def test_bias_that_is_added_behind_a_product_counts(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "h"), node("Add", "h b", "y")]
    (layer,) = layers(tmp_path, nodes, ["N", 4], {"w": random(4, 6), "b": random(6)})
    assert layer.params == 30


def test_product_of_two_computed_values_is_no_layer(tmp_path: Path) -> None:
    assert layers(tmp_path, [node("Transpose", "x", "t"), node("MatMul", "x t", "y")], [3, 4], {}) == ()


def test_weight_computed_at_run_time_is_no_layer(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMean", "x", "m", keepdims=0),
        node("Mul", "w m", "scaled"),
        node("MatMul", "x scaled", "y"),
    ]
    assert layers(tmp_path, nodes, [3, 4], {"w": random(4, 3)}) == ()


def test_layers_that_share_a_weight_form_a_group(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "a w", "b"), node("MatMul", "b v", "y")]
    first, second, third = layers(tmp_path, nodes, ["N", 4], {"w": random(4, 4), "v": random(4, 4)})
    assert first.group == second.group == "w"
    assert third.group is None
    assert "shares a weight" in str(first.why_not[0])


@pytest.mark.parametrize(
    "entry",
    [node("ConvTranspose", "x w", "y"), node("LSTM", "x w r", "y", hidden_size=5)],
    ids=["ConvTranspose", "LSTM"],
)
def test_layers_without_an_integer_kernel_say_so(tmp_path: Path, entry: onnx.NodeProto) -> None:
    recurrent = entry.op_type == "LSTM"
    weights = {"w": random(1, 20, 4), "r": random(1, 20, 5)} if recurrent else {"w": random(4, 6, 2, 2)}
    (layer,) = layers(tmp_path, [entry], [3, 1, 4] if recurrent else [1, 4, 8, 8], weights)
    assert layer.prunable and layer.quantizable
    assert "in float: fewer bits save space, not time" in str(layer.why_not[0])


def test_half_precision_cannot_be_compressed_and_says_why(tmp_path: Path) -> None:
    nodes = [
        node("Cast", "x", "h", to=TensorProto.FLOAT16),
        node("MatMul", "h w", "p"),
        node("Cast", "p", "y", to=TensorProto.FLOAT),
    ]
    (layer,) = layers(tmp_path, nodes, ["N", 4], {"w": random(4, 3).astype(np.float16)})
    assert layer.weight_bits == 16
    assert not layer.prunable and not layer.quantizable
    assert "FLOAT16" in str(layer.why_not[0])


def test_sparsity_counts_exact_zeros(tmp_path: Path) -> None:
    weight = np.array([[0, 1], [-0.0, 1e-30]], np.float32)
    (layer,) = layers(tmp_path, [node("MatMul", "x w", "y")], ["N", 2], {"w": weight})
    assert layer.sparsity == 0.5


# ---------------------------------------------------------------- models that are quantised already


def test_quantised_weight_behind_dequantise_is_a_layer_of_8_bits(tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", "q s z", "w", axis=1), node("MatMul", "x w", "y", name="fc")]
    weights = {"q": np.ones((4, 3), np.int8), "s": np.ones(3, np.float32), "z": np.zeros(3, np.int8)}
    info = opened(graph_of(nodes, {"x": ["N", 4]}, ["y"], weights), tmp_path).info
    (layer,) = info.layers
    assert layer.weights == ("q",)
    assert (layer.weight_bits, layer.bytes, layer.params) == (8, 12, 12)
    assert not layer.prunable and not layer.quantizable
    assert "8 bits already" in str(layer.why_not[0])
    assert not info.compressible
    assert info.params == 12


def test_integer_operators_are_layers(tmp_path: Path) -> None:
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node("MatMulInteger", "q w z", "h"),
        node("Cast", "h", "y", to=TensorProto.FLOAT),
    ]
    (layer,) = layers(tmp_path, nodes, ["N", 4], {"w": np.ones((4, 3), np.int8)})
    assert (layer.kind, layer.weight_bits, layer.out_channels, layer.in_channels) == ("Dense", 8, 3, 4)
    assert not layer.quantizable


def test_four_bit_weights_are_recognised(tmp_path: Path) -> None:
    packed = onnx.TensorProto(name="q", data_type=TensorProto.INT4, dims=[4, 3], raw_data=bytes(6))
    nodes = [node("DequantizeLinear", "q s", "w"), node("MatMul", "x w", "y")]
    model = graph_of(nodes, {"x": ["N", 4]}, ["y"], {"q": packed, "s": np.float32(1)}, opset=21)
    model.ir_version = 10
    (layer,) = opened(model, tmp_path).info.layers
    assert (layer.weight_bits, layer.bytes, layer.params) == (4, 6, 12)


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("name", "weight", "label"),
    [
        ("/layer1/layer1.0/conv1/Conv", "onnx::Conv_193", "layer1.0.conv1"),
        ("/layers/layers.3/sc/sc.0/Conv", "onnx::Conv_7", "layers.3.sc.0"),
        ("/features/features.0/features.0.0/Conv", "w", "features.0.0"),
        ("StatefulPartitionedCall/model/conv2d/Conv2D", "w", "conv2d"),
        ("model_1/re_lu/Relu;model_1/conv2d_4/BiasAdd;model_1/conv2d_4/Conv2D1", "w", "conv2d_4"),
        ("sequential/dense_2/Tensordot/MatMul", "w", "dense_2"),
        ("node_conv2d_3", "model.encoder.0.weight", "encoder.0"),
        ("Conv@7", "conv3_expand_weights", "conv3_expand"),
        ("Conv_12", "backbone.conv1.weight", "backbone.conv1"),
        ("fc", "w", "fc"),
        ("", "head.weight", "head"),
        ("Conv_12", "123", "Conv 3×3 1"),
        ("", "onnx::Conv_193", "Conv 3×3 1"),
    ],
)
def test_label(tmp_path: Path, name: str, weight: str, label: str) -> None:
    entry = node("Conv", f"x {weight}", "y", name=name)
    (layer,) = layers(tmp_path, [entry], [1, 4, 8, 8], {weight: random(6, 4, 3, 3)})
    assert layer.label == label


def test_labels_are_unique(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "a", name="/block/fc/MatMul"),
        node("MatMul", "a w", "b", name="block/fc/MatMul"),
        node("MatMul", "b w", "c", name="block.fc"),
        node("MatMul", "c w", "y", name="block.fc #2"),
    ]
    found = [layer.label for layer in layers(tmp_path, nodes, ["N", 4], {"w": random(4, 4)})]
    assert found[0] == "block.fc"
    assert len(set(found)) == 4


def test_layers_in_nested_bodies_have_a_path(tmp_path: Path) -> None:
    inner = body_of([node("MatMul", "x w", "i", name="deep/fc/MatMul")], ["i"])
    other = body_of([node("Relu", "x", "o")], ["o"])
    outer = body_of([node("If", "c", "p", name="inside", then_branch=inner, else_branch=other)], ["p"])
    nodes = [node("If", "c", "y", name="outside", then_branch=outer, else_branch=other)]
    weights = {"w": random(4, 4), "c": numpy_helper.from_array(np.array(True), "c")}
    (layer,) = layers(tmp_path, nodes, ["N", 4], weights)
    assert layer.scope == "outside.then > inside.then"
    assert layer.label == "deep.fc"


def test_nodes_of_one_name_are_called_after_their_own_weights(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x attn.qkv.weight", "a", name="/attn/MatMul"),
        node("MatMul", "a attn.out_proj.weight", "y", name="/attn/MatMul_1"),
    ]
    weights = {"attn.qkv.weight": random(4, 4, seed=1), "attn.out_proj.weight": random(4, 4, seed=2)}
    assert [layer.label for layer in layers(tmp_path, nodes, ["N", 4], weights)] == [
        "attn.qkv",
        "attn.out_proj",
    ]
