"""The table of a whole model: what is in it, that it is measured once, and what it predicts."""

from __future__ import annotations

import math
from pathlib import Path

import networks
import numpy as np
import pytest

from core.context import Context
from core.errors import Cancelled
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.kernel_model import KernelModel
from core.kernels import table as kernels_table
from core.kernels.shelf import Shelf
from core.kernels.table import KernelTable
from core.methods._spatial_mean import pool_spatial_means
from core.methods.quantize_activations import place
from core.values import KernelTime, Latency, LatencyTable, LayerPlan, Plan, Value
from core.wiring import integer_parts

FEEDS = {"x": np.zeros((1, 3, 8, 8), np.float32)}
W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))


def opened(folder: Path, **settings: int) -> OpenedModel:
    folder.mkdir(exist_ok=True)
    return open_model(networks.written(networks.cnn(**settings), folder), Context())


def filled(
    model: OpenedModel, shelf: Shelf, seconds: float = 300.0, **settings: bool
) -> tuple[LatencyTable, list[Value]]:
    told: list[Value] = []
    context = Context(on_progress=lambda *stage: told.append(stage[0]))
    kernels = KernelTable(model, FEEDS, shelf, threads=1)
    table = kernels.fill(W8A8, None, context, seconds=seconds, **settings)
    return table, told


def test_each_layer_has_its_times_in_float_and_in_integers(tmp_path: Path) -> None:
    model = opened(tmp_path)
    table, _ = filled(model, Shelf(tmp_path))
    layers = [node for node in table.nodes if node.kind == "layer"]
    assert [node.name for node in layers] == [layer.id for layer in model.info.layers]
    for node in layers:
        times = dict(node.times)
        assert set(times) == {"float", "int8"}
        assert all(time.ms > 0 for time in times.values())
        assert times["int8"].form == "integer"
    assert [node.tailed for node in layers] == [True, True, False]
    kernels = KernelModel(table, None)
    original = Latency(median_ms=1.0, low_ms=1.0, high_ms=1.0, runs=9, threads=1)
    assert kernels.usable and kernels.knows(W8A8)
    assert kernels.predicted(Plan(), original).median_ms == pytest.approx(1.0)
    assert kernels.predicted(W8A8, original).median_ms != pytest.approx(1.0)


def test_a_second_model_with_the_same_layers_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels_table, "_UNSTEADY", math.inf)  # a busy machine gives cause for doubt
    first, told = filled(opened(tmp_path), Shelf(tmp_path))
    assert told and all(stage.template == "Timing single layers" for stage in told)
    other = opened(tmp_path / "other", seed=1)
    second, told = filled(other, Shelf(tmp_path))
    assert not told
    assert [node.times for node in second.nodes] == [node.times for node in first.nodes]
    # one layer has another shape: only that is missing
    _, told = filled(opened(tmp_path / "more", classes=5), Shelf(tmp_path))
    assert 1 <= len(told) <= 2


def test_a_disturbed_time_is_taken_again_once_and_the_steadier_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, shelf = opened(tmp_path), Shelf(tmp_path)
    calls: list[float] = []
    first = 0

    def timed(*_: object) -> tuple[KernelTime, float]:
        # at first all is disturbed, then every other one more than before
        number = len(calls) + 1
        calls.append(9.0 if not first else 1.0 if number % 2 else 20.0)
        return KernelTime(ms=float(number)), calls[-1]

    monkeypatch.setattr(kernels_table, "timed", timed)
    kernels = KernelTable(model, FEEDS, shelf, threads=1)

    def times() -> list[float]:
        table = kernels.fill(W8A8, None, Context(), seconds=300.0)
        return sorted(time.ms for node in table.nodes for _, time in node.times)

    assert times() == list(range(1, len(calls) + 1))
    first = len(calls)
    again = range(first + 1, 2 * first + 1)
    assert times() == sorted(new if new % 2 else new - first for new in again)
    assert times() == sorted(new if new % 2 else new - first for new in again)
    assert len(calls) == 2 * first


def test_widths_are_measured_when_they_are_asked_for(tmp_path: Path) -> None:
    table, _ = filled(opened(tmp_path, channels=32), Shelf(tmp_path), widths=True)
    second = next(node for node in table.nodes if node.kind == "layer" and node.inputs != ("x",))
    assert {"float@25", "float@50", "float@75", "int8@50"} <= set(dict(second.times))


def test_it_ends_in_time_and_with_what_it_has(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    table, _ = filled(opened(tmp_path), shelf, seconds=0.0)
    assert sum(len(node.times) for node in table.nodes) <= 1
    assert not KernelModel(table, None).knows(W8A8) or not KernelModel(table, None).usable
    table, _ = filled(opened(tmp_path), shelf)
    assert KernelModel(table, None).knows(W8A8)


def test_it_stops_when_the_job_is_stopped(tmp_path: Path) -> None:
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        KernelTable(opened(tmp_path), FEEDS, Shelf(tmp_path), threads=1).fill(W8A8, None, context)


@pytest.mark.parametrize("name", ["resnet20_cifar10", "mobilenet_cifar10"])
def test_the_table_knows_which_nodes_compute_on_integers(
    name: str, shared_models: Path, tmp_path: Path
) -> None:
    model = open_model(shared_models / f"{name}.onnx", Context())
    feeds = {model.info.inputs[0].name: np.zeros((1, 3, 32, 32), np.float32)}
    table = KernelTable(model, feeds, Shelf(tmp_path)).table()
    base = model.clone()
    pool_spatial_means(base)
    layers = [node.name for node in table.nodes if node.integer]
    rng = np.random.default_rng(0)
    for share in (0.2, 0.6, 1.0):
        chosen = dict.fromkeys(sorted(rng.choice(layers, round(share * len(layers)), replace=False)), 8)
        places, needed = integer_parts(table.nodes, chosen)
        wanted = place(base, chosen)
        assert {table.nodes[at].name for at in places} == set(wanted.integer)
        assert set(needed) == set(wanted.source)
