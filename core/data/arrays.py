"""NPZ and NPY files: an array for the model's input (or each of several), perhaps one of labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from core.context import Context
from core.data import labels as label_rules
from core.data import sampling
from core.data.array_convert import Conversion, plan_conversion
from core.data.array_reader import read_rows, read_whole, seekable
from core.data.array_sets import ArraySet, find_sets
from core.data.fit import batch_axis, fits, numpy_dtype, show_shape
from core.data.kinds import KINDS, Kind
from core.data.npy_header import MAGIC, ZIP_MAGIC, Entry
from core.data.preprocess import picture_layout
from core.data.preview import previews
from core.data.sampled import SampledDataSet
from core.errors import DataError
from core.values import DataInfo, DataSpec, Described, Preprocess, TensorInfo, Text, text


@dataclass(frozen=True)
class _Part:
    """An input and the array that fills it; axis: of the samples in both."""

    info: TensorInfo
    entry: Entry
    axis: int
    convert: Callable[[np.ndarray], np.ndarray]


class ArraySource:
    """Serves rows of arrays. labels: of every row, or None."""

    def __init__(self, parts: list[_Part], shared: dict[str, np.ndarray], labels: np.ndarray | None) -> None:
        self.labels = labels
        self._parts = parts
        self._shared = shared
        self._kept: dict[str, np.ndarray] = {}
        self._positions = np.array([], dtype=np.int64)

    def keep(self, positions: np.ndarray) -> None:
        """Read the rows that will be asked for, where the file can't give single rows later."""
        self._positions = np.unique(positions)
        for part in self._parts:
            if part.axis != 0:
                moved = np.moveaxis(read_whole(part.entry), part.axis, 0)
                self._kept[part.info.name] = moved[self._positions]
            elif not seekable(part.entry):
                self._kept[part.info.name] = read_rows(part.entry, self._positions)

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        feeds = dict(self._shared)
        for part in self._parts:
            kept = self._kept.get(part.info.name)
            if kept is not None:
                rows = kept[np.searchsorted(self._positions, indices)]
            else:
                ordered, inverse = np.unique(indices, return_inverse=True)
                rows = read_rows(part.entry, ordered)[inverse]
            feeds[part.info.name] = np.moveaxis(part.convert(rows), 0, part.axis)
        return feeds


