"""Networks as torch's newer exporter writes them: opened, compressed in every way, exported and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from dynamo_export import dynamo_exported
from graph_makers import run as answers
from networks import written
from runs import Data
from torch_networks import drawn, network

from core.context import Context
from core.evaluate.judge import Judge
from core.export import export
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.pipeline import run
from core.values import LayerPlan, Plan, Result

NAMES = ("resnet", "mobilenetv2", "lstm", "transformer, torch's own")
FLOAT = LayerPlan(sparsity=0.0, weight_bits=32, activation_bits=32)
WAYS = {
    "W8A8": Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8)),
    "zeros": Plan(defaults=LayerPlan(sparsity=0.5)),
    "channels": Plan(defaults=FLOAT, methods={"prune_channels": {"channels": 50.0}}),
}


@pytest.fixture(scope="module", params=NAMES)
def exported(request: pytest.FixtureRequest) -> tuple[str, onnx.ModelProto, np.ndarray]:
    """A network, as the newer exporter writes it, and a few samples."""
    module, inputs = drawn(request.param)
    proto = dynamo_exported(module, inputs)
    (x,) = inputs
    more = np.concatenate([np.roll(x.numpy(), shift, -1) for shift in range(6)])
    # whatever is open in the file takes other numbers of samples too
    found = answers(proto, {proto.graph.input[0].name: more})[0]
    with torch.no_grad():
        expected = module(torch.from_numpy(more)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    return request.param, proto, x.numpy()


def samples(x: np.ndarray, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if x.dtype == np.int64:
        return rng.integers(0, 50, (count, *x.shape[1:]))
    return rng.standard_normal((count, *x.shape[1:])).astype(np.float32)


def opened(proto: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(written(proto, folder), Context())


def test_layers_are_those_of_the_older_exporter(
    exported: tuple[str, onnx.ModelProto, np.ndarray], tmp_path: Path
) -> None:
    name, proto, _ = exported
    info = opened(proto, tmp_path).info
    older = open_model(written(network(name)[0], tmp_path, "older.onnx"), Context()).info
    assert info.compressible
    assert sorted(layer.shape for layer in info.layers if layer.kind != "Dense") == sorted(
        layer.shape for layer in older.layers if layer.kind != "Dense"
    )
    # a dense layer may be stored either way round
    assert sorted((layer.kind, layer.params, layer.macs) for layer in info.layers) == sorted(
        (layer.kind, layer.params, layer.macs) for layer in older.layers
    )
    # its weights tell what a layer is called
    assert not any(layer.label.startswith(("val", "node")) for layer in info.layers)


@pytest.mark.parametrize("way", WAYS)
def test_compressed_exported_and_verified(
    exported: tuple[str, onnx.ModelProto, np.ndarray], way: str, tmp_path: Path
) -> None:
    name, proto, x = exported
    model = opened(proto, tmp_path)
    feed = model.info.inputs[0].name
    data, others = Data({feed: samples(x, 48, 1)}), Data({feed: samples(x, 48, 2)})
    judge = Judge(model.source, others, Context())
    result = run(model, data, judge, WAYS[way], tmp_path / "work", None, Context(), judge_steps=False)
    destination = tmp_path / "out.onnx"
    export(result, destination, model, data, Context())
    onnx.checker.check_model(str(destination), full_check=True)
    measured = {found.metric: found.value for found in result.after.measurements}
    if way == "W8A8":
        check_bits(name, result)
        assert measured["agreement"] >= 85.0
        assert result.after.size_bytes < 0.6 * result.before.size_bytes
    elif way == "zeros":
        assert all(layer.sparsity > 0.49 for layer in result.layers)
        assert measured["agreement"] >= 40.0
    else:
        after = open_model(destination, Context()).info
        # hidden units stay: the graph works out initial states of their number, which nothing cuts yet
        macs, params = (0.95, 0.95) if name == "lstm" else (0.6, 0.75)
        assert (after.macs or 0) < macs * (model.info.macs or 0)
        assert after.params < params * model.info.params
        assert np.isfinite(list(measured.values())).all()


def check_bits(name: str, result: Result) -> None:
    assert {layer.weight_bits for layer in result.layers} == {8}
    integer = [layer.op for layer in result.layers if layer.activation_bits == 8]
    if name == "lstm":
        assert integer == [] or set(integer) == {"Gemm"}
    else:
        # the first and the last may stay in float
        assert len(integer) >= len(result.layers) - 3
