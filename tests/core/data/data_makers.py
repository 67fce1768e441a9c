"""Models' inputs and outputs, and files of data, as these tests need them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.context import Context
from core.data import DataSet, open_data
from core.values import DataInfo, DataSpec, Preprocess, TensorInfo

PICTURE = TensorInfo(name="image", dtype="float32", shape=("N", 3, 4, 4))
ROW = TensorInfo(name="x", dtype="float32", shape=("N", 2))
AS_IT_IS = Preprocess(mean=(0.0,), std=(1.0,))


def scores(count: int) -> TensorInfo:
    """An output of one score per class."""
    return TensorInfo(name="logits", dtype="float32", shape=("N", count))


def opened(
    path: Path | str,
    classes: int = 2,
    inputs: TensorInfo | Sequence[TensorInfo] = PICTURE,
    **spec: object,
) -> DataSet:
    many = (inputs,) if isinstance(inputs, TensorInfo) else tuple(inputs)
    return open_data(DataSpec(path=str(path), **spec), many, (scores(classes),), Context())


def sentences(info: DataInfo) -> str:
    """Everything that the data set says to a person."""
    return "\n".join(str(one) for one in (*info.guessed, *info.warnings, *info.skipped))


def all_feeds(data: DataSet, role: str = "judge", batch_size: int = 1000) -> np.ndarray:
    """The first input of all samples of a role, sorted by position."""
    batches = list(data.batches(role, batch_size))
    indices = np.concatenate([batch.indices for batch in batches])
    values = np.concatenate([next(iter(batch.feeds.values())) for batch in batches])
    return values[np.argsort(indices)]


def all_labels(data: DataSet, role: str = "judge") -> list[float]:
    batches = list(data.batches(role, 1000))
    indices = np.concatenate([batch.indices for batch in batches])
    return np.concatenate([batch.labels for batch in batches])[np.argsort(indices)].tolist()


def save_picture(
    path: Path, color: object = (10, 20, 30), size: tuple[int, int] = (4, 4), **how: object
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, **how)


def class_folders(root: Path, counts: dict[str, int], size: tuple[int, int] = (4, 4)) -> Path:
    """A folder per class with so many pictures, each of its own colour."""
    numbers = itertools.count()
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for place in range(count):
            number = next(numbers)
            save_picture(root / name / f"{place:03}.png", (number % 256, number // 256, 0), size)
    return root
