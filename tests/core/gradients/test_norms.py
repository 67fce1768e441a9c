"""Normalisation for the time of a training: the network is the same before and after."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import torch
from example_networks import Writer, pictures
from onnx import TensorProto

from core.context import Context
from core.evaluate.runner import Runner
from core.gradients.convert import to_torch, trained
from core.gradients.finetune import Settings, finetune
from core.gradients.judged import first_norms, plain_weights
from core.gradients.norms import Watch, normalisable
from core.gradients.remembered import Remembered, may_be_remembered
from core.gradients.samples import Augmentation, Samples, mirror
from core.gradients.student import Student
from core.gradients.teacher import Teacher
from core.gradients.workers import Workers
from core.graph.weights import set_weight


def network(seed: int = 3) -> ir.Model:
    """Three convolutions with biases, the last two reading the same value, four classes."""
    w = Writer(seed)
    first = w.add("Relu", w.add("Conv", "x", w.weight(6, 3, 3, 3), w.weight(6), pads=[1] * 4))
    left, right = (w.add("Conv", first, w.weight(5, 6, 3, 3), w.weight(5), pads=[1] * 4) for _ in range(2))
    pooled = w.add("Flatten", w.add("GlobalAveragePool", w.add("Relu", w.add("Add", left, right))))
    out = w.add("Gemm", pooled, w.weight(4, 5, scale=4.0), w.weight(4), transB=1)
    return w.model({"x": (TensorProto.FLOAT, ["N", 3, 8, 8])}, out)


def samples(count: int = 300, seed: int = 0) -> Samples:
    return Samples({"x": pictures(count, 3, 8, seed)}, None, np.arange(count))


def student(model: ir.Model) -> Student:
    graph = to_torch(model)
    return Student(graph, {}, {}, {}, list(graph.weights))


def test_only_convolutions_with_weights_of_their_own_are_normalised() -> None:
    model = network()
    names = set(trained(model))
    layers = normalisable(model, names)
    assert [layer.value for layer in layers] == ["conv0", "conv2", "conv3"]
    assert [layer.value for layer in normalisable(model, names, ("conv2",))] == ["conv0", "conv3"]
    assert [one.value for one in normalisable(model, names - {layers[0].bias})] == ["conv2", "conv3"]
    convolutions = [node for node in model.graph if node.op_type == "Conv"]
    convolutions[2].replace_input_with(1, convolutions[1].inputs[1])
    assert [layer.value for layer in normalisable(model, names)] == ["conv0"]


def test_watched_values_have_numpys_mean_and_variance() -> None:
    values = np.random.default_rng(0).normal(3, 2, (40, 5, 4, 4)).astype(np.float32)
    watch = Watch(["v"], {"v": lambda value: value + 1})
    parts = [watch.taps["v"](torch.from_numpy(part)) for part in np.split(values, [7, 20])]
    np.testing.assert_allclose(np.concatenate(parts), values + 1, rtol=1e-6)
    mean, variance = watch.statistics()["v"]
    np.testing.assert_allclose(mean, values.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(variance, values.var((0, 2, 3)), rtol=1e-5)


def test_a_network_begins_as_it_was_and_folds_to_what_was_learnt() -> None:
    model, data = network(), samples(256)
    whole = {"x": torch.from_numpy(data.feeds["x"])}
    wanted = Runner(model).run(data.feeds)[0]
    with Workers(2) as workers, torch.no_grad():
        made = student(model)
        made.norms = first_norms(made, normalisable(model, made.trained), data, None, workers)
        assert made.norms is not None
        # all samples in one batch are the samples that the statistics were taken from
        np.testing.assert_allclose(made.run(whole, {})[0], wanted, atol=2e-5)
        for parameter in made.learnt().values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        moved = made.run(whole, {})[0].numpy()
        plain = plain_weights(made, data, None, workers)
    assert np.abs(moved - wanted).max() > 0.1
    copy = model.clone()
    for name, value in plain.items():
        set_weight(copy, name, value.numpy())
    # the statistics come from batches of 128, so that the deeper ones differ a little
    written = Runner(copy).run(data.feeds)[0]
    assert np.abs(written - moved).mean() < 0.02 * np.abs(moved).mean()


def test_training_with_norms_repairs_a_network_and_its_zeros_stay() -> None:
    original, data = network(), samples()
    pruned, masks = original.clone(), {}
    for name, value in original.graph.initializers.items():
        array = value.const_value.numpy()  # type: ignore[union-attr]
        if array.ndim == 4:
            masks[name] = np.abs(array) >= np.quantile(np.abs(array), 0.5)
            set_weight(pruned, name, array * masks[name])
    settings = Settings(
        seconds=1e9, steps=60, batch_size=50, threads=1, half=False, normalise=True, augmentation=None
    )
    held = samples(100, 1)
    result = finetune(pruned, data, held, Context(), settings, original, masks)
    assert result.after < 0.5 * result.before
    for name, mask in masks.items():
        assert not result.weights[name][~mask].any()
    copy = pruned.clone()
    for name, array in result.weights.items():
        set_weight(copy, name, array)
    # the loss that was told is that of the network as written
    temperature = 2.0
    logs = [
        torch.log_softmax(torch.from_numpy(Runner(m).run(held.feeds)[0]).double() / temperature, 1)
        for m in (original, copy)
    ]
    divergence = (logs[0].exp() * (logs[0] - logs[1])).sum(1).mean() * temperature**2
    np.testing.assert_allclose(result.after, float(divergence), rtol=1e-3)


def test_answers_are_worked_out_once_and_are_the_mean_of_a_picture_and_its_mirror() -> None:
    model, data = network(), samples(20)
    asked: list[int] = []

    class Counted(Teacher):
        def answers(self, feeds: dict[str, np.ndarray]) -> list[torch.Tensor]:  # type: ignore[override]
            asked.append(len(feeds["x"]))
            return super().answers(feeds)

    memory = Remembered(Counted(model), data, mirrored=True)
    places = np.array([7, 3, 7, 12])
    told = memory.answers(places)[0]
    runner = Runner(model)
    x = data.feeds["x"][places]
    wanted = (runner.run({"x": x})[0] + runner.run({"x": np.ascontiguousarray(x[..., ::-1])})[0]) / 2
    np.testing.assert_allclose(told, wanted, atol=1e-5)
    assert asked == [3, 3]
    np.testing.assert_array_equal(memory.answers(places[::-1])[0], told.flip(0))
    assert asked == [3, 3]
    plain = Remembered(Teacher(model), data, mirrored=False)
    np.testing.assert_allclose(plain.answers(places)[0], runner.run({"x": x})[0], atol=1e-6)
    assert may_be_remembered([told], 4, 1000)
    assert not may_be_remembered([told], 5, 1000)
    assert not may_be_remembered([told], 4, 1 << 40)


def test_mirrors_exchange_left_and_right_of_pictures_alone() -> None:
    x = pictures(2, 3, 8)
    np.testing.assert_array_equal(mirror(x), x[:, :, :, ::-1])
    last = np.moveaxis(x, 1, 3)
    np.testing.assert_array_equal(mirror(last), last[:, :, ::-1])
    table = np.ones((3, 4), np.float32)
    assert mirror(table) is table


def test_remembered_answers_train_as_well_as_fresh_ones() -> None:
    original, data = network(), samples()
    shaken = original.clone()
    for name in trained(original):
        array = original.graph.initializers[name].const_value.numpy()  # type: ignore[union-attr]
        set_weight(shaken, name, array * 0.7)
    settings = {"seconds": 1e9, "steps": 30, "batch_size": 50, "threads": 1, "half": False}
    results = [
        finetune(
            shaken,
            data,
            samples(100, 1),
            Context(),
            Settings(**settings, remember=remember, augmentation=Augmentation(shift=0)),  # type: ignore[arg-type]
            original,
        )
        for remember in (True, False)
    ]
    assert results[0].before == results[1].before
    assert all(result.after < 0.5 * result.before for result in results)
