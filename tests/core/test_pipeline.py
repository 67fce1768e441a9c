"""A run's steps on the whole network, on the bundled sample, judged by plain onnxruntime and onnx."""

import msgspec
import numpy as np
import onnx
import pytest
from runs import Watch, distance, grids

from core import jobs
from core import messages as m
from core.context import Context
from core.errors import Cancelled, PlanError
from core.gradients.finetune import Settings
from core.presets import PRESETS
from core.steps import STEPS, asked, finetune, ordered
from core.steps import channels as channels_step
from core.steps._take import alone
from core.values import DataSpec, LayerPlan, Plan
from core.values.plan import RESTRUCTURING
from core.workspace import Workspace

FLOAT = LayerPlan(sparsity=0.0, weight_bits=32, activation_bits=32)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "data")


@pytest.fixture
def spec(digits):
    return DataSpec(path=str(digits), judge_count=100, calibration_count=64)


def compress(workspace, model, spec, plan, context=None):
    request = m.Compress(model=str(model), data=spec, plan=plan, judge_steps=False)
    return jobs.perform(request, workspace, context or Context())


def parameters(path):
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)


# ---------------------------------------------------------------- the order


def test_what_changes_more_than_layers_is_known_without_the_engine():
    assert not Plan(defaults=LayerPlan(sparsity=0.5)).restructures
    assert not Plan(methods={"prune_channels": {"macs": 0.0}}).restructures
    for step, name in RESTRUCTURING:
        assert Plan(methods={step: {name: 25.0}}).restructures
    whole = [step.info for step in STEPS.values() if not step.info.only_after_bits]
    assert set(RESTRUCTURING) == {pair for info in whole for pair in info.asked_by}


def names(steps):
    return [step.name for step in steps]


def test_the_usual_order_cuts_first_trains_then_and_takes_bits_last():
    usual = names(ordered(Plan()))
    wanted = ["prune_blocks", "merge_channels", "prune_channels", "zeros", "finetune", "quantize"]
    assert [name for name in usual if name in wanted] == wanted


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (("prune_blocks", "guess"), "no step 'guess'"),
        (("prune_channels", "zeros", "prune_channels"), "'prune_channels' comes twice"),
        (("quantize", "prune_channels"), "'prune_channels' cannot come after 'quantize'"),
        (("quantize", "finetune", "merge_channels"), "'merge_channels' cannot come after 'quantize'"),
        (("learn_rounding", "quantize"), "'learn_rounding' cannot come before 'quantize'"),
        (("quantize", "zeros"), "'zeros' cannot come after 'quantize'"),
    ],
)
def test_an_order_that_cannot_be_says_what_is_in_the_way(order, words):
    with pytest.raises(PlanError, match=words):
        ordered(Plan(order=order))


def test_a_step_that_is_asked_for_must_stand_in_the_order(workspace, digits_resnet):
    opened = workspace.opened(str(digits_resnet), Context())
    plan = Plan(
        defaults=LayerPlan(sparsity=0.5, weight_bits=8),
        methods={"prune_channels": {"macs": 30.0}, "finetune": {"seconds": 1.0}},
        order=("finetune", "prune_channels", "quantize"),
    )
    with pytest.raises(PlanError, match="'zeros', but its order leaves it out"):
        asked(opened, plan)
    whole = msgspec.structs.replace(plan, order=("finetune", "prune_channels", "zeros", "quantize"))
    assert names(asked(opened, whole)) == list(whole.order)
    # a step that nothing asks for may stand there
    calm = Plan(defaults=LayerPlan(weight_bits=8), order=("prune_blocks", "quantize"))
    assert names(asked(opened, calm)) == ["quantize"]


def test_training_on_the_grids_needs_grids(workspace, digits_resnet):
    opened = workspace.opened(str(digits_resnet), Context())
    methods = {"finetune": {"seconds": 1.0}}
    late = Plan(defaults=LayerPlan(sparsity=0.5), methods=methods, order=("zeros", "quantize", "finetune"))
    with pytest.raises(PlanError, match="'finetune' comes after 'quantize', but no layer gets bits"):
        asked(opened, late)


