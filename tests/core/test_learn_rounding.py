"""Learned rounding: neighbouring grid points only, nearer to the original's answers, kept only if so."""

import msgspec
import numpy as np
import pytest
import torch
from runs import Watch, distance, grids

from core import jobs
from core import messages as m
from core.context import Context
from core.gradients.grids import RoundingGrid
from core.values import DataSpec, LayerPlan, Plan
from core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "data")


def test_a_weight_goes_to_a_neighbour_at_most_and_never_off_the_grid():
    start = np.array([[-2.0, 0.0, 1.0]], np.float32)
    grid = RoundingGrid(np.array([[0.5]], np.float32), -2, 1, start)
    units = torch.tensor([[-5.0, 0.6, 9.0]], requires_grad=True)
    values = grid.rounding()(units)
    # -2 may not leave the grid, 0 goes to 1, 1 may not leave the grid either
    assert values.tolist() == [[-1.0, 0.5, 0.5]]
    values.sum().backward()
    # the gradient of what is held by an end is zero, else that of scale · v
    assert units.grad.tolist() == [[0.0, 0.5, 0.0]]
    shifted = RoundingGrid(np.array([[2.0]], np.float32), -8, 7, start, zero_point=np.array([[-1.0]]))
    assert shifted.rounding()(torch.tensor([[-2.0, 0.4, 1.7]])).tolist() == [[-2.0, 2.0, 6.0]]


def compress(workspace, model, spec, plan, context):
    return jobs.perform(
        m.Compress(model=str(model), data=spec, plan=plan, judge_steps=False), workspace, context
    )


def test_two_bits_come_nearer_to_the_original_by_single_grid_steps(workspace, digits_resnet, digits):
    spec = DataSpec(path=str(digits), judge_count=200, calibration_count=128)
    plain = Plan(
        defaults=LayerPlan(weight_bits=2, activation_bits=8), methods={"compensate": {"on": False}}
    ).with_layer("stem", weight_bits=8)
    learned = msgspec.structs.replace(
        plain, methods={**plain.methods, "learn_rounding": {"steps": 24, "rate": 0.1}}
    )
    before = compress(workspace, digits_resnet, spec, plain, Context())
    after = compress(workspace, digits_resnet, spec, learned, watch := Watch())
    old, new = grids(before.artefact), grids(after.artefact)
    moved = {name: np.abs(q - old[name][0]) for name, (q, _) in new.items()}
    assert max(array.max() for array in moved.values()) == 1
    for name, (_, scale) in new.items():
        np.testing.assert_array_equal(scale, old[name][1])
    # more bits than asked for: left as it is
    eight = [name for name, (q, _) in old.items() if np.abs(q).max() > 2]
    assert len(eight) == 1 and not moved[eight[0]].any()
    assert distance(after) < 0.9 * distance(before)
    (point,) = watch.points
    assert point.stage == "learn_rounding" and point.measurement == after.after.primary


def test_without_bits_there_is_nothing_to_learn(workspace, digits_resnet, digits):
    spec = DataSpec(path=str(digits), judge_count=50, calibration_count=32)
    plan = Plan(
        defaults=LayerPlan(sparsity=0.3),
        methods={"learn_rounding": {"steps": 5}, "compensate": {"on": False}},
    )
    compress(workspace, digits_resnet, spec, plan, watch := Watch())
    assert watch.points == []
