"""Corrections in a run: what they gain, that only what helps is kept, that they survive an interruption."""

from __future__ import annotations

from pathlib import Path

import msgspec
import networks
import numpy as np
import onnx
import pytest
from runs import Data, Watch

from core.compress import compress
from core.context import Context
from core.corrections import pack, unpack
from core.errors import Cancelled, PlanError
from core.evaluate.judge import Judge
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods import _layer_moments, sequential
from core.methods.hessian import HeldOut
from core.methods.sequential import Correction, Corrector
from core.methods.stored import IntegerWeight
from core.project import Project
from core.values import LayerPlan, Plan, Result

W3A8 = Plan(defaults=LayerPlan(weight_bits=3, activation_bits=8))
W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
HALF = Plan(defaults=LayerPlan(sparsity=0.5))


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(channels=16), tmp_path), Context())


@pytest.fixture
def data() -> Data:
    return Data({"x": networks.pictures(128)})


@pytest.fixture
def judge(opened: OpenedModel) -> Judge:
    return Judge(opened.source, Data({"x": networks.pictures(128, seed=9)}), Context())


def off(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, methods={"compensate": {"on": False}})


def run(opened: OpenedModel, data: Data | None, plan: Plan, folder: Path, **more: object) -> Result:
    arguments = {"judge": None, "store": None, "context": Context(), **more}
    return compress(opened, data, plan=plan, work_dir=folder, **arguments)  # type: ignore[arg-type]


def kl(judge: Judge, result: Result) -> float:
    value = judge.measure(Path(result.artefact), Context()).kl
    assert value is not None
    return value


