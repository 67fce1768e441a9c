"""A network whose weights do not fit into one file, from opening to a compressed file of the same kind.

The limit is lowered to what a small network exceeds; `bench/above_two_gib.py` does the same with 2.4 GB.
"""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from runs import Data, Watch

from core.compress import compress, file_sha256
from core.context import Context
from core.evaluate import runner
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.evaluate.size import model_files, size_bytes
from core.export import export
from core.formats import open_model, to_ir
from core.graph import apart
from core.graph.opened import OpenedModel
from core.readback import read_card
from core.values import LayerPlan, Plan

LIMIT = 9000
"""Bytes: the network has 11 kB of weights, 3 kB of them once they are integers."""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenedModel:
    """Its weights lie beside it, and stay there: the larger ones are read where they lie."""
    monkeypatch.setattr("core.graph.weights.PROTOBUF_LIMIT", (64 << 20) + LIMIT)
    monkeypatch.setattr(apart, "LEAST_BYTES", 1000)
    monkeypatch.setattr(runner, "FED_BYTES", 1000)
    monkeypatch.setattr(to_ir, "SIZE_LIMIT_BYTES", LIMIT)
    path = tmp_path / "model.onnx"
    onnx.save_model(
        networks.cnn(channels=16), str(path), save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert path.stat().st_size < LIMIT < (tmp_path / "w.bin").stat().st_size
    model = open_model(path, Context())
    kinds = {type(value.const_value) for value in model.model.graph.initializers.values()}
    assert kinds == {ir.Tensor, ir.ExternalTensor}
    return model


@pytest.fixture
def data(opened: OpenedModel) -> Data:
    pictures = networks.pictures(64)
    labels = Runner(opened.source).run({"x": pictures})[0].argmax(axis=1)
    return Data({"x": pictures}, labels, "classification", tuple("abcd"))


def test_zeros_stay_in_a_file_beside_the_model(opened: OpenedModel, data: Data, tmp_path: Path) -> None:
    judge = Judge(opened.source, data, Context())
    work = tmp_path / "work"
    result = compress(opened, data, judge, Plan(defaults=LayerPlan(sparsity=0.5)), work, None, Context())
    artefact = Path(result.artefact)
    assert sorted(one.name for one in work.iterdir()) == [artefact.name, f"{artefact.name}.data"]
    assert model_files(artefact) == (artefact, work / f"{artefact.name}.data")
    assert [round(one.sparsity, 1) for one in result.layers] == [0.5] * 3
    target = tmp_path / "small.onnx"
    exported = export(result, target, opened, data, Context())
    (beside,) = model_files(target)[1:]
    assert beside.name.startswith("small.onnx.") and not list(tmp_path.glob(".secateur*"))
    assert exported.sha256 == file_sha256(target)
    assert exported.size_bytes == size_bytes(target) == target.stat().st_size + beside.stat().st_size
    assert read_card(target) is not None
    # by a program that knows nothing of the run
    again = open_model(target, Context())
    kept = [again.model.graph.initializers[one.weights[0]].const_value for one in again.info.layers]
    numbers = np.concatenate([tensor.numpy().reshape(-1) for tensor in kept if tensor is not None])
    assert np.mean(numbers == 0) == pytest.approx(0.5, abs=0.01)
    answers = [Runner(path).run(data.feeds)[0] for path in (artefact, target)]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("activation_bits", [32, 8])
def test_fewer_bits_fit_into_one_file(
    activation_bits: int, opened: OpenedModel, data: Data, tmp_path: Path
) -> None:
    judge, watch = Judge(opened.source, data, Context()), Watch()
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=activation_bits))
    result = compress(opened, data, judge, plan, tmp_path / "work", None, watch)
    assert [one.weight_bits for one in result.layers] == [8] * 3
    # the network that was judged on arrays where they lie is the one that a file holds
    assert watch.points[-1].measurement.value == result.after.measurements[0].value
    export(result, tmp_path / "small.onnx", opened, data, Context())
    assert model_files(tmp_path / "small.onnx") == (tmp_path / "small.onnx",)
    assert size_bytes(tmp_path / "small.onnx") < 0.7 * size_bytes(opened.source)
