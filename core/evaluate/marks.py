"""Where in a picture an answer is what: areas of classes and boxes of objects, to be painted over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.detector import COLUMNS
from core.evaluate.in_words import SURE
from core.values import NOWHERE, Array, ClassName, MarkedBox, Marks, Preprocess, class_name

LONGEST_SIDE = 96
"""Areas in more places are thinned out: the window paints them small."""
MOST_BOXES = 30


def picture_size(shape: Sequence[int], preprocess: Preprocess | None) -> tuple[int, int]:
    """Width and height of pictures in a batch of this shape; (0, 0) if it holds none."""
    if preprocess is None or len(shape) != 4:
        return 0, 0
    height, width = shape[2:] if preprocess.layout == "NCHW" else shape[1:3]
    return width, height


def marks(
    answer: np.ndarray, subject: Subject, names: Sequence[ClassName], size: tuple[int, int]
) -> Marks | None:
    """What the answer to one picture of `size` (width, height) says of its places; None if nothing.

    answer: (1, numbers), as `Judge.part` gives it. Areas of which only some places are judged are no map.
    names: of the classes, as `class_names` gives them.
    """
    width, height = size
    if not width or not height:
        return None
    if subject.detector is not None:
        return Marks(boxes=_boxes(answer[0, : subject.detector.judged], names, subject.detector.size))
    dense = subject.dense
    if subject.task != "segmentation" or dense is None or dense.part is not None:
        return None
    rows = max(1, round((dense.places * height / width) ** 0.5))
    if dense.places % rows:
        return None
    classes = dense.predicted(answer)[0].reshape(rows, -1)
    across, down = (_thinned(length) for length in (classes.shape[1], rows))
    shown = classes[down][:, across]
    return Marks(areas=Array.of(np.where((shown < 0) | (shown > NOWHERE), NOWHERE, shown).astype(np.uint8)))


def _thinned(length: int) -> np.ndarray:
    """At most `LONGEST_SIDE` places of so many, evenly."""
    shown = min(length, LONGEST_SIDE)
    return ((np.arange(shown) + 0.5) * length / shown).astype(np.int64)


def _boxes(judged: np.ndarray, names: Sequence[ClassName], size: tuple[int, int]) -> tuple[MarkedBox, ...]:
    """Those that the detector is sure of, the surest first."""
    boxes = judged.reshape(-1, COLUMNS)
    sure = boxes[(boxes[:, 5] >= 0) & (boxes[:, 4] >= SURE)]
    sides = np.clip(sure[:, :4] / (*size, *size), 0.0, 1.0)
    found = [
        MarkedBox(
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            number=int(number),
            name=class_name(names, int(number)),
            share=score,
        )
        for (left, top, right, bottom), (score, number) in zip(
            sides.tolist(), sure[:, 4:].tolist(), strict=True
        )
    ]
    return tuple(sorted(found, key=lambda box: -box.share)[:MOST_BOXES])