@pytest.mark.parametrize("plan", [W3A8, HALF, HALF.with_defaults(sparsity=None, pattern="2:4")])
def test_the_answers_come_nearer_to_the_originals_on_other_samples(
    plan: Plan, opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    plain = run(opened, data, off(plan), tmp_path)
    corrected = run(opened, data, plan, tmp_path)
    assert kl(judge, corrected) < 0.6 * kl(judge, plain)
    assert any("were adjusted" in str(note) for note in corrected.notes)
    assert not any("were adjusted" in str(note) for note in plain.notes)
    # the same numbers of bits and at least as many zeros
    for one, other in zip(plain.layers, corrected.layers, strict=True):
        assert one.weight_bits == other.weight_bits
    if plan is not W3A8:
        # the first layer's rows of 27 hold six groups of four and three more, of which two stay
        first = 13 / 27 if plan.defaults.pattern == "2:4" else 0.5
        found = [layer.sparsity for layer in corrected.layers]
        assert found == pytest.approx([first, 0.5, 0.5], abs=0.01)
        assert all(layer.note is None for layer in corrected.layers[1:])


@pytest.mark.parametrize("plan", [W3A8, HALF])
def test_large_networks_are_seen_on_fewer_samples_and_their_layers_judge_themselves(
    plan: Plan,
    opened: OpenedModel,
    data: Data,
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = run(opened, data, off(plan), tmp_path)
    monkeypatch.setattr(_layer_moments, "PASS_MACS", 1.0)
    monkeypatch.setattr(sequential, "JUDGING_MACS", 1.0)
    looked: list[int] = []
    add = HeldOut.add
    monkeypatch.setattr(
        HeldOut, "add", lambda self, x, r: looked.append(len(x) // self._form.rows) or add(self, x, r)
    )
    assert kl(judge, run(opened, data, plan, tmp_path)) < 0.75 * kl(judge, plain)
    assert len(looked) == 3  # one piece of held-out samples for each layer


def test_an_interrupted_run_ends_in_the_same_file(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(opened, data, W3A8, tmp_path / "whole")
    store = Project(tmp_path / "project.secateur")
    with pytest.raises(Cancelled):
        run(opened, data, W3A8, tmp_path, judge=judge, store=store, context=Watch(stop_after=2))
    made = []
    correct = Corrector.correct
    monkeypatch.setattr(Corrector, "correct", lambda self, i: made.append(i) or correct(self, i))
    watch = Watch()
    again = run(opened, data, W3A8, tmp_path, judge=judge, store=store, context=watch)
    assert made == [2] and [point.from_store for point in watch.points] == [True, True, False]
    assert again.sha256 == whole.sha256
    store.close()


def test_cancelling_is_obeyed_within_a_layer(opened: OpenedModel, data: Data, tmp_path: Path) -> None:
    context = Context()

    def stop(stage: object, *_: object) -> None:
        if "Compensating" in str(stage):
            context.cancel()

    context = Context(on_progress=stop)
    with pytest.raises(Cancelled):
        run(opened, data, HALF, tmp_path, context=context)
    assert not list(tmp_path.glob("*.part.onnx"))


def test_a_correction_that_harms_is_not_kept(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    apply = Corrector.apply

    def watched(self: Corrector, index: int, correction: Correction) -> None:
        apply(self, index, correction)
        names.append(correction.name)

    good = run(opened, data, W3A8, tmp_path)
    monkeypatch.setattr(
        sequential, "spread_ratio", lambda quadratic, m: np.full(quadratic.form.channels, 9.0, np.float32)
    )
    monkeypatch.setattr(Corrector, "apply", watched)
    bad = run(opened, data, W3A8, tmp_path)
    assert any(name.endswith("+matched") for name in names)  # tried
    assert kl(judge, bad) < 2 * kl(judge, good) + 1e-3  # and refused


def test_layers_before_the_first_that_loses_much_are_only_rounded(
    opened: OpenedModel, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    correct = Corrector.correct
    monkeypatch.setattr(Corrector, "correct", lambda self, i: made.append(i) or correct(self, i))
    run(opened, data, Plan(defaults=LayerPlan(weight_bits=8)), tmp_path)
    assert made == []
    run(opened, data, W8A8.with_layer("conv2", weight_bits=4), tmp_path)
    assert made == [1, 2]


def test_eight_bits_are_corrected_in_one_go_and_the_run_says_what_it_gained(
    opened: OpenedModel, data: Data, judge: Judge, tmp_path: Path
) -> None:
    plain = run(opened, data, off(W8A8), tmp_path)
    corrected = run(opened, data, W8A8, tmp_path)
    assert kl(judge, corrected) < kl(judge, plain)
    assert any("came nearer" in str(note) for note in corrected.notes)
    assert not any("came nearer" in str(note) for note in plain.notes)


def test_all_layers_stay_as_rounded_where_held_out_answers_are_no_nearer(
    opened: OpenedModel, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(opened, data, off(W8A8), tmp_path)
    wrong = Correction("swept", None, np.full(16, 5.0, np.float32))
    monkeypatch.setattr(Corrector, "correct", lambda self, i: wrong if i == 0 else Correction("plain"))
    store = Project(tmp_path / "project.secateur")
    for _ in range(2):  # made, then from the store
        refused = run(opened, data, W8A8, tmp_path, store=store)
        assert any("would not have helped" in str(note) for note in refused.notes)
        assert refused.sha256 == plain.sha256
    store.close()


def test_a_kept_correction_of_eight_bits_gives_the_same_file_again(
    opened: OpenedModel, data: Data, tmp_path: Path
) -> None:
    store = Project(tmp_path / "project.secateur")
    first = run(opened, data, W8A8, tmp_path, store=store)
    again = run(opened, data, W8A8, tmp_path, store=store)
    assert first.sha256 == again.sha256 == run(opened, data, W8A8, tmp_path).sha256
    store.close()


def test_without_data_nothing_is_compensated(opened: OpenedModel, tmp_path: Path) -> None:
    result = run(opened, None, HALF, tmp_path)
    assert [layer.sparsity for layer in result.layers] == pytest.approx([0.5] * 3, abs=0.02)


@pytest.mark.parametrize(("bits", "stored", "opset"), [(2, 2, 25), (3, 4, 21), (4, 4, 21), (6, 8, 17)])
def test_bits_are_stored_in_the_next_type_and_it_is_said(
    bits: int, stored: int, opset: int, opened: OpenedModel, data: Data, tmp_path: Path
) -> None:
    plan = Plan(defaults=LayerPlan(weight_bits=bits, activation_bits=8))
    result = run(opened, data, plan, tmp_path)
    assert {layer.weight_bits for layer in result.layers} == {stored}
    assert all(layer.note is None for layer in result.layers)
    assert any("bits each in the file" in str(note) for note in result.notes) == (bits != stored)
    assert onnx.load(result.artefact).opset_import[0].version == opset


def test_a_pattern_holds_in_the_file(opened: OpenedModel, data: Data, tmp_path: Path) -> None:
    plan = Plan(defaults=LayerPlan(pattern="2:4", weight_bits=8))
    result = run(opened, data, plan, tmp_path)
    file = onnx.load(result.artefact)
    (integers,) = [
        onnx.numpy_helper.to_array(t) for t in file.graph.initializer if list(t.dims) == [16, 16, 3, 3]
    ]
    counts = np.count_nonzero(integers.reshape(16, 4, 4, 9), axis=2)
    assert counts.max() == 2
    with pytest.raises(PlanError, match="pattern"):
        run(opened, data, Plan(defaults=LayerPlan(pattern="4:2")), tmp_path)


def test_a_correction_survives_packing() -> None:
    weight = IntegerWeight(np.ones((2, 3), np.int8), np.full((2, 1), 0.5, np.float32))
    correction = Correction("swept", weight, None, 0.25)
    found = unpack(pack(correction))
    assert found is not None and found.name == "swept" and found.distance == 0.25 and found.bias is None
    assert isinstance(found.weight, IntegerWeight) and found.weight.q.dtype == np.int8
    np.testing.assert_array_equal(found.weight.scale, [[0.5], [0.5]])
    assert unpack(b"something else") is None
