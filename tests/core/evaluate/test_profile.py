"""Milliseconds find their layer, whatever onnxruntime fuses and renames."""

from __future__ import annotations

import tempfile
from pathlib import Path

import networks
import numpy as np
import pytest
from onnx import helper

from core.context import Context
from core.errors import Cancelled
from core.evaluate.profile import layer_times
from core.formats import open_model

RNG = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def test_every_layer_of_a_fused_network_gets_its_time(tmp_path: Path) -> None:
    path = networks.written(networks.cnn(channels=16), tmp_path)
    timings = layer_times(
        open_model(path, Context()), {"x": networks.pictures(1)}, Context(), threads=1, seconds=0.05
    )
    assert [t.layer_id for t in timings.layers] == ["conv1", "conv2", "fc"]
    assert all(t.time_ms > 0 for t in timings.layers)
    assert sum(t.time_ms for t in timings.layers) <= timings.total_ms
    for layer in timings.layers:
        assert layer.share == pytest.approx(layer.time_ms / timings.total_ms)
    assert timings.threads == 1


def test_the_layer_that_multiplies_most_takes_most(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="small"),
        helper.make_node("MatMul", ["a", "v"], ["b"], name="big"),
        helper.make_node("MatMul", ["b", "u"], ["y"], name="last"),
    ]
    weights = {"w": random(8, 16), "v": random(16, 50_000), "u": random(50_000, 4)}
    path = networks.written(networks.model_of(nodes, {"x": [32, 8]}, {"y": [32, 4]}, weights), tmp_path)
    timings = layer_times(open_model(path, Context()), None, Context(), seconds=0.1)
    times = {t.layer_id: t.time_ms for t in timings.layers}
    assert times["big"] > 10 * times["small"]


@pytest.mark.parametrize(
    ("nodes", "inputs", "weights"),
    [
        pytest.param(
            [("Gemm", ["x", "w", "b"], {}), ("Relu", 1, {})],
            ["N", 5],
            {"w": random(5, 7), "b": random(7)},
            id="Gemm and Relu",
        ),
        pytest.param(
            [("MatMul", ["x", "w"], {}), ("Add", [1, "b"], {}), ("Relu", 1, {})],
            ["N", 5],
            {"w": random(5, 7), "b": random(7)},
            id="MatMul and bias",
        ),
        pytest.param(
            [("Transpose", ["x"], {"perm": [0, 2, 1]}), ("MatMul", [1, "w"], {})],
            ["N", 5, 3],
            {"w": random(5, 7)},
            id="transposed MatMul",
        ),
        pytest.param(
            [("Conv", ["x", "w"], {}), ("Relu", 1, {})],
            ["N", 3, 20],
            {"w": random(5, 3, 3)},
            id="convolution of one dimension",
        ),
        pytest.param(
            [("Conv", ["x", "w"], {}), ("LeakyRelu", 1, {}), ("GlobalAveragePool", 1, {})],
            ["N", 3, 20, 20],
            {"w": random(16, 3, 3, 3)},
            id="blocked convolution",
        ),
        pytest.param(
            [("ConvTranspose", ["x", "w"], {}), ("Sigmoid", 1, {})],
            ["N", 3, 9, 9],
            {"w": random(3, 5, 3, 3)},
            id="transposed convolution",
        ),
    ],
)
def test_fused_names_lead_back_to_the_layer(
    nodes: list[tuple[str, object, dict[str, object]]],
    inputs: list[int | str],
    weights: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    made, last = [], "x"
    for number, (op, given, attributes) in enumerate(nodes):
        names = given if isinstance(given, list) else [given]
        names = [last if name == 1 else name for name in names]
        output = f"value_{number}"
        made.append(helper.make_node(op, names, [output], name=f"my/{op}_{number}", **attributes))
        last = output
    model = networks.model_of(made, {"x": inputs}, {last: [None] * len(inputs)}, weights)  # type: ignore[list-item]
    opened = open_model(networks.written(model, tmp_path), Context())
    timings = layer_times(opened, None, Context(), seconds=0.02)
    assert [t.layer_id for t in timings.layers] == [layer.id for layer in opened.info.layers]


def test_no_profile_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    path = networks.written(networks.cnn(), tmp_path)
    layer_times(open_model(path, Context()), None, Context(), seconds=0.02)
    context = Context(on_progress=lambda *_: context.cancel())
    with pytest.raises(Cancelled):
        layer_times(open_model(path, Context()), None, context, seconds=0.02)
    assert list((tmp_path / "temp").iterdir()) == []


def test_the_shared_networks_are_timed_layer_by_layer(shared_models: Path) -> None:
    for name in ("resnet20_cifar10", "mobilenet_cifar10", "ch_ppocr_mobile_v2.0_cls_infer"):
        opened = open_model(shared_models / f"{name}.onnx", Context())
        timings = layer_times(opened, None, Context(), seconds=0.1)
        assert {t.layer_id for t in timings.layers} == {layer.id for layer in opened.info.layers}
