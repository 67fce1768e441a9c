"""How many samples go into one run: what a network holds of each grows with the size of its input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.data.dataset import DataSet, Role

BATCH = 32
INPUT_BYTES = 1 << 20
"""Of the inputs of one run: one picture of 224 × 224, of which a VGG16 makes 20 times as much at once; three
in one run take three times as long."""


def batch_for(one: Mapping[str, np.ndarray], most: int = BATCH) -> int:
    """Return the samples of a run for inputs of which `one` holds a single sample."""
    size = sum(np.asarray(value).nbytes for value in one.values())
    return int(np.clip(INPUT_BYTES // max(1, size), 1, most))


def batch_of(data: DataSet, role: Role) -> int:
    """Return the samples of a run for those of `data` in this role, whose first is looked at."""
    one = next(iter(data.batches(role, 1, 1)), None)
    return BATCH if one is None else batch_for(one.feeds)
