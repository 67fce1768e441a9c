"""What became different between the original's answers and a compressed file's, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from core.values.base import Array, Value
from core.values.class_names import ClassName

Kind = Literal["broken", "mended", "other"]
ClassFigure = Literal["accuracy", "iou", "ap"]
"""What is said of a class: the share of its samples that are right, the overlap of its areas (intersection
over union), or the average precision of its boxes."""


class ClassChange(Value, frozen=True, kw_only=True):
    """One class before and after. Figures are in percent, with 95 % intervals."""

    name: ClassName
    count: int
    """Samples of this class, or pictures that hold it; without labels: those that the original called so."""
    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float
    lost: float
    """Points lost on the same samples; positive is worse."""
    lost_low: float
    lost_high: float


CLASS_COLORS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2")
"""Of marks over pictures, told apart by everybody (Okabe and Ito 2008); classes beyond share them."""


NOWHERE = 255
"""In a map of classes a place that has none."""


class MarkedBox(Value, frozen=True, kw_only=True):
    """An object that a detector found; its sides as shares of the picture from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    number: int
    """Of its class."""
    name: ClassName
    share: float
    """How sure it is of it, 0..1."""


class Marks(Value, frozen=True, kw_only=True):
    """What an answer says about places of a picture."""

    areas: Array | None = None
    """Class of each place, uint8 (height, width), reduced for display; `NOWHERE` where there is none.

    Class 0, which is mostly the background, is not painted; the first colour is that of class 1.
    """
    boxes: tuple[MarkedBox, ...] = ()

    def regions(self) -> Iterator[tuple[int, np.ndarray, list[tuple[int, int, int]]]]:
        """Each class that is painted, ascending: its number, where it is, bool (height, width), and its runs.

        A run is a row, its first column, and the column behind its last.
        """
        if self.areas is None:
            return
        classes = self.areas.numpy()
        for number in np.flatnonzero(np.bincount(classes.ravel())[1:NOWHERE]).tolist():
            inside = classes == number + 1
            edges = np.diff(np.pad(inside.astype(np.int8), ((0, 0), (1, 1))), axis=1)
            begins, ends = np.argwhere(edges == 1).tolist(), np.argwhere(edges == -1)[:, 1].tolist()
            yield (
                number + 1,
                inside,
                [(row, first, end) for (row, first), end in zip(begins, ends, strict=True)],
            )


class Answer(Value, frozen=True, kw_only=True):
    """One answer to one sample."""

    name: ClassName
    share: float | None = None
    """0..1; None where answers are no classes."""


class ChangedSample(Value, frozen=True, kw_only=True):
    """A sample whose answer changed."""

    index: int
    """Its position in the source."""
    label: ClassName = ""
    """What it is, as far as somebody said so."""
    before: ClassName = ""
    """The original's answer: a class, or a number as text."""
    before_share: float | None = None
    """How sure the original is of it, 0..1; None where answers are no classes."""
    after: ClassName = ""
    after_share: float | None = None
    before_parts: tuple[Answer, ...] = ()
    """Of an answer that is areas, boxes or tokens: what it says in the end; `before` is empty then."""
    after_parts: tuple[Answer, ...] = ()
    change: float = 0.0
    """How much: half the sum of what the probabilities moved, 0..1; for numbers the deviation, as a share
    of the spread of the original's answers."""
    kind: Kind = "other"
    """From right to wrong, from wrong to right, or neither."""
    picture_png: bytes = b""
    """What the model saw, for pictures."""
    row: tuple[str, ...] = ()
    """Its first numbers as text, for everything else."""
    before_marks: Marks | None = None
    """Where in the picture the original's answer is what; None where answers say nothing of places."""
    after_marks: Marks | None = None


class Comparison(Value, frozen=True, kw_only=True, tag=True):
    """The compressed file beside the original on the judging samples, so far or in the end."""

    sha256: str
    """Of the compressed file."""
    done: int
    total: int
    labelled: bool
    """Whether the samples' labels say what is right; else the original's answers stand for them."""
    changed: int = 0
    """Samples with another answer; where answers are no classes: those that moved by more than a hundredth
    of the spread."""
    broken: int = 0
    mended: int = 0
    classes: tuple[ClassChange, ...] = ()
    """Empty where a sample has no class, and, while the comparison grows, where it has many."""
    classes_by: ClassFigure = "accuracy"
    names: tuple[ClassName, ...] = ()
    """Of the rows and columns of both matrices: all classes, or those that changed most."""
    left_out: int = 0
    """Classes that are not among `names`."""
    before: Array | None = None
    """How often which class (row) was called what (column) by the original, int64."""
    after: Array | None = None
    quantiles: tuple[float, ...] = ()
    """Of the change by sample, where answers are no classes: half, 95 % and all changed at most so much."""
    samples: tuple[ChangedSample, ...] = ()
    """Those that changed most, the most changed first."""
    columns: tuple[str, ...] = ()
    """Names of the numbers in their rows, as far as they are known."""


class Tried(Value, frozen=True, kw_only=True, tag=True):
    """A sample of the person's own, seen by both networks: the likeliest answers first."""

    name: str = ""
    """Of its file; empty for what was typed."""
    picture_png: bytes = b""
    """What the model saw, for pictures."""
    envelope: Array | None = None
    """Of a sound: lowest and highest value of each stretch, float32 (2, stretches)."""
    fields: tuple[str, ...] = ()
    """Names of what was typed, and what was typed there."""
    cells: tuple[str, ...] = ()
    before: tuple[Answer, ...] = ()
    after: tuple[Answer, ...] = ()
    before_marks: Marks | None = None
    """Where in the picture the original's answer is what."""
    after_marks: Marks | None = None
    apart: float | None = None
    """Where answers are no classes: the root of the mean square of what they differ by, as a share of that of
    the original's answer; None also where that is nothing."""
