"""Residual blocks: found where something is added to what it was computed from, and removed whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from coupled_networks import Maker, residual
from graph_makers import run

from core.context import Context
from core.errors import PlanError
from core.formats import open_model
from core.graph.blocks import remove_block, residual_blocks
from core.graph.normalize import normalize
from core.graph.weights import set_weight


def two_blocks() -> ir.Model:
    model = ir.from_proto(residual(0, 6)[0])
    normalize(model)
    return model


def test_blocks_are_found_with_their_layers() -> None:
    blocks = residual_blocks(two_blocks())
    assert [block.layers for block in blocks] == [("Conv2", "Conv4"), ("Conv7", "Conv9")]


def test_removing_a_block_that_adds_zero_changes_nothing() -> None:
    model = two_blocks()
    last = next(node for node in model.graph if node.name == "Conv4")
    for value in last.inputs[1:]:
        set_weight(model, value.name, np.zeros_like(value.const_value.numpy()))
    after = remove_block(model, residual_blocks(model)[0].id)
    assert {"Conv2", "Conv4"}.isdisjoint(node.name for node in after.graph)
    feeds = {"x": np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)}
    np.testing.assert_allclose(run(after, feeds)[0], run(model, feeds)[0], rtol=1e-5, atol=1e-5)


def test_a_branch_that_others_read_is_no_block() -> None:
    m = Maker(0)
    x = m.conv("x", 3, 4)
    y = m.relu(m.conv(x, 4, 4))
    both = m.add("Add", f"{x} {y}")
    model = ir.from_proto(m.done({"x": ["N", 3, 4, 4]}, f"{both} {y}"))
    normalize(model)
    assert residual_blocks(model) == ()
    with pytest.raises(PlanError):
        remove_block(model, "nothing")


def test_a_block_at_the_output_leaves_the_output_its_name() -> None:
    m = Maker(0)
    both = m.add("Add", f"x {m.conv('x', 3, 3)}")
    model = ir.from_proto(m.done({"x": ["N", 3, 4, 4]}, both))
    normalize(model)
    after = remove_block(model, residual_blocks(model)[0].id)
    x = np.ones((1, 3, 4, 4), np.float32)
    np.testing.assert_array_equal(run(after, {"x": x})[0], x)
    assert [value.name for value in after.graph.outputs] == [both]


@pytest.mark.parametrize(("name", "count"), [("resnet20_cifar10", 7), ("mobilenet_cifar10", 3)])
def test_real_networks_lose_each_block_and_run(shared_models: Path, name: str, count: int) -> None:
    """Blocks that change the number of channels have a layer on the shortcut and must stay."""
    model = open_model(shared_models / f"{name}.onnx", Context()).model
    blocks = residual_blocks(model)
    assert len(blocks) == count
    feeds = {"image": np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)}
    for block in blocks:
        assert run(remove_block(model, block.id), feeds)[0].shape == (2, 10)
