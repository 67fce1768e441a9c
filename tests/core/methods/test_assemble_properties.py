"""Assembling on networks drawn at random: what lies on the grid already comes back as it is."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import set_weight
from core.methods.assemble import assemble
from core.methods.resolve import Step, base_model, resolve
from core.values import LayerPlan, Plan

sys.path.append(str(Path(__file__).resolve().parent.parent / "graph"))
from graph_makers import run
from random_networks import RandomNetwork, random_networks

HIGHEST = {8: 127, 4: 7, 3: 3, 2: 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random")


def opened(network: RandomNetwork, folder: Path) -> OpenedModel:
    path = folder / "network.onnx"
    path.write_bytes(network.proto.SerializeToString())
    return open_model(path, Context())


def on_the_grid(model: OpenedModel, steps: tuple[Step, ...], bits: int, seed: int) -> OpenedModel:
    """The network with integers times a power of two in each channel, the highest integer among them."""
    rng = np.random.default_rng(seed)
    changed = model.clone()
    for step in steps:
        if step.weight_bits != bits:
            continue
        for name in step.layer.weights:
            array = changed.graph.initializers[name].const_value.numpy()
            order = (*step.channel_axes, *(a for a in range(array.ndim) if a not in step.channel_axes))
            moved = np.transpose(array, order)
            channels = int(np.prod([array.shape[axis] for axis in step.channel_axes], initial=1))
            q = rng.integers(-HIGHEST[bits], HIGHEST[bits] + 1, size=(channels, array.size // channels))
            q[:, 0] = HIGHEST[bits]
            scale = 2.0 ** rng.integers(-9, -5, size=(channels, 1))
            weight = (q * scale).reshape(moved.shape).transpose(np.argsort(order))
            set_weight(changed, name, np.ascontiguousarray(weight, dtype=np.float32))
    return dataclasses.replace(model, model=changed)


def assert_same(expected: list[np.ndarray], found: list[np.ndarray], tolerance: float) -> None:
    for want, got in zip(expected, found, strict=True):
        assert want.shape == got.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * max(np.abs(want).max(), 1e-6))


@settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    random_networks(),
    st.sampled_from([8, 4, 3, 2]),
    st.sampled_from(["channel", "tensor"]),
    st.integers(0, 99),
)
def test_weights_on_the_grid_come_back(
    folder: Path, network: RandomNetwork, bits: int, granularity: str, seed: int
) -> None:
    model = opened(network, folder)
    plan = Plan(defaults=LayerPlan(weight_bits=bits, granularity=granularity))  # type: ignore[arg-type]
    steps = resolve(model, plan)
    assert any(step.changes for step in steps)
    exact = on_the_grid(model, steps, bits, seed)
    base = base_model(exact, steps)
    compressed = assemble(base, steps, {})
    # two bits need an opset whose kernels are the newest; the numbers are the same in all of them
    assert_same(run(exact.model, network.feeds), run(compressed, network.feeds), 1e-5)


@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(random_networks())
def test_a_plan_that_changes_nothing_changes_nothing(folder: Path, network: RandomNetwork) -> None:
    model = opened(network, folder)
    steps = resolve(model, Plan())
    same = assemble(base_model(model, steps), steps, {})
    assert_same(run(network.proto, network.feeds), run(same, network.feeds), 1e-4)
