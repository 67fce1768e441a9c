"""What a run says of a network that onnxruntime computes in float whatever its plan asks for."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
from onnx import helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.layer_view import layer_view
from core.methods.resolve import resolve
from core.run_notes import run_notes
from core.values import LayerPlan, Outcome, Plan

NOTHING = Outcome(measurements=(), size_bytes=1, zipped_bytes=1, latency=None)
ADVICE = "8-bit activations make it faster"


def transposed(folder: Path) -> OpenedModel:
    weight = np.random.default_rng(3).standard_normal((4, 6, 2, 2)).astype(np.float32)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], name="up", strides=[2, 2])
    model = networks.model_of([node], {"x": ["N", 4, 5, 5]}, {"y": ["N", 6, 10, 10]}, {"w": weight})
    return open_model(networks.written(model, folder), Context())


def said(opened: OpenedModel, activation_bits: int) -> str:
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=activation_bits))
    return "\n".join(str(note) for note in run_notes(resolve(opened, plan), (), NOTHING, NOTHING))


def test_integer_activations_are_advised_only_to_plans_without_them(tmp_path: Path) -> None:
    opened = transposed(tmp_path)
    assert ADVICE in said(opened, 32)
    assert ADVICE not in said(opened, 8)
    assert "in float whatever the plan says" in said(opened, 8)


def test_that_a_layer_is_computed_in_float_is_said_once(tmp_path: Path) -> None:
    opened = transposed(tmp_path)
    layer = opened.info.layers[0]
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
    view = layer_view(opened, layer.id, plan, "magnitude")
    words = [str(one) for one in (*layer.why_not, *layer.warnings, *view.notes)]
    assert sum("in float" in one for one in words) == 1
