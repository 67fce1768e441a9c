"""One layer at a time: the figures of a network really changed that way, streamed, kept, cancellable."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.context import Context
from core.data import open_data
from core.errors import Cancelled, PlanError
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods.prune_weights import prune
from core.sweep.analyze import analyze
from core.sweep.crew import hands_for
from core.sweep.settings import settings_of
from core.values import DataSpec, Plan, Preprocess, SensitivityPoint, Value

COUNT = 64


def measured(
    opened: OpenedModel,
    judge: Judge,
    sparsities: tuple[float, ...],
    bits: tuple[int, ...],
    count: int,
    layers: tuple[str, ...],
    store: Kept | None,
    context: Context,
) -> tuple[SensitivityPoint, ...]:
    return analyze(opened, judge, settings_of(sparsities, bits), count, layers, store, context)[0]


class Kept:
    """A store in memory that counts."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.hits = 0

    def get(self, key: str, /) -> bytes | None:
        value = self.values.get(key)
        self.hits += value is not None and b"SensitivityPoint" in value
        return value

    def put(self, key: str, value: bytes, /) -> None:
        assert key not in self.values
        self.values[key] = value

    @property
    def points(self) -> int:
        return sum(b"SensitivityPoint" in value for value in self.values.values())


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


@pytest.fixture
def judge(opened: OpenedModel) -> Judge:
    return Judge(opened.source, networks.ArrayData({"x": networks.pictures(COUNT)}), Context())


def changed_file(opened: OpenedModel, name: str, sparsity: float, folder: Path) -> Path:
    """The model file with one weight pruned, written with onnx alone."""
    model = onnx.load(str(opened.source))
    for tensor in model.graph.initializer:
        if tensor.name == name:
            pruned = prune(onnx.numpy_helper.to_array(tensor), sparsity)
            tensor.CopyFrom(onnx.numpy_helper.from_array(pruned, name))
    return networks.written(model, folder, "changed.onnx")


def test_each_point_is_what_the_changed_file_gives(opened: OpenedModel, judge: Judge, tmp_path: Path) -> None:
    points = measured(opened, judge, (0.5, 0.9), (8, 4), COUNT, (), None, Context())
    assert len(points) == 3 * 4
    samples = networks.pictures(COUNT)
    before = Runner(opened.source).run({"x": samples})[0].argmax(1)
    for layer_id, name in (("conv1", "w1"), ("conv2", "w2"), ("fc", "w3")):
        path = changed_file(opened, name, 0.9, tmp_path)
        after = Runner(path).run({"x": samples})[0].argmax(1)
        point = next(p for p in points if p.layer_id == layer_id and p.sparsity == 0.9)
        assert point.measurement.value == pytest.approx(100 * np.mean(before == after))
        assert point.loss == pytest.approx(100 * np.mean(before != after))
        assert point.loss_low is not None and point.loss_low <= point.loss
        assert point.kl == pytest.approx(judge.measure(path, Context()).kl, rel=1e-3)


def test_more_damage_for_more_zeros_and_fewer_bits(opened: OpenedModel, judge: Judge) -> None:
    points = measured(opened, judge, (0.25, 0.9), (8, 4), COUNT, ("conv2",), None, Context())
    kl = {(p.sparsity, p.weight_bits): p.kl or 0.0 for p in points}
    assert kl[0.25, 32] < kl[0.9, 32]
    assert kl[0.0, 8] < kl[0.0, 4]


def test_largest_layers_come_first_and_each_point_is_published_at_once(
    opened: OpenedModel, judge: Judge
) -> None:
    seen: list[Value] = []
    points = measured(opened, judge, (0.5,), (), 8, (), None, Context(on_partial=seen.append))
    published = [v for v in seen if isinstance(v, SensitivityPoint)]
    # what is done first is told first
    assert sorted(published, key=list(points).index) == list(points)
    assert [p.layer_id for p in points] == ["conv2", "conv1", "fc"]
    assert all(p.measurement.count == 8 for p in points)


