"""From a detector's first answers to how all of them are judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.data.dataset import Batch
from core.errors import DataError
from core.evaluate.answers import Subject
from core.evaluate.detector import find_detector
from core.values import text

_USUAL_SIZE = (640, 640)


def detection_subject(outputs: Sequence[object], batch: Batch, classes: int, most_raw: int) -> Subject:
    """How boxes are read from these outputs. Raises DataError if they are in no form that is known.

    most_raw: numbers of an answer that are kept beside the boxes.
    """
    arrays = [np.asarray(one) for one in outputs]
    assert batch.labels is not None
    found = find_detector(arrays, classes, _size(batch), list(batch.labels), most_raw)
    if found is None:
        shapes = ", ".join(" × ".join(map(str, one.shape[1:])) or "1" for one in arrays)
        raise DataError(
            text("The model's outputs are not read as boxes of {count} classes.", count=classes),
            text(
                "They are, for each picture: {shapes}. Known are boxes (n × 4) beside scores (n × classes), "
                "both in one output, and rows of corners, score and class.",
                shapes=shapes,
            ),
            text("Choose the task 'compare with the original'."),
        )
    return Subject(task="detection", output=found.outputs[0], detector=found)


def _size(batch: Batch) -> tuple[int, int]:
    """(width, height) of the pictures that the model sees."""
    for array in batch.feeds.values():
        if array.ndim == 4:
            height, width = array.shape[2:] if array.shape[1] in (1, 3) else array.shape[1:3]
            return int(width), int(height)
    return _USUAL_SIZE
