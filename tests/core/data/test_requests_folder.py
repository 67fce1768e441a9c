"""Folders of requests: one NPZ file a sample, any number of inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_makers import scores, sentences

from core.context import Context
from core.data import DataSet, open_data
from core.errors import DataError
from core.values import DataSpec, TensorInfo

INPUTS = (
    TensorInfo(name="ids", dtype="int64", shape=("N", "T")),
    TensorInfo(name="mask", dtype="float32", shape=("N", "T")),
    TensorInfo(name="state", dtype="float32", shape=(2, "N", 3)),
    TensorInfo(name="rate", dtype="int64", shape=()),
)


def request(place: int, batched: bool, length: int = 5) -> dict[str, np.ndarray]:
    made = {
        "ids": np.arange(length) + 10 * place,
        "mask": np.ones(length, np.float32),
        "state": np.full((2, 3), place, np.float32),
    }
    if batched:
        made = {"ids": made["ids"][None], "mask": made["mask"][None], "state": made["state"][:, None]}
    return {**made, "rate": np.array(16000)}


def folder(root: Path, count: int = 6, batched: bool = True, **more: np.ndarray) -> Path:
    for place in range(count):
        own = {name: array[place] for name, array in more.items()}
        np.savez(root / f"r{place}.npz", **request(place, batched), **own)
    return root


def opened(root: Path, classes: int = 2) -> DataSet:
    return open_data(DataSpec(path=str(root), calibration_count=2), INPUTS, (scores(classes),), Context())


@pytest.mark.parametrize("batched", [True, False])
def test_requests_are_stacked_along_each_inputs_own_axis(tmp_path: Path, batched: bool) -> None:
    data = opened(folder(tmp_path, batched=batched))
    assert (data.info.kind, data.info.task) == ("requests", "unlabelled")
    assert (data.info.judge_count, data.info.calibration_count) == (4, 2)
    (batch,) = data.batches("judge", 100)
    assert {name: array.shape for name, array in batch.feeds.items()} == {
        "ids": (4, 5),
        "mask": (4, 5),
        "state": (2, 4, 3),
        "rate": (),
    }
    for row in range(4):
        place = int(batch.feeds["ids"][row, 0]) // 10
        assert (batch.feeds["state"][:, row] == place).all()
    assert batch.feeds["rate"] == 16000
    assert batch.feeds["ids"].dtype == np.int64


def test_labels_in_the_requests(tmp_path: Path) -> None:
    data = opened(folder(tmp_path, label=np.array([0, 1, 0, 1, 1, 0])))
    assert data.info.task == "classification"
    (batch,) = data.batches("judge", 100)
    assert batch.labels is not None
    places = batch.feeds["ids"][:, 0] // 10
    assert batch.labels.tolist() == [[0, 1, 0, 1, 1, 0][place] for place in places]


def test_requests_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    folder(tmp_path)
    lacking = request(8, True)
    del lacking["mask"]
    np.savez(tmp_path / "lacks.npz", **lacking)
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    data = opened(tmp_path)
    assert data.info.sample_count == 6
    said = sentences(data.info)
    assert "no array for the model's input 'mask'" in said
    assert "torn.npz" in said


def test_requests_of_several_lengths_say_what_to_do(tmp_path: Path) -> None:
    folder(tmp_path)
    np.savez(tmp_path / "longer.npz", **request(9, True, length=7))
    with pytest.raises(DataError, match=r"differ in 'ids': 1 × [57] and 1 × [57]"):
        list(opened(tmp_path).batches("judge", 100))


def test_none_that_fits_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", other=np.zeros(3))
    with pytest.raises(DataError, match="input 'ids'"):
        opened(tmp_path)
