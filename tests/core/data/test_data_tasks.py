"""Which task samples are for: guessed from labels and outputs, or as a person chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.context import Context
from core.data import DataSet, open_data
from core.errors import DataError
from core.values import DataSpec, TensorInfo

ROW = TensorInfo(name="x", dtype="float32", shape=("N", 3))
PICTURE = TensorInfo(name="image", dtype="float32", shape=("N", 3, 4, 4))
IDS = TensorInfo(name="input_ids", dtype="int64", shape=("N", "T"))
MASK = TensorInfo(name="attention_mask", dtype="int64", shape=("N", "T"))


def output(*shape: int | str, name: str = "y") -> TensorInfo:
    return TensorInfo(name=name, dtype="float32", shape=("N", *shape))


def saved(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def opened(
    path: str, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], **spec: object
) -> DataSet:
    return open_data(DataSpec(path=path, calibration_count=2, **spec), inputs, outputs, Context())


def labels_of(data: DataSet) -> np.ndarray | None:
    (batch,) = data.batches("judge", 100)
    return None if batch.labels is None else batch.labels[np.argsort(batch.indices)]


def test_rows_of_zeros_and_ones_are_several_labels(tmp_path: Path) -> None:
    y = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32), y=y)
    data = opened(path, (ROW,), (output(3),))
    assert data.info.task == "multilabel"
    labels = labels_of(data)
    assert labels is not None
    assert labels.shape == (4, 3)
    assert "F1" in " ".join(map(str, data.info.guessed))
    assert opened(path, (ROW,), (output(3),), task="regression").info.task == "regression"
    with pytest.raises(DataError, match="3 labels, the model answers 2 numbers"):
        opened(path, (ROW,), (output(2),))


def test_one_hot_rows_stay_classes_unless_asked(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32), y=np.eye(3, dtype=np.int64)[[0, 1, 2, 0, 1, 2]])
    assert opened(path, (ROW,), (output(3),)).info.task == "classification"
    assert opened(path, (ROW,), (output(3),), task="multilabel").info.task == "multilabel"


def test_maps_of_classes_are_areas_and_255_does_not_count(tmp_path: Path) -> None:
    y = np.zeros((5, 4, 4), np.uint8)
    y[:, 0] = 2
    y[:, 3] = 255
    path = saved(tmp_path, x=np.zeros((5, 3, 4, 4), np.float32), y=y)
    data = opened(path, (PICTURE,), (output(3, 4, 4),))
    assert data.info.task == "segmentation"
    labels = labels_of(data)
    assert labels is not None
    assert np.unique(labels).tolist() == [-1, 0, 2]
    assert (labels[:, 3] == -1).all()
    with pytest.raises(DataError, match="are no classes"):
        opened(
            saved(tmp_path, x=np.zeros((5, 3, 4, 4), np.float32), y=y + 0.5), (PICTURE,), (output(3, 4, 4),)
        )


def test_tokens_are_judged_by_the_next_one(tmp_path: Path) -> None:
    ids = np.arange(40).reshape(5, 8)
    mask = np.ones((5, 8), np.int64)
    mask[0, 6:] = 0
    path = saved(tmp_path, input_ids=ids, attention_mask=mask)
    data = opened(path, (IDS, MASK), (output("T", 30000),))
    assert data.info.task == "language"
    (batch,) = data.batches("judge", 10)
    assert batch.labels is not None
    for row, index in enumerate(batch.indices):
        wanted = [*ids[index, 1:], -1]
        if index == 0:
            wanted[5:] = [-1, -1, -1]
        assert batch.labels[row].tolist() == wanted
    # few classes at each token may be tags: only if a person says so
    assert opened(path, (IDS, MASK), (output("T", 9),)).info.task == "unlabelled"
    assert opened(path, (IDS, MASK), (output("T", 64),), task="language").info.task == "language"


def test_embeddings_are_known_by_name_or_chosen(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32))
    assert opened(path, (ROW,), (output(3),)).info.task == "unlabelled"
    assert opened(path, (ROW,), (output(3),), task="embedding").info.task == "embedding"
    named = output(384, name="sentence_embedding")
    assert opened(path, (ROW,), (named,)).info.task == "embedding"
    assert opened(path, (ROW,), (named,), task="unlabelled").info.task == "unlabelled"


def test_many_numbers_for_a_text_are_an_embedding_whatever_they_are_called(tmp_path: Path) -> None:
    ids = np.arange(40).reshape(5, 8)
    path = saved(tmp_path, input_ids=ids, attention_mask=np.ones((5, 8), np.int64))
    data = opened(path, (IDS, MASK), (output(384),))
    assert data.info.task == "embedding" and "384 numbers" in " ".join(map(str, data.info.guessed))
    assert opened(path, (IDS, MASK), (output(20),)).info.task == "unlabelled", "scores of topics, say"
    assert opened(path, (IDS, MASK), (output(384),), task="unlabelled").info.task == "unlabelled"


def test_labels_can_be_left_aside(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32), y=np.array([0, 1, 2, 0, 1, 2]))
    data = opened(path, (ROW,), (output(3),), task="unlabelled")
    assert data.info.task == "unlabelled"
    assert labels_of(data) is None
    assert data.info.class_names == ()


@pytest.mark.parametrize("task", ["segmentation", "language", "multilabel"])
def test_a_task_that_does_not_fit_is_refused(tmp_path: Path, task: str) -> None:
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32), y=np.array([0, 1, 2, 0, 1, 2]))
    with pytest.raises(DataError):
        opened(path, (ROW,), (output(3),), task=task)


def test_the_chosen_task_is_in_the_spec_that_gives_the_same_again(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((6, 3), np.float32))
    first = opened(path, (ROW,), (output(3),), task="embedding").info
    again = open_data(first.spec, (ROW,), (output(3),), Context()).info
    assert (again.task, again.spec, again.key) == (first.task, first.spec, first.key)
