"""The knapsack against brute force, and what is spread over a network."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import networks
import numpy as np
import pytest

from core.allocate import Choice, allocate, knapsack
from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.project import Project
from core.values import DataInfo, LayerPlan, Plan


class Data(networks.ArrayData):
    @property
    def info(self) -> DataInfo:
        plain = super().info
        return msgspec.structs.replace(plain, calibration_count=plain.sample_count)


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(channels=16), tmp_path), Context())


@pytest.fixture
def data() -> Data:
    return Data({"x": networks.pictures(64)})


def test_the_knapsack_finds_the_least_damage() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        choices = [
            [Choice(float(rng.random()), float(rng.integers(0, 20)), i) for i in range(4)] for _ in range(4)
        ]
        limit = 30.0
        every = list(itertools.product(range(4), repeat=4))
        fitting = [
            sum(choices[i][k].damage for i, k in enumerate(picks))
            for picks in every
            if sum(choices[i][k].cost for i, k in enumerate(picks)) <= limit
        ]
        found = knapsack(choices, limit, buckets=30)
        if not fitting:
            assert found is None
            continue
        assert found is not None
        assert sum(choices[i][k].cost for i, k in enumerate(found)) <= limit
        assert sum(choices[i][k].damage for i, k in enumerate(found)) == pytest.approx(min(fitting))


def test_a_limit_that_nothing_meets_gives_nothing() -> None:
    assert knapsack([[Choice(0.0, 2.0, 8)]], 1.0) is None
    assert knapsack([[Choice(0.5, 0.0, 4), Choice(0.0, 2.0, 8)]], 0.0) == [0]


def test_the_share_of_zeros_stays_and_layers_differ(opened: OpenedModel, data: Data) -> None:
    plan = Plan(defaults=LayerPlan(sparsity=0.5), methods={"allocate": {"on": True}})
    spread = allocate(opened, data, plan, None, Context())
    sizes = {layer.id: int(np.prod(layer.shape)) for layer in opened.info.layers}
    shares = {name: spread.layer(name).sparsity or 0.0 for name in sizes}
    zeros = sum(shares[name] * size for name, size in sizes.items())
    assert 0.5 - 1e-9 <= zeros / sum(sizes.values()) < 0.53
    # the large inner layer can spare more than the last one
    assert len(set(shares.values())) > 1 and shares["conv2"] > shares["fc"]
    # what was spread is fixed: again it changes nothing
    assert allocate(opened, data, spread, None, Context()) == spread


def test_layers_with_settings_of_their_own_keep_them(opened: OpenedModel, data: Data) -> None:
    plan = (
        Plan(defaults=LayerPlan(sparsity=0.5)).with_layer("fc", sparsity=0.1).with_layer("conv1", keep=True)
    )
    spread = allocate(opened, data, plan, None, Context())
    assert spread.layer("fc").sparsity == 0.1 and spread.layer("conv1").keep
    assert spread.layer("conv2").sparsity == pytest.approx(0.5, abs=0.01)


def test_at_most_the_share_asked_for_keeps_eight_bits(opened: OpenedModel, data: Data) -> None:
    sizes = {layer.id: int(np.prod(layer.shape)) for layer in opened.info.layers}
    for eight in (0.0, 10.0, 30.0, 100.0):
        plan = Plan(defaults=LayerPlan(weight_bits=3), methods={"allocate": {"on": True, "eight": eight}})
        spread = allocate(opened, data, plan, None, Context())
        kept = [name for name in sizes if spread.layer(name).weight_bits == 8]
        assert sum(sizes[name] for name in kept) <= eight / 100 * sum(sizes.values())
        assert bool(kept) == (eight > 5)
    assert len(kept) == 3


def test_what_was_measured_is_found_in_the_store(opened: OpenedModel, data: Data, tmp_path: Path) -> None:
    store = Project(tmp_path / "project.secateur")
    plan = Plan(defaults=LayerPlan(sparsity=0.5))
    first = allocate(opened, data, plan, store, Context())
    reads = data.reads
    assert allocate(opened, data, plan, store, Context()) == first and data.reads == reads
    more = allocate(opened, data, plan.with_defaults(sparsity=0.7), store, Context())
    assert data.reads == reads and more != first
    store.close()