def test_zeros_right_before_the_bits_are_left_to_the_layers(workspace, digits_resnet):
    opened = workspace.opened(str(digits_resnet), Context())
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=4))
    assert names(alone(asked(opened, plan), plan)) == []
    trained = msgspec.structs.replace(plan, methods={"finetune": {"seconds": 1.0}})
    assert names(alone(asked(opened, trained), trained)) == ["zeros", "finetune"]
    first = msgspec.structs.replace(trained, order=("finetune", "zeros", "quantize"))
    assert names(alone(asked(opened, first), first)) == ["finetune"]
    rounds = msgspec.structs.replace(plan, methods={"prune_weights": {"rounds": 3}})
    assert names(alone(asked(opened, rounds), rounds)) == ["zeros"]


# ---------------------------------------------------------------- whole runs


def test_channels_alone_make_the_file_smaller_and_keep_most_answers(workspace, digits_resnet, spec):
    plan = Plan(defaults=FLOAT, methods={"prune_channels": {"macs": 40.0, "score": "moments", "multiple": 1}})
    result = compress(workspace, digits_resnet, spec, plan, watch := Watch())
    assert parameters(result.artefact) < 0.8 * parameters(digits_resnet)
    assert result.after.primary.value > result.before.primary.value - 5
    # the account is of the original's layers, in bytes of the original
    stored = {t.name: t for t in onnx.load(digits_resnet).graph.initializer}
    first = result.layers[0]
    weight = next(tensor for name, tensor in stored.items() if name.startswith(first.label))
    assert first.before_bytes >= 4 * int(np.prod(weight.dims))
    # the network after the step is the artefact here: both are judged on the same samples
    (point,) = watch.points
    assert (point.stage, point.layer_id, point.step, point.total) == ("prune_channels", "", 1, 1)
    assert point.measurement == result.after.primary
    assert point.loss == pytest.approx(result.before.primary.value - result.after.primary.value)
    assert "% of the work is left" in str(point.did[0])
    # when it was told is the job's to say
    assert result.course == (msgspec.structs.replace(point, elapsed_seconds=0.0, memory_bytes=0),)
    assert str(point.did[0]) in [str(note) for note in result.notes]


def test_channels_and_bits_go_together(workspace, digits_resnet, spec):
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"prune_channels": {"channels": 25.0, "score": "magnitude", "multiple": 1}},
    )
    result = compress(workspace, digits_resnet, spec, plan)
    assert {layer.weight_bits for layer in result.layers} == {8}
    assert result.after.size_bytes < 0.25 * result.before.size_bytes
    assert result.plan == plan


def test_a_stopped_run_repeats_neither_the_choice_of_channels_nor_the_training(
    workspace, digits_resnet, spec, monkeypatch
):
    methods = {"prune_channels": {"macs": 30.0, "score": "magnitude"}, "finetune": {"seconds": 0.5}}
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8), methods=methods)
    with pytest.raises(Cancelled):
        compress(workspace, digits_resnet, spec, plan, first := Watch(stop_after=2))
    assert [point.stage for point in first.points] == ["prune_channels", "finetune"]

    def never(*_):
        raise AssertionError("was done again")

    monkeypatch.setattr(finetune, "tune", never)
    monkeypatch.setattr(channels_step, "from_plan", never)
    again = compress(workspace, digits_resnet, spec, plan, second := Watch())
    assert [point.from_store for point in second.points] == [True, True]
    assert [point.measurement for point in second.points] == [point.measurement for point in first.points]
    assert [point.did for point in second.points] == [point.did for point in first.points]
    assert again.after.size_bytes < again.before.size_bytes
    # other bits later on: the same steps before
    fewer = msgspec.structs.replace(
        plan,
        defaults=LayerPlan(weight_bits=4, activation_bits=8),
        methods={**methods, "quantize_weights": {"search": False}},
    )
    compress(workspace, digits_resnet, spec, fewer, third := Watch())
    assert [point.from_store for point in third.points] == [True, True]