def test_what_can_wait_for_the_estimates_comes_between_them_and_the_measurements(
    opened: OpenedModel, judge: Judge
) -> None:
    store, told = Kept(), []

    def take(value: Value) -> None:
        if isinstance(value, SensitivityPoint):
            told.append("estimate" if value.estimate else "measurement")

    for _ in range(2):  # the second time all is known
        analyze(
            opened,
            judge,
            settings_of((0.5,), (4,)),
            COUNT,
            (),
            store,
            Context(on_partial=take),
            estimated=lambda: told.append("waited"),
        )
    points = 2 * len(opened.info.layers)
    assert told == ["waited", *["measurement"] * 2 * points, "waited"]


def test_what_the_person_turns_to_is_measured_next(opened: OpenedModel, judge: Judge) -> None:
    order: list[str] = []

    def take(value: Value) -> None:
        if isinstance(value, SensitivityPoint) and not value.estimate:
            order.append(value.layer_id)
            if len(order) == 1:
                assert value.layer_id != "conv1"
                context.prefer(["conv1"])

    context = Context(on_partial=take)
    points = measured(opened, judge, (0.25, 0.5, 0.75), (8, 4), COUNT, (), None, context)
    undisturbed = measured(opened, judge, (0.25, 0.5, 0.75), (8, 4), COUNT, (), None, Context())
    begun = order.index("conv1")
    assert begun <= 1 + hands_for(0, judge.threads)  # what was under way by then comes before
    # all that this layer has, but for what was under way and took longer
    assert order[begun : begun + 5 + hands_for(0, judge.threads)].count("conv1") == 5
    assert len(order) == len(points) == len(undisturbed)
    assert [(p.layer_id, p.loss, p.damage) for p in points] == [
        (p.layer_id, p.loss, p.damage) for p in undisturbed
    ]


def test_an_interrupted_sweep_goes_on_where_it_stopped(opened: OpenedModel, judge: Judge) -> None:
    store, seen = Kept(), []

    def take(value: Value) -> None:
        if isinstance(value, SensitivityPoint):
            seen.append(value)
            if len(seen) == 3:
                context.cancel()

    context = Context(on_partial=take)
    with pytest.raises(Cancelled):
        measured(opened, judge, (0.5, 0.9), (8,), COUNT, (), store, context)
    assert store.points == 3
    points = measured(opened, judge, (0.5, 0.9), (8,), COUNT, (), store, Context())
    assert store.hits == 3 and store.points == 9
    assert len(seen) == 3 and all(point in points for point in seen)
    again = measured(opened, judge, (0.5, 0.9), (8,), COUNT, (), store, Context())
    assert again == points


def test_what_is_known_does_not_change_what_is_measured_then(opened: OpenedModel) -> None:
    judge = Judge(opened.source, _Calibrating({"x": networks.pictures(COUNT)}), Context())
    asked = (judge, (0.5, 0.9), (8, 3), COUNT)
    whole = measured(opened, *asked, (), None, Context())
    store = Kept()
    # conv1 and fc lie before and behind conv2, whose 64 places are drawn from
    measured(opened, *asked, ("conv1", "fc"), store, Context())
    rest = measured(opened, *asked, (), store, Context())
    assert [p for p in rest if p.layer_id == "conv2"] == [p for p in whole if p.layer_id == "conv2"]


def test_other_samples_are_other_measurements(opened: OpenedModel, judge: Judge) -> None:
    store = Kept()
    for samples in (16, 32, COUNT, 2 * COUNT):
        measured(opened, judge, (0.5,), (), samples, ("fc",), store, Context())
    assert store.points == 3  # more than there are is all of them
    other = networks.ArrayData({"x": networks.pictures(COUNT)}, task="unlabelled")
    changed = Judge(opened.source, _Changed(other.feeds), Context())
    measured(opened, changed, (0.5,), (), COUNT, ("fc",), store, Context())
    assert store.points == 4


class _Calibrating(networks.ArrayData):
    @property
    def info(self):  # type: ignore[no-untyped-def]
        import msgspec

        return msgspec.structs.replace(super().info, calibration_count=32)


