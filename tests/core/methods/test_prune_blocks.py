"""Whole blocks: the one that does least goes first, and the rest makes good what it can."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from core.context import Context
from core.errors import PlanError
from core.evaluate.runner import Runner
from core.graph.normalize import normalize
from core.graph.weights import set_weight
from core.methods.prune_blocks import block_damage, prune_blocks
from core.methods.repair_channels import Answers

sys.path.append(str(Path(__file__).resolve().parent.parent / "graph"))
from coupled_networks import residual


def network() -> ir.Model:
    """Two blocks, the first of which adds a hundredth of what it did."""
    model = ir.from_proto(residual(0, 6)[0])
    normalize(model)
    first = next(node for node in model.graph if node.name == "Conv4")
    for value in first.inputs[1:]:
        set_weight(model, value.name, value.const_value.numpy() / np.float32(100))
    return model


def samples(seed: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [{"x": rng.normal(size=(16, 3, 6, 6)).astype(np.float32)} for _ in range(2)]


def test_the_block_that_does_least_goes_first() -> None:
    model, held_out = network(), samples(1)
    damage = block_damage(model, Answers(model, held_out), Context())
    small, large = damage.values()
    assert small < 0.05 * large
    result = prune_blocks(model, 1, None, held_out, Context())
    assert result.blocks[0].layers == ("Conv2", "Conv4")
    assert result.distances == (pytest.approx(small),)


def test_repair_brings_the_answers_closer() -> None:
    model, held_out = network(), samples(1)
    plain = prune_blocks(model, 2, None, held_out, Context())
    repaired = prune_blocks(model, 2, lambda: samples(2), held_out, Context())
    assert len(repaired.blocks) == 2
    assert repaired.distances[-1] < 0.7 * plain.distances[-1]
    assert Runner(repaired.model).run(held_out[0])[0].shape == (16, 4)


def test_more_blocks_than_there_are_is_refused() -> None:
    with pytest.raises(PlanError):
        prune_blocks(network(), 3, None, samples(1), Context())
