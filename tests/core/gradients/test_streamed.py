"""Squared gradients taken one after the other: those of all at once, in less memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from example_networks import NETWORKS, Writer
from memory import most_bytes
from onnx import TensorProto
from test_gradients import batches, opened

from core.context import Context
from core.data.dataset import Batch
from core.errors import DataError
from core.gradients import streamed
from core.gradients.convert import trained
from core.gradients.gradients import loss_gradients
from core.gradients.streamed import squared_gradients


def single(feeds: dict[str, np.ndarray]) -> list[Batch]:
    return [
        Batch({name: array[i : i + 1] for name, array in feeds.items()}, None, np.array([i]))
        for i in range(len(feeds["x"]))
    ]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_they_are_those_of_all_at_once(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # every product in pieces of a few numbers
    monkeypatch.setattr(streamed, "LEAST_BYTES", 1)
    monkeypatch.setattr(streamed, "_PIECE", 50)
    model, feeds = NETWORKS[name]()
    network = opened(model, tmp_path)
    expected = loss_gradients(network, single(feeds), Context())
    found = squared_gradients(network.model, trained(network.model), single(feeds), Context())
    assert found.keys() == expected.keys()
    for key, one in expected.items():
        scale = float(one.taylor.max())
        np.testing.assert_allclose(found[key], one.taylor, rtol=1e-3, atol=1e-5 * scale + 1e-30)
        # samples one by one: w²·F/2 is half of (w·g)²
        weight = network.model.graph.initializers[key].const_value
        assert weight is not None
        fisher = 0.5 * np.square(weight.numpy()) * one.fisher
        np.testing.assert_allclose(0.5 * found[key], fisher, rtol=1e-3, atol=1e-5 * scale + 1e-30)


def two_layers(width: int) -> ir.Model:
    w = Writer(seed=3)
    return w.model(
        {"x": (TensorProto.FLOAT, ["N", width])}, w.linear(w.dense("x", width, width), width, width)
    )


def test_those_that_were_asked_for_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "LEAST_BYTES", 1)
    model = two_layers(6)
    feeds = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    whole = squared_gradients(model, trained(model), batches(feeds, None, 1), Context())
    for name in trained(model):
        (alone,) = squared_gradients(model, [name], batches(feeds, None, 1), Context()).items()
        np.testing.assert_allclose(alone[1], whole[name], rtol=1e-5)
        assert alone[0] == name


def test_what_is_not_finite_does_not_count() -> None:
    sums = streamed._Sum()
    left, right = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 0.5, 1.0]])
    sums.add_product(left, right)
    sums.add_product(left, torch.tensor([[1.0, float("nan"), 1.0]]))
    sums.add_product(left, torch.tensor([[1e38, 1.0, 1.0]]))
    assert sums.samples == 1 and sums.total is not None
    assert sums.total.tolist() == [[9, 0.25, 1], [36, 1, 4]]


def test_samples_side_by_side_are_those_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "LEAST_BYTES", 1)
    model = two_layers(6)
    feeds = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    one = squared_gradients(model, trained(model), batches(feeds, None, 1), Context())
    for abreast in (2, 8):
        found = squared_gradients(model, trained(model), batches(feeds, None, 1), Context(), abreast=abreast)
        assert found.keys() == one.keys()
        for name, values in one.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-12)


def test_of_a_table_only_rows_that_were_met_have_gradients() -> None:
    sums = streamed._Sum()
    # the last row is met from behind, the second one twice: 1 + 2 and 3 - 1
    gradient = torch.tensor([[1.0, 3.0], [5.0, 0.5], [2.0, -1.0]])
    sums.add_rows(torch.tensor([1, -1, 1]), gradient, 4)
    sums.add_rows(torch.tensor([0, 1, 2]), torch.full((3, 2), float("inf")), 4)
    assert sums.samples == 1 and sums.total is not None
    assert sums.total.tolist() == [[0, 0], [9, 4], [0, 0], [25, 0.25]]


def test_a_table_that_is_looked_up_is_one_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "LEAST_BYTES", 1)
    found = []
    for network in NETWORKS.values():
        model = network()[0]
        found += [each for each in streamed._products(model, trained(model)).values() if each.entries]
    assert found


def test_samples_are_asked_for() -> None:
    with pytest.raises(DataError, match="no samples"):
        squared_gradients(two_layers(4), ["w0"], [], Context())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel")
def test_memory_is_that_of_the_sums(tmp_path: Path) -> None:
    """Two matrices of 16 MB: their sums, and pieces. All at once it was five times as much."""
    model = opened(two_layers(2048), tmp_path).model
    feeds = np.random.default_rng(0).normal(size=(2, 2048)).astype(np.float32)
    small = two_layers(8)
    squared_gradients(small, trained(small), batches(feeds[:, :8], None, 1), Context())
    found, most = most_bytes(
        lambda: squared_gradients(model, trained(model), batches(feeds, None, 1), Context())
    )
    assert sum(values.nbytes for values in found.values()) > 2 * 4 * 2048**2
    assert most < 2.2 * 2 * 4 * 2048**2