class _Changed(networks.ArrayData):
    @property
    def info(self):  # type: ignore[no-untyped-def]
        import msgspec

        return msgspec.structs.replace(super().info, sha256="b" * 64)


def test_cancelling_stops_within_a_point(opened: OpenedModel, judge: Judge) -> None:
    checks = 0

    class Impatient(Context):
        def check(self) -> None:
            nonlocal checks
            checks += 1
            if checks == 3:
                self.cancel()
            super().check()

    seen: list[Value] = []
    with pytest.raises(Cancelled):
        measured(opened, judge, (0.5,), (), COUNT, (), None, Impatient(on_partial=seen.append))
    assert not any(isinstance(value, SensitivityPoint) for value in seen)


def test_layers_that_share_a_weight_change_together(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="one"),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "w"], ["y"], name="two"),
    ]
    model = networks.model_of(nodes, {"x": ["N", 6]}, {"y": ["N", 6]}, {"w": weight})
    opened = open_model(networks.written(model, tmp_path), Context())
    rows = np.random.default_rng(1).standard_normal((COUNT, 6)).astype(np.float32)
    judge = Judge(opened.source, networks.ArrayData({"x": rows}), Context())
    points = measured(opened, judge, (0.5,), (), COUNT, (), None, Context())
    assert [p.layer_id for p in points] == ["one", "two"]
    pruned = prune(weight, 0.5)
    expected = (np.maximum(rows @ pruned, 0) @ pruned).argmax(1) == (
        np.maximum(rows @ weight, 0) @ weight
    ).argmax(1)
    assert [p.measurement.value for p in points] == pytest.approx([100 * expected.mean()] * 2)


def test_an_unknown_layer_is_named(opened: OpenedModel, judge: Judge) -> None:
    with pytest.raises(PlanError, match="nobody"):
        measured(opened, judge, (0.5,), (), COUNT, ("nobody",), None, Context())


def test_layers_that_cannot_be_changed_are_left_out(opened: OpenedModel, judge: Judge) -> None:
    assert measured(opened, judge, (0.0,), (32,), COUNT, (), None, Context()) == ()
    assert Plan().layer("fc").sparsity == 0.0


def test_the_cifar_networks_have_their_known_accuracy(shared_models: Path, cifar10: Path) -> None:
    """200 test photographs; the reference reads them with Pillow and runs onnxruntime by itself."""
    import onnxruntime
    from PIL import Image

    mean, std = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)
    path = shared_models / "resnet20_cifar10.onnx"
    opened = open_model(path, Context())
    preprocess = Preprocess(mean=mean, std=std, layout="NCHW", color="RGB")
    spec = DataSpec(path=str(cifar10 / "test"), preprocess=preprocess, judge_count=200, calibration_count=0)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    judge = Judge(path, data, Context())

    classes = sorted(folder.name for folder in (cifar10 / "test").iterdir())
    files = [
        (file, label)
        for label, name in enumerate(classes)
        for file in sorted((cifar10 / "test" / name).iterdir())[:20]
    ]
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB"), np.float32) for file, _ in files])
    feeds = np.ascontiguousarray(((pixels - mean) / std).astype(np.float32).transpose(0, 3, 1, 2))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    right = session.run(None, {"image": feeds})[0].argmax(1) == [label for _, label in files]
    # other samples of the same photographs: within both intervals of each other
    assert judge.baseline[0].value == pytest.approx(100 * right.mean(), abs=10)
    assert judge.baseline[0].low is not None and judge.baseline[0].low > 75

    batches = list(data.batches("judge", 50))
    labels = np.concatenate([batch.labels for batch in batches if batch.labels is not None])
    assert np.bincount(labels[:100]).tolist() == [10] * 10

    points = measured(opened, judge, (0.9,), (8,), 100, (opened.info.layers[0].id,), None, Context())
    pruned, rounded = points
    assert isinstance(pruned, SensitivityPoint) and (pruned.kl or 0) > 10 * (rounded.kl or 0)
    assert abs(rounded.loss) <= 3
