"""Multiply-accumulates against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_makers import body_of, graph_of, node, opened, random

Shape = list[int | str]


def macs(
    folder: Path, nodes: list[onnx.NodeProto], shape: Shape, weights: dict[str, np.ndarray]
) -> list[int | None]:
    info = opened(graph_of(nodes, {"x": shape}, ["y"], weights), folder).info
    return [layer.macs for layer in info.layers]


IMAGE, CONV, SAME = ["N", 4, 8, 8], {"w": (6, 4, 3, 3)}, [1, 1, 1, 1]
LSTM = node("LSTM", "x w r", "y", hidden_size=5)
GRU = node("GRU", "x w r", "y", hidden_size=5, direction="bidirectional")


@pytest.mark.parametrize(
    ("entry", "shape", "weights", "expected"),
    [
        # 8×8 outputs · 6 channels · 4·3·3 products; the bias is not counted
        (node("Conv", "x w b", "y", pads=SAME), IMAGE, CONV | {"b": (6,)}, 64 * 6 * 36),
        # stride 2: 4×4 outputs
        (node("Conv", "x w", "y", pads=SAME, strides=[2, 2]), IMAGE, CONV, 16 * 6 * 36),
        # depthwise: one input channel each
        (node("Conv", "x w", "y", group=4), IMAGE, {"w": (4, 1, 3, 3)}, 36 * 4 * 9),
        # 1-d, 10 − 5 + 1 = 6 outputs
        (node("Conv", "x w", "y"), ["N", 4, 10], {"w": (3, 4, 5)}, 6 * 3 * 20),
        # transposed: every one of 4·8·8 inputs meets 6·2·2 weights
        (node("ConvTranspose", "x w", "y"), IMAGE, {"w": (4, 6, 2, 2)}, 256 * 24),
        (node("Gemm", "x w", "y"), ["N", 4], {"w": (4, 6)}, 24),
        (node("Gemm", "x w", "y", transB=1), ["N", 4], {"w": (6, 4)}, 24),
        # 7 rows of one sample
        (node("MatMul", "x w", "y"), ["N", 7, 4], {"w": (4, 6)}, 7 * 24),
        (node("MatMul", "w x", "y"), [4, 9], {"w": (6, 4)}, 9 * 24),
        # 3 steps · 4 gates · 5 units · (4 inputs + 5 states)
        (LSTM, [3, 1, 4], {"w": (1, 20, 4), "r": (1, 20, 5)}, 3 * 20 * 9),
        # both directions
        (GRU, [3, 1, 4], {"w": (2, 15, 4), "r": (2, 15, 5)}, 2 * 3 * 15 * 9),
    ],
)
def test_macs(
    tmp_path: Path, entry: onnx.NodeProto, shape: Shape, weights: dict[str, tuple[int, ...]], expected: int
) -> None:
    assert macs(tmp_path, [entry], shape, {name: random(*size) for name, size in weights.items()}) == [
        expected
    ]


def test_unknown_shape_gives_no_number(tmp_path: Path) -> None:
    # the row count depends on the data
    nodes = [node("Unique", "x", "u"), node("Unsqueeze", "u axis", "r"), node("MatMul", "r w", "y")]
    info = opened(
        graph_of(nodes, {"x": [8]}, ["y"], {"axis": np.array([1]), "w": random(1, 6)}), tmp_path
    ).info
    assert [layer.macs for layer in info.layers] == [None]
    assert info.macs is None


def test_open_sizes_are_guessed_and_said(tmp_path: Path) -> None:
    model = graph_of([node("Conv", "x w", "y")], {"x": ["N", 3, "H", "W"]}, ["y"], {"w": random(2, 3, 1, 1)})
    info = opened(model, tmp_path).info
    assert info.layers[0].macs == 224 * 224 * 2 * 3
    assert "1×3×224×224" in str(info.warnings[0])


def test_open_batch_alone_is_no_guess(tmp_path: Path) -> None:
    model = graph_of([node("MatMul", "x w", "y")], {"x": ["batch", 4]}, ["y"], {"w": random(4, 6)})
    assert opened(model, tmp_path).info.warnings == ()


def test_layers_in_bodies_are_counted(tmp_path: Path) -> None:
    # the body learns its shapes from a constant outside of it
    body = body_of([node("Reshape", "x shape", "r"), node("MatMul", "r w", "b", name="fc")], ["b"])
    other = body_of([node("Reshape", "x shape", "o")], ["o"])
    nodes = [
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Greater", "sum zero", "c"),
        node("If", "c", "y", then_branch=body, else_branch=other),
    ]
    weights = {"shape": np.array([-1, 4]), "w": random(4, 6), "zero": np.float32(0)}
    assert macs(tmp_path, nodes, ["N", 3, 8], weights) == [6 * 24]


def test_shapes_follow_reshape_of_a_dynamic_batch(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n axis", "n1"),
        node("Concat", "n1 rest", "shape", axis=0),
        node("Reshape", "x shape", "flat"),
        node("MatMul", "flat w", "y"),
    ]
    weights = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1]), "w": random(12, 5)}
    assert macs(tmp_path, nodes, ["N", 3, 4], weights) == [60]
