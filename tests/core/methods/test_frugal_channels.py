"""Channels of large networks: what is worked out in pieces is what is worked out at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from test_prune_channels import RNG, network, samples

from core.context import Context
from core.evaluate.batching import BATCH, INPUT_BYTES, batch_for
from core.graph.coupling import channel_groups
from core.methods import _channel_curves, _channel_moments
from core.methods._channel_curves import by_moments
from core.methods._channel_moments import consumers_of, eliminate, measure, moments_bytes
from core.methods._matrices import Form
from core.methods._pieces import fitting
from core.methods.hessian import Moments
from core.methods.repair_channels import Answers


def test_batches_are_cut_where_their_values_would_not_fit() -> None:
    batch = {"x": np.zeros((7, 10), np.float32), "scale": np.ones(3, np.float32)}

    def run(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [np.repeat(feeds["x"], 5, axis=1)]  # 200 bytes a sample

    assert [len(one["x"]) for one in fitting([batch, batch], run, 650)] == [3, 3, 1, 3, 3, 1]
    assert [len(one["x"]) for one in fitting([batch], run, 10)] == [1] * 7
    (whole,) = fitting([batch], run, 1 << 20)
    assert whole is batch and len(whole["scale"]) == 3


@pytest.mark.parametrize(
    ("bytes_each", "samples_of_a_run"), [(100, BATCH), (INPUT_BYTES // 3, 3), (1 << 30, 1)]
)
def test_larger_inputs_go_in_smaller_runs(bytes_each: int, samples_of_a_run: int) -> None:
    assert batch_for({"x": np.broadcast_to(np.uint8(0), (bytes_each,))}) == samples_of_a_run


def test_curves_in_portions_are_those_of_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = RNG(4)
    model = network(rng.normal(size=(6, 4, 1, 1)), rng.normal(size=(3, 6, 3, 3)), 3)
    groups = [group for group in channel_groups(model) if group.removable]
    assert moments_bytes(next(node for node in model.graph if node.name == "conv2")) == 8 * 54**2
    data = samples(3, 4)
    answers = Answers(model, samples(1, 4, seed=9))
    once = by_moments(model, groups, lambda: data, Context(), answers)
    monkeypatch.setattr(_channel_curves, "MOMENT_BYTES", 1)
    monkeypatch.setattr(_channel_moments, "VALUE_BYTES", 1 << 30)
    pieces = by_moments(model, groups, lambda: data, Context(), answers)
    assert once.keys() == pieces.keys()
    for name, curve in once.items():
        np.testing.assert_array_equal(curve.order, pieces[name].order)
        np.testing.assert_allclose(curve.damage, pieces[name].damage, rtol=1e-9)


def test_snapshots_are_handed_over_as_they_come() -> None:
    rng = RNG(5)
    model = network(rng.normal(size=(6, 6, 1, 1)), rng.normal(size=(3, 6, 3, 3)), 3)
    (group, _) = channel_groups(model)
    found = measure(model, ["conv2"], lambda: samples(4, 6), Context())
    told: dict[int, np.ndarray] = {}
    consumers = consumers_of(model, group, found)[0]
    kept = eliminate(consumers, 6, 1, snapshots=[2, 4])
    assert consumers[0].quadratic.hessian.shape == (1, 54, 54)

    def tell(count: int, matrices: Mapping[str, np.ndarray]) -> None:
        told[count] = matrices["conv2"].copy()

    now = eliminate(consumers, 6, 1, [2, 4], tell, last={"conv2"})
    # what nobody needs again is gone, and what the bias follows by is not
    assert not consumers[0].quadratic.hessian.size and consumers[0].quadratic.mean.size == 54
    assert not now.snapshots and list(told) == [2, 4]
    np.testing.assert_array_equal(now.order, kept.order)
    for count, matrix in told.items():
        np.testing.assert_array_equal(matrix, kept.snapshots[count]["conv2"])


def test_means_alone_give_the_bias_that_moments_give() -> None:
    """Of a layer in two blocks of three columns that add up to two outputs."""
    rng = RNG(6)
    form = Form("Gemm", (2, 6), groups=2, rows=2, columns=3, blocks=True)
    patches = rng.normal(1, 1, (50, 2, 3)).astype(np.float32)
    missed = rng.normal(0.3, 0.1, (50, 2)).astype(np.float32)
    whole, light = Moments(form), Moments(form, second=False)
    for moments in (whole, light):
        moments.add(patches, missed)
    matrices = form.matrices(rng.normal(size=(2, 6)))
    shifts = [one.quadratic().bias_shift(matrices, 0.5 * matrices) for one in (whole, light)]
    # what is missing on average, and half of what the weights gave
    by_hand = missed.mean(axis=0) + 0.5 * np.einsum("grc,gc->r", matrices, patches.mean(axis=0))
    np.testing.assert_allclose(shifts[1], by_hand, rtol=1e-5)
    np.testing.assert_allclose(shifts[0], shifts[1], rtol=1e-6)
    assert light.quadratic().hessian.size == 0
