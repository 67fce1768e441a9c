"""The first and the last layer stay in float where they hold next to none of the work."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods import _ends
from core.methods.resolve import Step, resolve
from core.values import LayerPlan, Plan

W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))


def network(width: int) -> onnx.ModelProto:
    """Gemm 4 → width, Relu, Gemm width → width, Relu, Gemm width → 3, Softmax: 7·width + width² products."""
    rng = np.random.default_rng(0)
    weights = {
        "a": rng.standard_normal((width, 4)).astype(np.float32),
        "b": rng.standard_normal((width, width)).astype(np.float32),
        "c": rng.standard_normal((3, width)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "a"], ["p"], name="first", transB=1),
        helper.make_node("Relu", ["p"], ["q"], name="r1"),
        helper.make_node("Gemm", ["q", "b"], ["r"], name="middle", transB=1),
        helper.make_node("Relu", ["r"], ["s"], name="r2"),
        helper.make_node("Gemm", ["s", "c"], ["t"], name="last", transB=1),
        helper.make_node("Softmax", ["t"], ["y"], name="soft"),
    ]
    return networks.model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 3]}, weights)


def opened(folder: Path, width: int) -> OpenedModel:
    return open_model(networks.written(network(width), folder), Context())


def bits(steps: tuple[Step, ...]) -> list[int]:
    return [step.activation_bits for step in steps]


def test_an_end_stays_in_float_below_its_share_of_the_work(tmp_path: Path) -> None:
    # of 300 · 300 + 7 · 300 = 92,100 products the first has 1,200 (1.30 %), the last 900 (0.98 %)
    small = opened(tmp_path, 300)
    assert _ends.float_ends(small) == {"first", "last"}
    steps = resolve(small, W8A8)
    assert bits(steps) == [32, 8, 32]
    assert [step.weight_bits for step in steps] == [8, 8, 8]
    assert [step.at_end for step in steps] == [True, False, True]
    # of 200 · 207 = 41,400 the first has 800 (1.93 %), the last 600 (1.45 %)
    assert _ends.float_ends(opened(tmp_path, 200)) == {"last"}


def test_who_asks_for_integers_gets_them(tmp_path: Path) -> None:
    small = opened(tmp_path, 300)
    assert bits(resolve(small, W8A8.with_layer("first", activation_bits=8))) == [8, 8, 32]
    off = Plan(defaults=W8A8.defaults, methods={"quantize_activations": {"float_ends": False}})
    assert bits(resolve(small, off)) == [8, 8, 8]


@pytest.mark.parametrize("wanted", [LayerPlan(weight_bits=4, activation_bits=8), LayerPlan(weight_bits=8)])
def test_other_bits_are_left_as_planned(wanted: LayerPlan, tmp_path: Path) -> None:
    steps = resolve(opened(tmp_path, 300), Plan(defaults=wanted))
    assert not any(step.at_end for step in steps)
