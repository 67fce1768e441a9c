"""Boxes of objects in pictures, moved along as their pictures are resized and cropped."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from core.data.labels import Labels
from core.data.preprocess import cropped_size, resized_size
from core.errors import DataError
from core.values import Preprocess, TensorInfo, text

_INSTALL = "pip install secateur[detection]"
_LEAST = 1.0
"""Boxes of which the crop leaves less than a pixel's width or height are gone."""


@dataclass(frozen=True)
class PictureBoxes:
    """What a picture shows. size: its (width, height), None if the file does not say.

    boxes: (place of the category, [x, y, width, height] in pixels), the list empty where only the category
    is known.
    """

    size: tuple[int, int] | None
    boxes: tuple[tuple[int, list[float]], ...]
    crowds: tuple[tuple[int, list[float]], ...] = ()
    """Of those without a box, the ones around many objects at once."""


class Boxes:
    """Boxes by position, in pixels of the prepared picture: objects (n,), each float32 (boxes, 5).

    Columns: class, x0, y0, x1, y1. Behind what is to be found stand crowds, with the class `crowd_of(class)`:
    what is found in one is neither right nor wrong.
    """

    def __init__(self, pictures: list[PictureBoxes], preprocess: Preprocess) -> None:
        self._pictures = pictures
        self._preprocess = preprocess

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        places = np.atleast_1d(indices).tolist()
        found = np.empty(len(places), dtype=object)
        for row, place in enumerate(places):
            found[row] = self._one(self._pictures[place])
        return found

    def _one(self, picture: PictureBoxes) -> np.ndarray:
        rows = [[category, *box] for category, box in picture.boxes if box]
        rows += [[crowd_of(category), *box] for category, box in picture.crowds if box]
        boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
        boxes[:, 3:] += boxes[:, 1:3]
        assert picture.size is not None
        size = resized_size(picture.size, self._preprocess.resize)
        width, height = cropped_size(size, self._preprocess.crop)
        left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
        scale = np.array([size[0] / picture.size[0], size[1] / picture.size[1]] * 2, dtype=np.float32)
        moved = boxes[:, 1:] * scale - np.array([left, top] * 2, dtype=np.float32)
        boxes[:, 1:] = np.clip(moved, 0, np.array([width, height] * 2, dtype=np.float32))
        large = ((boxes[:, 3:] - boxes[:, 1:3]) >= _LEAST).all(axis=1)
        return boxes[large]


def crowd_of(category: int) -> int:
    """How labels name a crowd of this class, and the inverse: -2, -3 ..., as -1 is no box at all."""
    return -2 - category


def detects(outputs: tuple[TensorInfo, ...], classes: int) -> bool:
    """Whether some output has the shape of boxes: 4 numbers each, alone or with scores beside them."""
    widths = {4, 6, classes + 4, classes + 5}
    shapes = [info.shape for info in outputs if info.shape is not None and len(info.shape) == 3]
    return any(size in widths for shape in shapes for size in shape[1:])


def lists_boxes(inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]) -> bool:
    """Whether the outputs have the shapes of lists of boxes, as many as are found.

    Boxes (k × 4) with scores (k) beside them, or rows of 6 or 7 numbers that are not one a sample.
    """
    first = inputs[0].shape if inputs else None
    batch = first[0] if first else None
    shapes = [info.shape for info in outputs if info.shape is not None]
    open_rows = [s for s in shapes if len(s) == 2 and not isinstance(s[0], int) and s[0] != batch]
    if any(shape[1] in (6, 7) for shape in open_rows):
        return True
    return any(shape[1] == 4 for shape in open_rows) and any(len(shape) == 1 for shape in shapes)


def detection_labels(pictures: list[PictureBoxes], names: list[str]) -> Labels:
    """Labels that are read with the pictures. Raises DataError if pycocotools or the pictures' sizes lack."""
    if importlib.util.find_spec("pycocotools") is None:
        raise DataError(
            text("Judging boxes needs the package pycocotools."),
            text("It is not installed: it comes with the extra 'detection'."),
            text("Install it with: {command}.", command=_INSTALL),
        )
    usable = np.array([picture.size is not None for picture in pictures])
    if not usable.any():
        raise DataError(
            text("The file does not say how large its pictures are."),
            text("Boxes can't be moved along without 'width' and 'height' of each picture."),
            text("Save the annotations with the pictures' sizes."),
        )
    note = text("Labels are boxes of objects: judged by mean average precision, as COCO has it.")
    return Labels("detection", None, tuple(names), usable, (note,))