def test_a_large_network_is_kept_as_a_file(workspace, digits_resnet, spec, monkeypatch):
    from core.steps import _keep

    monkeypatch.setattr(_keep, "MOST_KEPT", 1000)
    plan = Plan(defaults=FLOAT, methods={"prune_channels": {"macs": 30.0, "score": "magnitude"}})
    first = compress(workspace, digits_resnet, spec, plan)
    (file,) = workspace.run_dir().glob("*.step.onnx")
    monkeypatch.setattr(channels_step, "from_plan", None)
    second = compress(workspace, digits_resnet, spec, plan)
    assert second.sha256 == first.sha256
    # whoever cleans the folder up, or damages what is in it, costs time, nothing else
    file.write_bytes(file.read_bytes()[:-500])
    monkeypatch.undo()
    monkeypatch.setattr(_keep, "MOST_KEPT", 1000)
    assert compress(workspace, digits_resnet, spec, plan).sha256 == first.sha256
    file.unlink()
    assert compress(workspace, digits_resnet, spec, plan).sha256 == first.sha256


def test_training_holds_the_zeros_and_never_sees_what_judges(workspace, digits_resnet, spec, monkeypatch):
    seen = []
    tune = finetune.tune

    def watched(model, teacher, masks, samples, *more):
        seen.append((masks, samples))
        return tune(model, teacher, masks, samples, *more)

    monkeypatch.setattr(finetune, "tune", watched)
    plan = Plan(
        defaults=LayerPlan(sparsity=0.7, weight_bits=32, activation_bits=32),
        methods={"finetune": {"seconds": 1.0, "labels": 0.0}, "compensate": {"on": False}},
    )
    result = compress(workspace, digits_resnet, spec, plan, watch := Watch())
    data = workspace.data(str(digits_resnet), spec, Context())
    (masks, samples), *_ = seen
    judging = {int(index) for batch in data.batches("judge", 64) for index in batch.indices}
    assert judging.isdisjoint(int(index) for index in samples.indices)
    assert len(samples) > data.info.calibration_count
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(result.artefact).graph.initializer}
    for name, mask in masks.items():
        assert np.mean(~mask) >= 0.69
        assert not stored[name][~mask].any()
    assert [point.stage for point in watch.points] == ["zeros", "finetune"]
    assert result.after.primary == watch.points[1].measurement


def test_training_after_the_bits_stays_on_their_grids_and_comes_nearer_to_the_original(
    workspace, digits_resnet, spec, monkeypatch
):
    # a number of steps, whatever the machine has to do besides
    short = lambda **given: Settings(**{**given, "seconds": 1e9, "steps": 30, "threads": 1})  # noqa: E731
    monkeypatch.setattr("core.methods.finetune.Settings", short)
    training = {"seconds": 1.0, "labels": 0.0, "samples": 600, "shift": 0, "bits_rate": 100.0, "batch": 32}
    plan = Plan(
        defaults=LayerPlan(sparsity=0.3, weight_bits=2, activation_bits=8),
        methods={"compensate": {"on": False}, "finetune": training},
        order=("zeros", "quantize", "finetune"),
    )
    rounded = msgspec.structs.replace(plan, methods={"compensate": {"on": False}}, order=())
    before = compress(workspace, digits_resnet, spec, rounded)
    after = compress(workspace, digits_resnet, spec, plan, watch := Watch())
    old, new = grids(before.artefact), grids(after.artefact)
    assert old.keys() == new.keys()
    for name, (q, scale) in new.items():
        assert q.min() >= -2 and q.max() <= 1
        np.testing.assert_array_equal(scale, old[name][1])
        assert np.mean(q == 0) >= 0.3
    assert any(np.any(q != old[name][0]) for name, (q, _) in new.items())
    assert distance(after) < 0.8 * distance(before)
    (point,) = watch.points
    assert (point.stage, point.measurement) == ("finetune", after.after.primary)
    # the same again comes from the store
    again = compress(workspace, digits_resnet, spec, plan, second := Watch())
    assert (again.sha256, second.points[0].from_store) == (after.sha256, True)


