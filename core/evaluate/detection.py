"""From a detector's first answers to how all of them are judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.data.dataset import Batch
from core.errors import DataError
from core.evaluate.answers import Subject
from core.evaluate.detector import find_detector, find_listed
from core.values import text

_USUAL_SIZE = (640, 640)


PICTURES = 8
"""So many are looked at where each is run by itself: a single one may show nothing."""

Run = Callable[[dict[str, np.ndarray]], Sequence[object]]


def boxes_in(run: Run, batches: Sequence[Batch], classes: int | None, most_raw: int) -> Subject | None:
    """How boxes are read from the outputs for these pictures; None if they are in no form that is known.

    classes: None where nobody has labelled boxes; then lists of them are found, and compared with the
    original's. most_raw: numbers of an answer that are kept beside the boxes.
    """
    runs = [[np.asarray(one) for one in run(batch.feeds)] for batch in batches]
    counts = [len(batch.indices) for batch in batches]
    size = _size(batches[0])
    if classes is None:
        listed = find_listed(runs, counts, 0, size, None)
        return None if listed is None else Subject("unlabelled", listed.outputs[0], detector=listed)
    # crowds are nothing that a box would fit
    labels = [
        boxes[boxes[:, 0] >= 0] for batch in batches if batch.labels is not None for boxes in batch.labels
    ]
    found = find_detector(runs[0], classes, size, labels[: counts[0]], most_raw)
    if found is None or found.form == "rows":
        found = find_listed(runs, counts, classes, size, labels) or found
    return None if found is None else Subject("detection", found.outputs[0], detector=found)


def no_boxes(outputs: Sequence[object], classes: int) -> DataError:
    """The refusal of outputs that are no boxes."""
    shapes = ", ".join(" × ".join(map(str, np.asarray(one).shape[1:])) or "1" for one in outputs)
    return DataError(
        text("The model's outputs are not read as boxes of {count} classes.", count=classes),
        text(
            "They are, for each picture: {shapes}. Known are boxes (n × 4) beside scores (n × classes), "
            "both in one output, and lists of boxes, scores and classes.",
            shapes=shapes,
        ),
        text("Choose the task 'compare with the original'."),
    )


def _size(batch: Batch) -> tuple[int, int]:
    """(width, height) of the pictures that the model sees."""
    for array in batch.feeds.values():
        if array.ndim == 4:
            height, width = array.shape[2:] if array.shape[1] in (1, 3) else array.shape[1:3]
            return int(width), int(height)
    return _USUAL_SIZE
