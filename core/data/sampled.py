"""The data set that every kind shares: a source of samples and a choice of positions in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from core.data.dataset import Batch, Role
from core.values import DataInfo


class Source(Protocol):
    """Samples by position, read when asked for."""

    @property
    def labels(self) -> Any:
        """Of all samples: an array, or something that gives some when positions are asked for; or None."""
        ...

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Model inputs for these positions, in this order. Raises DataError."""
        ...


class SampledDataSet:
    """Serves chosen positions of a judging source and of a calibration source (often the same one)."""

    def __init__(
        self,
        info: DataInfo,
        judge: tuple[Source, np.ndarray],
        calibration: tuple[Source, np.ndarray],
    ) -> None:
        self.info = info
        self._roles: dict[str, tuple[Source, np.ndarray]] = {"judge": judge, "calibration": calibration}

    @property
    def shared_source(self) -> bool:
        return self._roles["judge"][0] is self._roles["calibration"][0]

    def batches(self, role: Role, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """See `DataSet.batches`."""
        source, positions = self._roles[role]
        positions = positions if limit is None else positions[:limit]
        for start in range(0, len(positions), batch_size):
            indices = positions[start : start + batch_size]
            labels = None if source.labels is None else source.labels[indices]
            yield Batch(source.load(indices), labels, indices)
