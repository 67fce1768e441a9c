"""Parts of batches whose samples are not all stacked along the first axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.context import Context
from core.data import open_data
from core.methods._layer_moments import _padded
from core.methods._pieces import part, samples_in
from core.values import DataSpec, TensorInfo

INPUTS = (
    TensorInfo(name="x", dtype="float32", shape=("N", 4)),
    TensorInfo(name="state", dtype="float32", shape=(2, "N", 3)),
    TensorInfo(name="rate", dtype="int64", shape=()),
)
ANSWER = (TensorInfo(name="y", dtype="float32", shape=("N", 1)),)


def batch(folder: Path, count: int) -> dict[str, np.ndarray]:
    """The state of sample n is n everywhere."""
    for place in range(6):
        np.savez(
            folder / f"r{place}.npz",
            x=np.full((1, 4), place, np.float32),
            state=np.full((2, 1, 3), place, np.float32),
            rate=np.array(16000),
        )
    data = open_data(DataSpec(path=str(folder), calibration_count=2), INPUTS, ANSWER, Context())
    return next(iter(data.batches("judge", count))).feeds


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_state_is_counted_and_cut_along_its_own_axis(tmp_path: Path, count: int) -> None:
    feeds = batch(tmp_path, count)
    # of one sample the state's two layers are no two samples; of two its axes are equally long
    assert samples_in(feeds) == count
    for start in range(count):
        one = part(feeds, start, start + 1)
        assert samples_in(one) == 1 and one["rate"] == 16000
        assert one["x"].shape == (1, 4) and one["state"].shape == (2, 1, 3)
        assert (one["state"] == feeds["x"][start, 0]).all()
    # a part of a part too
    assert samples_in(part(part(feeds, 0, 3), 0, 2)) == min(count, 2)


def test_a_batch_is_filled_up_along_each_inputs_own_axis(tmp_path: Path) -> None:
    feeds = batch(tmp_path, 2)
    filled = _padded(feeds, 2, 5)
    assert filled["x"].shape == (5, 4) and filled["state"].shape == (2, 5, 3) and filled["rate"] == 16000
    assert (filled["state"][:, 2:] == feeds["x"][1, 0]).all()


def test_random_samples_of_a_state_are_cut_along_its_own_axis() -> None:
    data = open_data(DataSpec(path="random", judge_count=3), INPUTS, ANSWER, Context())
    feeds = next(iter(data.batches("judge", 3))).feeds
    assert part(feeds, 1, 3)["state"].shape == (2, 2, 3)


def test_arrays_of_which_nothing_is_known_are_cut_along_the_first() -> None:
    feeds = {"x": np.zeros((4, 2)), "matrix": np.zeros((3, 3)), "rate": np.array(1)}
    assert {name: np.shape(array) for name, array in part(feeds, 1, 3).items()} == {
        "x": (2, 2), "matrix": (3, 3), "rate": (),
    }  # fmt: skip