def test_training_before_and_after_the_bits_shares_the_time(workspace, digits_resnet, spec, monkeypatch):
    parts = []
    tune = finetune.tune

    def watched(model, teacher, masks, samples, plan, context, part, *more):
        parts.append(part)
        return tune(model, teacher, masks, samples, plan, context, part, *more)

    monkeypatch.setattr(finetune, "tune", watched)
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"finetune": {"seconds": 0.4, "samples": 200}},
        order=("finetune", "quantize", "finetune"),
    )
    compress(workspace, digits_resnet, spec, plan, watch := Watch())
    assert parts == [0.5, 0.5]
    assert [(point.step, point.total) for point in watch.points] == [(1, 2), (2, 2)]


def test_zeros_that_grow_in_training_are_there_in_the_end(workspace, digits_resnet, spec):
    plan = Plan(
        defaults=LayerPlan(sparsity=0.6, weight_bits=32, activation_bits=32),
        methods={"finetune": {"seconds": 3.0, "labels": 0.0, "samples": 600, "gradual": True}},
    )
    result = compress(workspace, digits_resnet, spec, plan, watch := Watch())
    assert [point.stage for point in watch.points] == ["zeros", "finetune"]
    # nothing was cut at first
    assert watch.points[0].loss == 0.0
    for layer in result.layers:
        assert layer.sparsity == pytest.approx(0.6, abs=0.01)
    assert result.after.primary == watch.points[1].measurement


def test_a_threshold_becomes_the_share_that_it_made_before_training(workspace, digits_resnet, spec):
    opened = workspace.opened(str(digits_resnet), Context())
    layer = opened.info.layers[3]
    weight = opened.model.graph.initializers[layer.weights[0]].const_value.numpy()
    cut = float(np.quantile(np.abs(weight), 0.6))
    plan = Plan(
        defaults=FLOAT, methods={"finetune": {"seconds": 0.2}, "compensate": {"on": False}}
    ).with_layer(layer.id, threshold=cut)
    result = compress(workspace, digits_resnet, spec, plan)
    report = next(one for one in result.layers if one.layer_id == layer.id)
    assert report.sparsity == pytest.approx(0.6, abs=0.01)
    assert report.planned.threshold is None
    assert result.plan == plan


def test_few_samples_still_leave_some_to_choose_by(workspace, digits_resnet, digits):
    from core.methods._pieces import samples_in
    from core.steps._samples import split

    for count, fitted, chosen in ((8, 6, 2), (64, 48, 16), (100, 75, 25), (256, 192, 64), (3, 2, 1)):
        spec = DataSpec(path=str(digits), judge_count=50, calibration_count=count)
        parts = split(workspace.data(str(digits_resnet), spec, Context()))
        assert sum(samples_in(feeds) for feeds in parts.fit()) == fitted
        assert sum(samples_in(feeds) for feeds in parts.held_out) == chosen
        arrays = [next(iter(feeds.values())) for feeds in (*parts.fit(), *parts.held_out)]
        pictures = np.concatenate([array.reshape(len(array), -1) for array in arrays])
        assert len(np.unique(pictures, axis=0)) == len(pictures)


def test_every_preset_has_an_order_that_can_be(workspace, digits_resnet):
    opened = workspace.opened(str(digits_resnet), Context())
    for preset in PRESETS:
        plan = Plan(defaults=preset.defaults, methods=preset.methods, order=preset.order)
        last = {"accurate": "finetune", "accelerator": "correct_bias"}.get(preset.name, "quantize")
        assert asked(opened, plan)[-1].name == last
