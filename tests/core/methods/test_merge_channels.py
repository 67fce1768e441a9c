"""Merging alike channels: identical ones without any loss, different ones not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from core.evaluate.runner import Runner
from core.graph.coupling import ChannelGroup, channel_groups
from core.graph.normalize import normalize
from core.graph.weights import set_weight
from core.methods.merge_channels import alike, merge_channels

sys.path.append(str(Path(__file__).resolve().parent.parent / "graph"))
from coupled_networks import NETWORKS, Maker


def doubled(model: ir.Model, group: ChannelGroup, unit: int, source: int) -> None:
    """Make a unit compute what another one does."""
    for part in group.slices:
        if part.role != "in":
            array = model.graph.initializers[part.weight].const_value.numpy().copy()
            along = np.moveaxis(array, part.axis, 0)
            along[part.index[unit]] = along[part.index[source]]
            set_weight(model, part.weight, array)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_identical_channels_merge_without_loss(name: str) -> None:
    proto, shapes = NETWORKS[name](0, 6)
    model = ir.from_proto(proto)
    normalize(model)
    groups = [group for group in channel_groups(model) if group.removable]
    for group in groups:
        doubled(model, group, group.size - 1, 0)
    result = merge_channels(model, 1e-6)
    assert result.cuts
    rng = np.random.default_rng(0)
    feeds = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    for expected, found in zip(Runner(model).run(feeds), Runner(result.model).run(feeds), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_different_channels_stay() -> None:
    model = ir.from_proto(NETWORKS["residual"](0, 6)[0])
    normalize(model)
    assert merge_channels(model, 0.02).cuts == {}
    group = channel_groups(model)[0]
    assert alike(model, group, 0.0) == {}
    assert len(alike(model, group, 10.0)) == group.size - 1


def test_identical_groups_of_a_transposed_convolution_become_one() -> None:
    """Two groups of one channel each: the group that stays keeps its weights, only its readers add up."""
    m = Maker(0)
    x = m.conv("x", 3, 2)
    y = m.add("ConvTranspose", f"{x} {m.weight(2, 2, 1, 1)} {m.weight(4)}", group=2)
    model = ir.from_proto(m.done({"x": ["N", 3, 4, 4]}, m.conv(y, 4, 3)))
    normalize(model)
    group = channel_groups(model)[0]
    doubled(model, group, 1, 0)
    result = merge_channels(model, 1e-6)
    assert result.cuts["Conv0"].tolist() == [1]
    feeds = {"x": np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)}
    expected, found = Runner(model).run(feeds)[0], Runner(result.model).run(feeds)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
