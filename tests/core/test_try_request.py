"""A request of one's own, a file with an array for each input: what both answer, and how far apart."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest

from core import jobs
from core import messages as m
from core.context import Context
from core.data import open_data
from core.data.own_feeds import own_feeds
from core.errors import DataError
from core.values import DataSpec, OwnForm, OwnSample, TensorInfo
from core.workspace import Workspace

WEIGHT = np.array([[2.0, -1.0], [-1.0, 3.0]])
FLOATS = TensorInfo(name="x", dtype="float32", shape=("N", 2))
IDS = TensorInfo(name="ids", dtype="int64", shape=("N", 3))


def requests(folder: Path, **arrays: np.ndarray) -> DataSpec:
    folder.mkdir()
    for place in range(6):
        np.savez(folder / f"r{place}.npz", **arrays)
    return DataSpec(path=str(folder), calibration_count=2, task="embedding")


def test_arrays_are_answered_by_both_and_held_against_each_other(tmp_path: Path) -> None:
    first = networks.written(networks.dense(WEIGHT), tmp_path, "first.onnx")
    other = networks.written(networks.dense(WEIGHT / 2), tmp_path, "other.onnx")
    workspace = Workspace(tmp_path / "cache", tmp_path / "data")
    name = workspace.opened(str(first), Context()).info.inputs[0].name
    spec = requests(tmp_path / "r", **{name: np.zeros((1, 2), np.float32)})

    def tried(**arrays: np.ndarray):
        np.savez(tmp_path / "mine.npz", **arrays)
        sample = OwnSample(path=str(tmp_path / "mine.npz"))
        ask = m.TrySample(model=str(first), data=spec, artefact=str(other), sample=sample)
        return jobs.perform(ask, workspace, Context())

    one = np.array([[1.0, 0.5]], np.float32)
    found = tried(**{name: one})
    assert found.name == "mine.npz"
    assert [answer.name for answer in found.before] == ["1.5", "0.5"]
    assert [answer.name for answer in found.after] == ["0.75", "0.25"]
    assert found.apart == pytest.approx(0.5, abs=1e-6), "half of every number is missing"
    assert tried(whatever=one[0]).before == found.before, "the only array, without a batch"
    with pytest.raises(DataError, match="cannot be tried") as caught:
        tried(whatever=np.zeros((3, 2), np.float32))
    assert str(caught.value.why) == "'mine.npz' holds 3 samples."
    with pytest.raises(DataError, match="cannot be tried") as caught:
        tried(**{name: np.zeros((3, 2), np.float32)})
    assert "is 3 × 2, the model takes" in str(caught.value.why)
    (tmp_path / "mine.npz").write_bytes(b"PK\x03\x04 no archive")
    ask = m.TrySample(
        model=str(first), data=spec, artefact=str(other), sample=OwnSample(path=str(tmp_path / "mine.npz"))
    )
    with pytest.raises(DataError, match="cannot be tried"):
        jobs.perform(ask, workspace, Context())


def test_floats_are_a_file_and_tokens_are_typed(tmp_path: Path) -> None:
    answer = (TensorInfo(name="y", dtype="float32", shape=("N", 2)),)
    spec = requests(tmp_path / "r", x=np.zeros(2, np.float32), ids=np.arange(3))
    assert open_data(spec, (FLOATS, IDS), answer, Context()).info.own == OwnForm(kind="request")
    typed = open_data(spec, (IDS,), answer, Context()).info.own
    assert typed is not None and typed.kind == "tokens"


def test_tokens_may_come_from_a_file_too(tmp_path: Path) -> None:
    answer = (TensorInfo(name="y", dtype="float32", shape=("N", 2)),)
    data = open_data(requests(tmp_path / "r", ids=np.arange(3)), (IDS,), answer, Context())
    np.savez(tmp_path / "mine.npz", ids=np.array([7, 8, 9]))
    feeds = own_feeds(OwnSample(path=str(tmp_path / "mine.npz")), data, (IDS,))
    assert feeds["ids"].tolist() == [[7, 8, 9]]
