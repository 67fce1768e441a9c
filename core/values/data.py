"""Which samples, how they are prepared, and what was found."""

from __future__ import annotations

from typing import Literal

import msgspec

from core.values.base import Text, Value, digest


class Preprocess(Value, frozen=True, kw_only=True):
    """From a picture (or row) to the model's input. Mean and std are in 0..255 units for pictures.

    resize: shorter side (a number) or (height, width); crop: centred, a number or (height, width).
    """

    resize: int | tuple[int, int] | None = None
    crop: int | tuple[int, int] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: Literal["NCHW", "NHWC", ""] = ""
    color: Literal["RGB", "BGR", "GRAY", ""] = ""


class DataSpec(Value, frozen=True, kw_only=True):
    """Which data, read how, split how. Everything needed to get the same samples again."""

    path: str
    calibration_path: str | None = None
    """A separate source for calibration; without it both come from `path`, disjoint."""
    kind: str = ""
    """Registered name of a data set kind; empty: recognised by content."""
    preprocess: Preprocess | None = None
    """None: guessed from the model's input."""
    label_column: str | None = None
    calibration_count: int = 256
    judge_count: int | None = 1000
    """At most so many judging samples; None: all that are left."""
    seed: int = 0


class DataInfo(Value, frozen=True, kw_only=True, tag=True):
    spec: DataSpec
    """With kind and preprocess filled in."""
    sha256: str
    """Over names and sizes of what is read: says whether the data changed."""
    kind: str
    task: Literal["classification", "regression", "unlabelled"]
    sample_count: int
    calibration_count: int
    judge_count: int
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    label_column: str | None = None
    preview_png: tuple[bytes, ...] = ()
    """What the model will see, undone to pictures (at most 8), for pictures only."""
    preview_labels: tuple[str, ...] = ()
    preview_rows: tuple[tuple[str, ...], ...] = ()
    """The first rows of a table as text."""
    guessed: tuple[Text, ...] = ()
    """What was guessed and from what."""
    warnings: tuple[Text, ...] = ()
    skipped: tuple[Text, ...] = ()
    """Files or rows left out, at most 100, each with its reason."""
    skipped_count: int = 0

    @property
    def key(self) -> str:
        """A digest of what decides which samples are read and how; not of where they lie."""
        return digest(self.sha256, msgspec.structs.replace(self.spec, path="", calibration_path=None))
