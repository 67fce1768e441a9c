"""Range and error of weights, against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.values import LayerPlan, Plan
from core.weight_figures import weight_figures


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    """Two dense layers in a row; the weights of the first: 4, 2, -1, -1 four times over."""
    first = np.tile(np.array([4, 2, -1, -1], np.float32), (4, 1))
    second = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"], "first"),
            helper.make_node("MatMul", ["h", "b"], ["y"], "second"),
        ],
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(first, "a"), numpy_helper.from_array(second, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "two.onnx"
    onnx.save(model, path)
    return open_model(path, Context())


def test_ranges_are_those_of_the_weights(opened: OpenedModel) -> None:
    first, second = weight_figures(opened, Plan(), Context()).layers
    assert (first.layer_id, first.minimum, first.maximum, first.sqnr_db) == ("first", -1.0, 4.0, None)
    stored = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    assert (second.minimum, second.maximum) == (stored.min(), stored.max())


def test_half_of_the_weights_gone_costs_their_share_of_the_power(opened: OpenedModel) -> None:
    """The two smallest of each four go: 1 + 1 of 16 + 4 + 1 + 1, that is a ratio of 11."""
    plan = Plan().with_layer("first", sparsity=0.5)
    first, second = weight_figures(opened, plan, Context()).layers
    assert first.sqnr_db == pytest.approx(10 * math.log10(11))
    assert second.sqnr_db is None
    assert weight_figures(opened, plan, Context()).plan == plan


def test_fewer_bits_move_more(opened: OpenedModel) -> None:
    figures = [
        weight_figures(opened, Plan(defaults=LayerPlan(weight_bits=bits)), Context()).layers[1].sqnr_db
        for bits in (8, 4, 3)
    ]
    assert all(figure is not None for figure in figures)
    assert figures[0] > figures[1] > figures[2]  # type: ignore[operator]
