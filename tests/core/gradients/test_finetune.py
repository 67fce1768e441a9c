"""Fine-tuning: what is held stays held, and the best state comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
import torch
from example_networks import NETWORKS, Writer, pictures
from onnx import TensorProto

from core.context import Context
from core.errors import Cancelled, DataError, PlanError
from core.evaluate.runner import Runner
from core.gradients.convert import to_torch
from core.gradients.finetune import Progress, Settings, finetune
from core.gradients.grids import ActivationGrid, WeightGrid
from core.gradients.samples import Augmentation, Samples, augment, load_samples
from core.gradients.schedule import cosine, cubic
from core.graph.weights import set_weight

QUICK = Settings(
    seconds=1e9, steps=40, batch_size=32, learning_rate=5e-3, augmentation=None, threads=1, half=False
)


def network(seed: int = 1) -> ir.Model:
    """Two dense layers: 8 -> 16 -> 4 classes, small biases."""
    w = Writer(seed)

    def dense(x: str, into: int, out: int) -> str:
        return w.add("Gemm", x, w.weight(out, into, scale=0.6), w.weight(out, scale=0.05), transB=1)

    return w.model({"x": (TensorProto.FLOAT, ["N", 8])}, dense(w.add("Relu", dense("x", 8, 16)), 16, 4))


def samples(count: int = 256, seed: int = 0, labelled: bool = False) -> Samples:
    x = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    labels = Runner(network()).run({"x": x})[0].argmax(1) if labelled else None
    return Samples({"x": x}, labels, np.arange(count))


def cut(model: ir.Model) -> tuple[ir.Model, dict[str, np.ndarray]]:
    """The smaller part of each matrix gone, with the masks."""
    copy, masks = model.clone(), {}
    for name, value in model.graph.initializers.items():
        assert value.const_value is not None
        array = value.const_value.numpy()
        if array.ndim == 2:
            masks[name] = np.abs(array) >= np.quantile(np.abs(array), 0.6)
            set_weight(copy, name, array * masks[name])
    return copy, masks


def with_weights(model: ir.Model, weights: dict[str, np.ndarray]) -> ir.Model:
    copy = model.clone()
    for name, array in weights.items():
        set_weight(copy, name, array)
    return copy


def agreement(model: ir.Model, other: ir.Model) -> float:
    x = {"x": samples(500, seed=9).feeds["x"]}
    return float((Runner(model).run(x)[0].argmax(1) == Runner(other).run(x)[0].argmax(1)).mean())


def test_zeros_grow_as_the_cube_says_and_only_the_last_masks_count() -> None:
    assert [cubic(share, 0.5) for share in (0.0, 0.25, 0.5, 0.9)] == [0.0, 0.875, 1.0, 1.0]
    name = next(iter(cut(network())[1]))
    seen: list[float] = []

    def mask(weight: np.ndarray, part: float) -> np.ndarray:
        seen.append(part)
        return np.asarray(np.abs(weight) >= np.quantile(np.abs(weight), 0.5 * part))

    tuned = finetune(
        network(), samples(), samples(64, 1), Context(), QUICK, growing={name: mask}, train=(name,)
    )
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 3
    assert np.mean(tuned.weights[name] == 0) == 0.5
    # too short for anything: cut all the same
    short = finetune(
        network(), samples(), samples(64, 1), Context(), replace(QUICK, steps=1), growing={name: mask}
    )
    assert np.mean(short.weights[name] == 0) == 0.5


def test_the_running_mean_of_the_weights_is_what_comes_back() -> None:
    model, masks = cut(network())
    settings = replace(QUICK, steps=4, checks=4, average=0.5, learning_rate=0.05, warm_up=0.0)
    tuned = finetune(model, samples(), samples(64, 1), Context(), settings, network(), masks)
    plain = finetune(
        model, samples(), samples(64, 1), Context(), replace(settings, average=0.0), network(), masks
    )
    name = next(iter(masks))
    assert not np.array_equal(tuned.weights[name], plain.weights[name])
    assert not tuned.weights[name][~masks[name]].any()


def test_distillation_recovers_a_pruned_network_and_keeps_its_zeros() -> None:
    original = network()
    pruned, masks = cut(original)
    seen: list[Progress] = []
    result = finetune(
        pruned, samples(), samples(64, 1), Context(), QUICK, original, masks, on_progress=seen.append
    )
    for name, mask in masks.items():
        assert (result.weights[name][~mask] == 0).all()
        assert (result.weights[name][mask] != 0).all()
    assert result.after < 0.7 * result.before
    assert agreement(with_weights(pruned, result.weights), original) > agreement(pruned, original)
    assert result.steps == 40 and result.stopped == "finished"
    assert [point.step for point in seen] == list(range(1, 41))
    assert sum(point.held_out is not None for point in seen) == 10


def test_originals_are_not_changed() -> None:
    original = network()
    pruned, masks = cut(original)
    before = {name: value.const_value.numpy().copy() for name, value in pruned.graph.initializers.items()}  # type: ignore[union-attr]
    finetune(pruned, samples(64), samples(16, 1), Context(), QUICK, original, masks)
    for name, value in pruned.graph.initializers.items():
        np.testing.assert_array_equal(value.const_value.numpy(), before[name])  # type: ignore[union-attr]


def test_labels_train_as_well() -> None:
    original = network()
    pruned, masks = cut(original)
    settings = Settings(
        seconds=60,
        steps=60,
        batch_size=32,
        optimizer="sgd",
        learning_rate=0.1,
        label_share=1.0,
        augmentation=None,
        threads=1,
        half=False,
    )
    result = finetune(pruned, samples(labelled=True), samples(64, 1, True), Context(), settings, masks=masks)
    assert result.after < result.before
    assert agreement(with_weights(pruned, result.weights), original) > agreement(pruned, original)


def test_weights_come_back_on_their_grid() -> None:
    original = network()
    name = next(n for n, v in original.graph.initializers.items() if v.shape == (16, 8))
    array = original.graph.initializers[name].const_value.numpy()  # type: ignore[union-attr]
    scale = (np.abs(array).max(axis=1, keepdims=True) / 3).astype(np.float32)
    grids = {name: WeightGrid(scale, -3, 3)}
    result = finetune(original, samples(), samples(64, 1), Context(), QUICK, original, weight_grids=grids)
    q = result.weights[name] / scale
    np.testing.assert_allclose(q, np.rint(q), atol=1e-4)
    assert np.abs(q).max() <= 3.001
    assert result.after < result.before


def test_activations_are_rounded_while_training() -> None:
    original = network()
    inner = next(node for node in original.graph if node.op_type == "Relu").outputs[0].name or ""
    coarse = {inner: ActivationGrid(0.4, 0, 0, 7)}
    result = finetune(
        original, samples(), samples(64, 1), Context(), QUICK, original, activation_grids=coarse
    )
    assert result.before > 1e-3
    assert result.after < result.before


def test_features_bring_the_inner_values_back() -> None:
    original = network()
    shaken = original.clone()
    rng = np.random.default_rng(4)
    for name, value in original.graph.initializers.items():
        array = value.const_value.numpy()  # type: ignore[union-attr]
        set_weight(shaken, name, array + rng.normal(size=array.shape).astype(np.float32) * 0.3)
    inner = next(node for node in original.graph if node.op_type == "Relu").outputs[0].name or ""
    settings = replace(QUICK, steps=80, learning_rate=2e-2, feature_weight=5.0)
    result = finetune(shaken, samples(), samples(64, 1), Context(), settings, original, features=(inner,))

    def values(model: ir.Model) -> torch.Tensor:
        kept: list[torch.Tensor] = []

        def keep(value: torch.Tensor) -> torch.Tensor:
            kept.append(value.detach())
            return value

        to_torch(model)({"x": samples(100, 9).feeds["x"]}, taps={inner: keep})
        return kept[0]

    wanted = values(original)
    after = (values(with_weights(shaken, result.weights)) - wanted).square().mean()
    assert after < 0.3 * (values(shaken) - wanted).square().mean()


def test_nothing_worse_than_the_start_comes_back() -> None:
    original = network()
    wild = Settings(
        seconds=60,
        steps=10,
        learning_rate=1e6,
        optimizer="sgd",
        clip_norm=0,
        augmentation=None,
        threads=1,
        half=False,
    )
    pruned, masks = cut(original)
    result = finetune(pruned, samples(), samples(64, 1), Context(), wild, original, masks)
    assert result.after == result.before
    for name, array in result.weights.items():
        np.testing.assert_array_equal(array, pruned.graph.initializers[name].const_value.numpy())  # type: ignore[union-attr]


def test_time_and_patience_end_it() -> None:
    original = network()
    pruned, masks = cut(original)
    short = Settings(seconds=0.3, batch_size=32, augmentation=None, threads=1, half=False)
    result = finetune(pruned, samples(), samples(64, 1), Context(), short, original, masks)
    assert result.stopped == "time" and result.seconds < 3 and result.steps > 0
    idle = Settings(
        seconds=60, steps=100, learning_rate=0.0, patience=2, augmentation=None, threads=1, half=False
    )
    result = finetune(pruned, samples(), samples(64, 1), Context(), idle, original, masks)
    assert result.stopped == "no progress" and result.steps < 40


def test_the_same_seed_gives_the_same_weights() -> None:
    original = network()
    pruned, masks = cut(original)
    runs = [finetune(pruned, samples(), samples(64, 1), Context(), QUICK, original, masks) for _ in range(2)]
    for name in runs[0].weights:
        np.testing.assert_allclose(runs[0].weights[name], runs[1].weights[name], rtol=1e-5, atol=1e-7)


def test_threads_share_a_batch() -> None:
    original = network()
    pruned, masks = cut(original)
    one, two = (
        finetune(
            pruned,
            samples(),
            samples(64, 1),
            Context(),
            replace(QUICK, steps=10, optimizer="sgd", batch_size=30, threads=threads),
            original,
            masks,
        )
        for threads in (1, 3)
    )
    assert one.after == pytest.approx(two.after, rel=1e-3)
    for name in one.weights:
        np.testing.assert_allclose(one.weights[name], two.weights[name], rtol=1e-3, atol=1e-5)


def test_only_the_named_weights_are_trained() -> None:
    original = network()
    pruned, masks = cut(original)
    bias = next(n for n, v in original.graph.initializers.items() if v.shape == (4,))
    result = finetune(pruned, samples(), samples(64, 1), Context(), QUICK, original, masks, train=(bias,))
    for name in masks:
        np.testing.assert_array_equal(
            result.weights[name], pruned.graph.initializers[name].const_value.numpy()
        )  # type: ignore[union-attr]
    assert result.after < result.before


def test_pictures_train_in_half_precision_too() -> None:
    original, _ = NETWORKS["resnet"]()
    x = pictures(48)
    data = Samples({"x": x}, None, np.arange(48))
    settings = Settings(seconds=60, steps=4, batch_size=16, half=True)
    result = finetune(original, data, data, Context(), settings, original)
    assert np.isfinite(result.after)
    assert all(array.dtype == np.float32 for array in result.weights.values())


def test_cancelling_missing_labels_and_wrong_names() -> None:
    original, context = network(), Context()
    context.cancel()
    with pytest.raises(Cancelled):
        finetune(original, samples(), samples(16, 1), context, QUICK)
    with pytest.raises(DataError, match="no labels"):
        finetune(original, samples(), samples(16, 1), Context(), Settings(label_share=0.5))
    with pytest.raises(PlanError, match="nowhere"):
        finetune(original, samples(), samples(16, 1), Context(), QUICK, masks={"nowhere": np.ones(1)})


def test_learning_rate_rises_then_falls() -> None:
    assert cosine(0.05, 0.1) == pytest.approx(0.5)
    assert cosine(0.1, 0.1) == 1.0
    assert cosine(0.55, 0.1) == pytest.approx(0.5)
    assert cosine(1.0, 0.1) == pytest.approx(0.0)
    assert cosine(1.0, 0.1, last=0.2) == pytest.approx(0.2)


def test_samples_split_without_overlap_and_epochs_hold_all() -> None:
    data = samples(100, labelled=True)
    rest, held = data.split(20, seed=3)
    assert len(rest) == 80 and len(held) == 20
    assert not set(rest.indices) & set(held.indices)
    assert len(data.split(90)[1]) == 25
    seen = np.concatenate([batch.indices for _, batch in rest.epoch(16, np.random.default_rng(0))])
    assert sorted(seen) == sorted(rest.indices)
    again = load_samples(data.batches(30))
    np.testing.assert_array_equal(again.feeds["x"], data.feeds["x"])
    np.testing.assert_array_equal(again.labels, data.labels)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [1, 3])
def test_augmentation_only_moves_and_mirrors(axis: int) -> None:
    pixels = np.arange(1, 6 * 5 * 3 + 1, dtype=np.float32).reshape(1, 6, 5, 3)
    batch = np.moveaxis(np.repeat(pixels, 50, axis=0), 3, axis)
    varied = np.moveaxis(augment(batch, Augmentation(shift=2), np.random.default_rng(0)), axis, 3)
    assert varied.shape == (50, 6, 5, 3)
    seen = set()
    for one in varied:
        matches = [
            (down, right, mirrored)
            for down in range(-2, 3)
            for right in range(-2, 3)
            for mirrored in (False, True)
            if np.array_equal(one, moved(pixels[0], down, right, mirrored))
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) > 20
    numbers = np.ones((4, 3), np.float32)
    assert augment(numbers, Augmentation(), np.random.default_rng(0)) is numbers


def moved(picture: np.ndarray, down: int, right: int, mirrored: bool) -> np.ndarray:
    """Written out pixel by pixel."""
    height, width, _ = picture.shape
    result = np.zeros_like(picture)
    for y in range(height):
        for x in range(width):
            source = (y + down, (width - 1 - x if mirrored else x) + right)
            if 0 <= source[0] < height and 0 <= source[1] < width:
                result[y, x] = picture[source]
    return result
