"""Samples whose classes stand in another order than the model's outputs: their labels, put right."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from core.data.dataset import Batch, DataSet, Role
from core.errors import DataError
from core.values import text


class Relabelled:
    """Another data set with label i made order[i]; the classes' names move along."""

    def __init__(self, data: DataSet, order: tuple[int, ...]) -> None:
        names = data.info.class_names
        if data.info.task != "classification" or sorted(order) != list(range(len(names))):
            raise DataError(
                text("The order of the classes does not fit the data."),
                text(
                    "It names {have} outputs, the data has {count} classes; each comes once, from 0 on.",
                    have=len(order),
                    count=len(names),
                ),
                text("Correct the order, or leave it out."),
            )
        self._data = data
        self._order = np.array(order, dtype=np.int64)
        moved = dict(zip(order, names, strict=True))
        spec = msgspec.structs.replace(data.info.spec, label_order=order)
        self.info = msgspec.structs.replace(
            data.info,
            spec=spec,
            class_names=tuple(moved[output] for output in range(len(names))),
            guessed=(
                *data.info.guessed,
                text("Classes: in another order than the model's outputs; the labels follow the outputs."),
            ),
        )

    @property
    def shared_source(self) -> bool:
        return self._data.shared_source

    def batches(self, role: Role, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """See `DataSet.batches`."""
        for batch in self._data.batches(role, batch_size, limit):
            labels = None if batch.labels is None else self._order[batch.labels]
            yield Batch(batch.feeds, labels, batch.indices)
