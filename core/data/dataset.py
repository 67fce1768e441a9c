"""What every data set gives: batches of model inputs with, perhaps, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
import numpy as np

from core.values import DataInfo

Role = Literal["calibration", "judge"]


@dataclass(frozen=True)
class Batch:
    """Samples ready for the model.

    feeds: one array for each model input, preprocessed, in the input's dtype and layout.
    labels: int64 (n,) class indices, float32 (n,) regression targets, or None.
    indices: int64 (n,) positions in the source, unique within a role; they say which sample is which.
    """

    feeds: dict[str, np.ndarray]
    labels: np.ndarray | None
    indices: np.ndarray


class DataSet(Protocol):
    """Samples in two roles that never share one: for calibration and for judging."""

    info: DataInfo

    @property
    def shared_source(self) -> bool:
        """Whether both roles draw from one source, so that a position means the same sample in both."""
        ...

    def batches(self, role: Role, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """Yield the samples of a role in a fixed order; the last batch may be short.

        The first `limit` samples are themselves stratified, and the same at every call.
        Raises DataError if a sample can no longer be read.
        """
        ...


def data_key(data: DataSet) -> tuple[str, msgspec.Raw]:
    """What decides which samples are read and how, for keys of measurements; not where they lie."""
    return data.info.sha256, data.info.spec.identity
