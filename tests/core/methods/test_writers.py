"""How the way to write a weight is chosen."""

from __future__ import annotations

import networks
import numpy as np
import onnx_ir as ir
import pytest

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods.resolve import resolve
from core.methods.stored import FloatWeight, IntegerWeight, StoredWeight, restored
from core.methods.writers import WRITERS, Site, Written, write
from core.values import LayerPlan, Plan


@pytest.fixture
def opened(tmp_path) -> OpenedModel:  # type: ignore[no-untyped-def]
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


def site(opened: OpenedModel, model: ir.Model, activation_scale: np.float32 | None = None) -> Site:
    step = resolve(opened, Plan(defaults=LayerPlan(weight_bits=8)))[0]
    node = next(node for node in model.graph if node.name == step.layer.id)
    value = model.graph.initializers[step.layer.weights[0]]
    return Site(model, node, value, step, activation_scale, Written())


def ways(place: Site, weight: StoredWeight) -> set[str]:
    return {each.name for each in WRITERS.values() if each.rank(place, weight) is not None}


def test_each_way_says_what_it_can_write(opened: OpenedModel) -> None:
    model = opened.clone()
    shape = opened.info.layers[0].shape
    numbers = FloatWeight(np.ones(shape, np.float32))
    integers = IntegerWeight(np.ones(shape, np.int8), np.ones((1, 1, 1, 1), np.float32))
    assert ways(site(opened, model), numbers) == {"plain"}
    assert ways(site(opened, model), integers) == {"folded"}
    assert ways(site(opened, model, np.float32(0.1)), integers) == {"integer", "folded"}


def test_the_lowest_rank_writes(opened: OpenedModel) -> None:
    model = opened.clone()
    weight = IntegerWeight(np.ones(opened.info.layers[0].shape, np.int8), np.ones((1, 1, 1, 1), np.float32))
    place = site(opened, model, np.float32(0.1))
    write(place, weight)
    assert place.node.inputs[1].producer().op_type == "DequantizeLinear"  # type: ignore[union-attr]


def test_a_weight_that_nothing_can_write_is_an_error(opened: OpenedModel) -> None:
    class Unknown:
        def values(self) -> np.ndarray:
            return np.zeros(1)

        def arrays(self) -> dict[str, np.ndarray]:
            return {}

    with pytest.raises(LookupError, match="Unknown for Conv"):
        write(site(opened, opened.clone()), Unknown())


@pytest.mark.parametrize(
    "weight",
    [
        FloatWeight(np.array([[1.5, 0.0]], np.float32)),
        IntegerWeight(np.array([[3, -2]], np.int8), np.array([[0.5]], np.float32)),
    ],
)
def test_a_stored_weight_is_restored_from_its_arrays(weight: StoredWeight) -> None:
    again = restored(weight.arrays())
    assert type(again) is type(weight)
    np.testing.assert_array_equal(again.values(), [[1.5, 0.0 if isinstance(weight, FloatWeight) else -1.0]])  # type: ignore[union-attr]
