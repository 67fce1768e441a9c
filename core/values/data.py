"""Which samples, how they are prepared, and what was found."""

from __future__ import annotations

from typing import Literal

import msgspec

from core.values.base import Text, Value, digest
from core.values.measured import Measurement
from core.values.own import OwnForm

Task = Literal[
    "classification",
    "multilabel",
    "regression",
    "segmentation",
    "detection",
    "language",
    "embedding",
    "unlabelled",
]
"""What the answers are judged as; 'unlabelled': compared with the original's."""

JUDGED_BY: dict[Task, str] = {
    "classification": "top1",
    "multilabel": "f1",
    "regression": "rmse",
    "segmentation": "miou",
    "detection": "box_map",
    "language": "perplexity",
    "embedding": "cosine",
    "unlabelled": "sqnr_db",
}
"""The metric that counts for each task; for unlabelled answers that are classes it is their agreement."""


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
    sample_rate: int | None = None
    """Of sounds, in Hz: what the model takes. `crop` is their length in samples then."""


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
    label_order: tuple[int, ...] = ()
    """Which of the model's outputs each class of the data is; empty: the first is the first, and so on."""
    task: Task | Literal[""] = ""
    """What the answers are judged as; empty: guessed from the labels and the model's outputs."""

    @property
    def identity(self) -> msgspec.Raw:
        """What decides which samples are read and how, for digests; not where they lie.

        Encoded field by field: what was added later is left out while it says nothing, so that a newer
        program finds the measurements that an older one kept.
        """
        kept: dict[str, object] = {
            name: getattr(self, name)
            for name, default in zip(self.__struct_fields__[1:], self.__struct_defaults__, strict=True)
            if name in _FIRST_FIELDS or getattr(self, name) != default
        }
        if self.preprocess is not None:
            kept["preprocess"] = {
                name: value
                for name, value in msgspec.to_builtins(self.preprocess).items()
                if name != "sample_rate" or value is not None
            }
        return msgspec.Raw(msgspec.msgpack.encode({"path": "", **kept, "calibration_path": None}))


class DataInfo(Value, frozen=True, kw_only=True, tag=True):
    spec: DataSpec
    """With kind and preprocess filled in."""
    sha256: str
    """Over names and sizes of what is read: says whether the data changed."""
    kind: str
    task: Task
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
    own: OwnForm | None = None
    """What a sample of the person's own has to be; None where none can be tried."""

    @property
    def key(self) -> str:
        """A digest of what decides which samples are read and how; not of where they lie."""
        return digest(self.sha256, self.spec.identity)


_FIRST_FIELDS = frozenset(
    {"calibration_path", "kind", "preprocess", "label_column", "calibration_count", "judge_count", "seed"}
)


class PreprocessScore(Value, frozen=True, kw_only=True):
    """What the model's answers are worth when its input is prepared so."""

    name: Text
    """In a few words, such as 'ImageNet mean and std'."""
    preprocess: Preprocess
    accuracy: Measurement
    current: bool = False
    """As the data is prepared now."""


class LabelOrder(Value, frozen=True, kw_only=True):
    """Another order of the classes than the data's, in which the model's answers are right far more often."""

    order: tuple[int, ...]
    """For each class of the data the model's output that stands for it; all of them once."""
    before: Measurement
    after: Measurement
    """On samples that did not decide the order."""
    moved: tuple[tuple[str, str], ...]
    """(class, the name under which its output was) of the first few classes that move."""


class DataCheck(Value, frozen=True, kw_only=True, tag=True):
    """Whether the guesses about the data bear out when the model is run."""

    spec: DataSpec
    """What was checked."""
    scores: tuple[PreprocessScore, ...] = ()
    """Best first."""
    proposed: PreprocessScore | None = None
    """Clearly better than what is in force; None: nothing is."""
    order: LabelOrder | None = None

    @property
    def better(self) -> DataSpec:
        """`spec` with all that is proposed."""
        changes: dict[str, object] = {}
        if self.proposed is not None:
            changes["preprocess"] = self.proposed.preprocess
        if self.order is not None:
            changes["label_order"] = self.order.order
        return msgspec.structs.replace(self.spec, **changes)
