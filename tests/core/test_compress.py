"""A run: points after each layer, cancel and resume, remarks, refusals."""

from __future__ import annotations

from pathlib import Path

import msgspec
import networks
import numpy as np
import pytest
from runs import Data, Watch

from core.compress import compress
from core.context import Context
from core.errors import Cancelled, DataError, PlanError
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.project import Project
from core.values import LayerPlan, Plan

W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(channels=16), tmp_path), Context())


@pytest.fixture
def data(opened: OpenedModel) -> Data:
    pictures = networks.pictures(96)
    labels = Runner(opened.source).run({"x": pictures})[0].argmax(axis=1)
    return Data({"x": pictures}, labels, "classification", tuple("abcd"))


@pytest.fixture
def judge(opened: OpenedModel, data: Data) -> Judge:
    return Judge(opened.source, data, Context())


def test_a_point_after_each_layer_and_the_last_is_the_artefact(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    watch = Watch()
    result = compress(opened, data, judge, W8A8, tmp_path / "work", None, watch)
    assert [(p.step, p.total, p.layer_id) for p in watch.points] == [
        (1, 3, "conv1"),
        (2, 3, "conv2"),
        (3, 3, "fc"),
    ]
    assert watch.points[-1].measurement.value == result.after.measurements[0].value
    answers = Runner(Path(result.artefact)).run(data.feeds)[0]
    right = 100 * (answers.argmax(axis=1) == data.labels).mean()
    assert result.after.measurements[0].value == pytest.approx(right)
    assert result.before.measurements[0].value == 100.0
    # the last layer holds a thousandth of the work and stays in float arithmetic
    assert [(r.weight_bits, r.activation_bits) for r in result.layers] == [(8, 8), (8, 8), (8, 32)]
    assert not any("could not follow" in str(note) for note in result.notes)


def test_a_cancelled_run_goes_on_where_it_stopped(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    store = Project(tmp_path / "project.secateur")
    with pytest.raises(Cancelled):
        compress(opened, data, judge, W8A8, tmp_path / "work", store, first := Watch(stop_after=2))
    assert not list((tmp_path / "work").glob("*.onnx"))
    compress(opened, data, judge, W8A8, tmp_path / "work", store, second := Watch())
    assert [p.from_store for p in second.points] == [True, True, False]
    assert [p.measurement for p in second.points[:2]] == [p.measurement for p in first.points]
    store.close()


def test_a_change_of_a_later_layer_keeps_the_earlier_points(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    store = Project(tmp_path / "project.secateur")
    plain = msgspec.structs.replace(W8A8, methods={"compensate": {"on": False}})
    compress(opened, data, judge, plain, tmp_path / "work", store, Watch())
    changed = plain.with_layer("conv2", sparsity=0.5)
    compress(opened, data, judge, changed, tmp_path / "work", store, watch := Watch())
    assert [p.from_store for p in watch.points] == [True, False, False]
    store.close()


def test_half_the_weights_are_zero_in_the_artefact_and_it_says_what_that_is_good_for(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    plan = Plan(defaults=LayerPlan(sparsity=0.5))
    result = compress(opened, data, judge, plan, tmp_path / "work", None, Context(), judge_steps=False)
    assert [layer.sparsity for layer in result.layers] == pytest.approx([0.5, 0.5, 0.5], abs=0.01)
    notes = " ".join(str(note) for note in result.notes)
    assert "Zeros make nothing faster" in notes and "not smaller" in notes
    assert result.after.zipped_bytes < result.before.zipped_bytes


def test_layers_without_a_change_give_no_point(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    plan = W8A8.with_layer("conv1", keep=True)
    result = compress(opened, data, judge, plan, tmp_path / "work", None, watch := Watch())
    assert [p.layer_id for p in watch.points] == ["conv2", "fc"]
    assert result.layers[0].weight_bits == 32


def test_without_data_weights_can_be_rounded_but_not_activations(opened: OpenedModel, tmp_path: Path) -> None:
    plan = Plan(defaults=LayerPlan(weight_bits=8))
    result = compress(opened, None, None, plan, tmp_path / "work", None, Context())
    assert result.after.measurements == () and result.after.size_bytes < result.before.size_bytes
    assert any("not measured" in str(note) for note in result.notes)
    with pytest.raises(DataError, match="need data"):
        compress(opened, None, None, W8A8, tmp_path / "work", None, Context())


def test_a_plan_that_changes_nothing_is_refused(opened: OpenedModel, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="changes nothing"):
        compress(opened, None, None, Plan(), tmp_path / "work", None, Context())


def test_weights_that_are_not_numbers_name_the_layer(tmp_path: Path) -> None:
    model = networks.dense(np.full((4, 32), np.nan))
    opened = open_model(networks.written(model, tmp_path, "nan.onnx"), Context())
    with pytest.raises(PlanError, match=r"Layer '.+' cannot"):
        compress(opened, None, None, Plan(defaults=LayerPlan(weight_bits=8)), tmp_path, None, Context())


def test_an_unknown_calibration_range_lists_the_known(
    opened: OpenedModel, data: Data, tmp_path: Path
) -> None:
    plan = msgspec.structs.replace(W8A8, methods={"calibrate": {"range": "guess"}})
    with pytest.raises(PlanError, match="guess") as raised:
        compress(opened, data, None, plan, tmp_path, None, Context())
    assert "min-max" in raised.value.one_line()