def open_arrays(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open an NPZ or NPY file for a model. Raises DataError; never unpickles."""
    context.report(text("Reading arrays"))
    guessed: list[Text] = []
    judge_set, calibration_set = find_sets(spec, inputs, guessed)
    apart = calibration_set is not None
    sets = [judge_set] if calibration_set is None else [judge_set, calibration_set]
    warnings: list[Text] = []
    labels: list[label_rules.Labels] = []
    sources, counts, preprocesses = [], [], []
    for one in sets:
        source, label, count, preprocess = _open_set(
            one, spec, inputs, outputs, guessed, labels[0] if labels else None
        )
        sources.append(source)
        labels.append(label)
        counts.append(count)
        preprocesses.append(preprocess)
    keys = [sampling.row_keys(count) for count in counts]
    strata = [label.values if label.task == "classification" else None for label in labels]
    usable = [label.usable for label in labels]
    if apart:
        judge = sampling.select_one(keys[0], strata[0], spec.judge_count, spec.seed, usable[0])
        calibration = sampling.select_one(keys[1], strata[1], spec.calibration_count, spec.seed, usable[1])
        sources[1].keep(calibration)
        sources[0].keep(judge)
    else:
        chosen = sampling.select(
            keys[0], strata[0], spec.calibration_count, spec.judge_count, spec.seed, usable[0]
        )
        judge, calibration = chosen.judge, chosen.calibration
        sources[0].keep(np.concatenate([judge, calibration]))
    label = labels[0]
    guessed += label.guessed
    warnings += label.warnings
    missing = int((~label.usable).sum())
    if not len(judge):
        raise DataError(
            text("'{name}' holds no samples to judge on.", name=Path(spec.path).name),
            text("{count} samples, {missing} of them without a label.", count=counts[0], missing=missing),
            text("Choose another file."),
        )
    if missing:
        warnings.append(text("{count} samples have no label: left out.", count=missing))
    preprocess = preprocesses[0]
    named = label.class_names if label.task == "classification" else ()
    preview, preview_labels = previews(sources[0], judge, preprocess, inputs, named)
    paths = sorted({entry.path for one in sets for entry in one.entries})
    info = DataInfo(
        spec=msgspec.structs.replace(spec, kind="arrays", preprocess=preprocess),
        sha256=sampling.combined_sha256([sampling.file_sha256(path) for path in paths]),
        kind="arrays",
        task=label.task,
        sample_count=sum(counts),
        calibration_count=len(calibration),
        judge_count=len(judge),
        class_names=label.class_names,
        preview_png=preview,
        preview_labels=preview_labels,
        guessed=tuple(_distinct(guessed)),
        warnings=tuple(_distinct(warnings)),
        skipped_count=missing,
    )
    return SampledDataSet(info, (sources[0], judge), (sources[-1], calibration))


def _distinct(sentences: list[Text]) -> list[Text]:
    """Without repetitions: two sources say much the same."""
    return [one for place, one in enumerate(sentences) if one not in sentences[:place]]


def _open_set(
    one: ArraySet,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    guessed: list[Text],
    judged: label_rules.Labels | None,
) -> tuple[ArraySource, label_rules.Labels, int, Preprocess | None]:
    """Source, labels, number of samples and preprocessing of one set of arrays.

    judged: the judging set's labels where this set only calibrates.
    """
    parts: list[_Part] = []
    shared: dict[str, np.ndarray] = {}
    count: int | None = None
    preprocess = given = spec.preprocess
    for info in inputs:
        entry = one.by_input[info.name]
        axis = batch_axis(info, inputs)
        if axis is None:
            shared[info.name] = _shared_value(entry, info)
            continue
        if axis >= len(entry.shape):
            raise _no_samples(entry, info)
        have = entry.shape[axis]
        if count is not None and have != count:
            raise DataError(
                text(
                    "'{name}' holds {have} samples, '{first}' {count}.",
                    name=entry.name,
                    have=have,
                    first=parts[0].entry.name,
                    count=count,
                ),
                text("Each sample needs a part of every array."),
                text("Save arrays with the same number of samples."),
            )
        count = have
        own = given if len(inputs) == 1 or picture_layout(info.shape) else None
        conversion = _conversion(entry, info, axis, own)
        guessed += conversion.guessed
        preprocess = preprocess if info is not inputs[0] else conversion.preprocess
        parts.append(_Part(info, entry, axis, conversion.apply))
    if count is None:
        raise DataError(
            text("None of the model's inputs has a batch dimension."),
            text("Samples can't be told apart."),
            text("Choose random inputs."),
        )
    labels = _labels(one.labels, count, outputs, judged, spec.task)
    return ArraySource(parts, shared, labels.values), labels, count, preprocess


def _conversion(entry: Entry, info: TensorInfo, axis: int, given: Preprocess | None) -> Conversion:
    sample = entry.shape[:axis] + entry.shape[axis + 1 :]
    wanted = None if info.shape is None else info.shape[:axis] + info.shape[axis + 1 :]
    return plan_conversion(entry.name, sample, entry.dtype, info, wanted, given)


def _no_samples(entry: Entry, info: TensorInfo) -> DataError:
    return DataError(
        text(
            "The array '{array}' is {shape}, the model's input '{name}' takes {wanted}.",
            array=entry.name,
            shape=show_shape(entry.shape),
            name=info.name,
            wanted=show_shape(info.shape),
        ),
        text("The array has no dimension for the samples."),
        text("Choose data made for this model."),
    )


def _shared_value(entry: Entry, info: TensorInfo) -> np.ndarray:
    """The value of an input that all samples share, such as a sample rate."""
    shape = info.shape or ()
    if not fits(entry.shape, shape) and entry.shape not in ((), (1,)):
        raise _no_samples(entry, info)
    value = read_whole(entry).astype(numpy_dtype(info))
    return value.reshape(shape) if value.size == 1 and len(shape) == 0 else value


def _labels(
    entry: Entry | None,
    count: int,
    outputs: tuple[TensorInfo, ...],
    judged: label_rules.Labels | None,
    task: str,
) -> label_rules.Labels:
    if entry is None:
        return label_rules.unlabelled(count)
    if not entry.shape or entry.shape[0] != count:
        raise DataError(
            text(
                "'{name}' holds {labels} labels for {count} samples.",
                name=entry.name,
                labels=entry.shape[0] if entry.shape else 1,
                count=count,
            ),
            text("Each sample needs one label."),
            text("Save arrays with the same number of samples."),
        )
    raw = read_whole(entry)
    if raw.dtype.kind == "S":
        raw = np.char.decode(raw, "utf-8", "replace")
    if judged is not None:
        return label_rules.interpret_calibration(raw, outputs, judged, task)
    return label_rules.interpret(raw, outputs, task)


KINDS.add(
    Described(
        name="arrays",
        label=text("Arrays (NPZ, NPY)"),
        help=text("'x' and 'y', or an array named like each of the model's inputs."),
    ),
    Kind(lambda path, head: head.startswith((MAGIC, *ZIP_MAGIC)), open_arrays),
)
