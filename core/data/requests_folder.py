"""Folders of requests: one NPZ file a sample, with an array for each of the model's inputs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from core.context import Context
from core.data import folder_scan, sampling
from core.data import labels as label_rules
from core.data.array_reader import read_whole
from core.data.fit import batch_axis, fits, numpy_dtype, show_shape
from core.data.kinds import KINDS, Kind
from core.data.npy_header import Entry, read_entries
from core.data.sample_set import SamplePart, sample_set
from core.data.sampled import SampledDataSet
from core.data.stacked import Stacked
from core.errors import DataError
from core.values import DataSpec, Described, TensorInfo, Text, text

SUFFIX = ".npz"
LABELS = ("label", "labels", "y", "target", "class")
_MOST_BYTES = 1 << 30


def holds_requests(path: Path) -> bool:
    if not path.is_dir():
        return False
    try:
        with os.scandir(path) as entries:
            return any(map(_is_request, entries))
    except OSError:
        return False


def _is_request(entry: os.DirEntry[str]) -> bool:
    named = entry.name.lower().endswith(SUFFIX) and not folder_scan.ignored(entry.name)
    return named and entry.is_file()


class RequestSource:
    """Serves requests. Inputs that all samples share come from the first of those asked for."""

    def __init__(
        self, root: Path, names: list[str], inputs: tuple[TensorInfo, ...], labels: np.ndarray | None
    ) -> None:
        self.labels = labels
        self._root, self._names = root, names
        self._inputs = [(info, batch_axis(info, inputs)) for info in inputs]

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The requests at these positions, stacked. Raises DataError if one is gone or of another shape."""
        found = [self._one(self._names[index]) for index in indices.tolist()]
        feeds = {}
        for info, axis in self._inputs:
            arrays = [one[info.name] for one in found]
            if axis is None:
                feeds[info.name] = arrays[0]
                continue
            other = next((array for array in arrays if array.shape != arrays[0].shape), None)
            if other is not None:
                raise DataError(
                    text(
                        "The requests differ in '{name}': {one} and {other}.",
                        name=info.name,
                        one=show_shape(arrays[0].shape),
                        other=show_shape(other.shape),
                    ),
                    text("All samples of a batch must have one size."),
                    text("Pad the requests to one length, with a mask where the model takes one."),
                )
            feeds[info.name] = np.concatenate(arrays, axis=axis)
        return Stacked(feeds, {info.name: axis for info, axis in self._inputs})

    def _one(self, name: str) -> dict[str, np.ndarray]:
        entries = {entry.name: entry for entry in _entries(self._root / name)}
        return {info.name: _value(entries, info, axis, name) for info, axis in self._inputs}


def read_request(path: Path, inputs: tuple[TensorInfo, ...]) -> dict[str, np.ndarray]:
    """One sample from an NPZ or NPY file. Raises DataError if an input lacks, or an array does not fit.

    Where the model has one input, the only array that fits it may have any name.
    """
    entries = {entry.name: entry for entry in _entries(path)}
    axes = {info.name: batch_axis(info, inputs) for info in inputs}
    if len(inputs) == 1 and inputs[0].name not in entries:
        info = inputs[0]
        fitting = [one for one in entries.values() if _batched(one.shape, info, axes[info.name]) is not None]
        many = [one for one in entries.values() if _samples_in(one.shape, info, axes[info.name]) > 1]
        if len(fitting) == 1:
            entries[info.name] = fitting[0]
        elif many and not fitting:
            raise DataError(
                text("'{file}' holds {count} samples.", file=path.name,
                     count=_samples_in(many[0].shape, info, axes[info.name])),
                next_step=text("Save one of them in a file of its own: numpy.save('one.npy', x[0])."),
            )  # fmt: skip
    found = {info.name: _value(entries, info, axes[info.name], path.name) for info in inputs}
    return Stacked(found, axes)


def _entries(path: Path) -> list[Entry]:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(
            text("'{path}' cannot be read.", path=str(path)),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        ) from error
    return read_entries(path, head)


def _value(entries: dict[str, Entry], info: TensorInfo, axis: int | None, file: str) -> np.ndarray:
    """The array of an input, with a batch of one where the model has a batch. Raises DataError."""
    entry = entries.get(info.name)
    if entry is None:
        raise DataError(
            text("'{file}' has no array for the model's input '{name}'.", file=file, name=info.name),
            text("It holds {names}.", names=", ".join(list(entries)[:10]) or "–"),
            text("Save each request with numpy.savez and an array of each input's name."),
        )
    if entry.size_bytes > _MOST_BYTES:
        raise DataError(
            text("'{file}' holds more than 1 GB in '{name}'.", file=file, name=info.name),
            next_step=text("Choose smaller requests."),
        )
    shape = _batched(entry.shape, info, axis)
    if shape is None:
        raise DataError(
            text(
                "In '{file}' the array '{array}' is {shape}, the model takes {wanted}.",
                file=file,
                array=info.name,
                shape=show_shape(entry.shape),
                wanted=show_shape(info.shape),
            ),
            text("Data and model must agree in shape."),
            text("Choose data made for this model."),
        )
    if entry.dtype.kind not in "fiub":
        raise DataError(
            text("The array '{name}' holds text, the model takes numbers.", name=info.name),
            next_step=text("Choose data made for this model."),
        )
    return read_whole(entry).astype(numpy_dtype(info)).reshape(shape)


def _batched(shape: tuple[int, ...], info: TensorInfo, axis: int | None) -> tuple[int, ...] | None:
    """The shape to feed: as it is stored, or with a batch of one put in; None if neither fits."""
    wanted = info.shape
    if wanted is None or axis is None:
        return shape if wanted is None or fits(shape, wanted) else None
    free = tuple(None if place == axis else size for place, size in enumerate(wanted))
    if fits(shape, free) and shape[axis] == 1:
        return shape
    made = (*shape[:axis], 1, *shape[axis:])
    return made if fits(made, free) else None


def _samples_in(shape: tuple[int, ...], info: TensorInfo, axis: int | None) -> int:
    """How many samples an array of this shape holds; 0 if it is none of this input's."""
    if info.shape is None or axis is None:
        return 0
    free = tuple(None if place == axis else size for place, size in enumerate(info.shape))
    return shape[axis] if fits(shape, free) else 0


def open_requests(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open a folder of NPZ files for a model with any number of inputs. Raises DataError."""
    guessed: list[Text] = []
    parts: list[SamplePart] = []
    for path in sampling.source_paths(spec):
        parts.append(_part(path, spec, inputs, outputs, parts[0].labels if parts else None, context))
    guessed.append(text("Each file is one sample, with an array named like each of the model's inputs."))
    return sample_set("requests", spec, parts, guessed, [])


def _part(
    root: Path,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    judged: label_rules.Labels | None,
    context: Context,
) -> SamplePart:
    context.report(text("Listing requests"))
    try:
        with os.scandir(root) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name.lower().endswith(SUFFIX)
                and entry.is_file()
                and not folder_scan.ignored(entry.name)
            )
        sizes = [(root / name).stat().st_size for name in names]
    except OSError as error:
        raise folder_scan.unreadable(root, error) from error
    if not names:
        raise DataError(
            text("The folder '{path}' holds no requests.", path=str(root)),
            text("A request is an NPZ file with an array for each of the model's inputs."),
            text("Choose another folder."),
        )
    skipped: list[Text] = []
    kept: list[str] = []
    raw: list[np.ndarray | None] = []
    problem: DataError | None = None
    for place, name in enumerate(names):
        if place % 64 == 0:
            context.report(text("Reading requests"), place, len(names))
        try:
            found = {entry.name: entry for entry in _entries(root / name)}
            for info in inputs:
                _checked(found, info, batch_axis(info, inputs), name)
            raw.append(_label(found, spec.label_column, {info.name for info in inputs}))
            kept.append(name)
        except DataError as error:
            problem = problem or error
            skipped.append(error.what)
    if not kept and problem is not None:
        raise problem
    lines = (f"{name}\0{size}\n" for name, size in zip(names, sizes, strict=True))
    sha256 = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    labels = _interpreted(raw, outputs, judged, spec.task)
    source = RequestSource(root, kept, inputs, labels.values)
    return SamplePart(source, labels, sampling.name_keys(kept), sha256, skipped)


def _checked(entries: dict[str, Entry], info: TensorInfo, axis: int | None, file: str) -> None:
    """Raise DataError as `_value` would, from the headers alone."""
    entry = entries.get(info.name)
    if entry is None or entry.size_bytes > _MOST_BYTES or _batched(entry.shape, info, axis) is None:
        _value(entries, info, axis, file)


def _label(entries: dict[str, Entry], asked: str | None, inputs: set[str]) -> np.ndarray | None:
    """The sample's own label, without a batch of one."""
    names = [asked] if asked is not None else [name for name in LABELS if name not in inputs]
    entry = next((entries[name] for name in names if name in entries), None)
    if entry is None or entry.size_bytes > _MOST_BYTES or entry.dtype.kind == "S":
        return None
    value = read_whole(entry)
    return value[0] if value.ndim and value.shape[0] == 1 else value


def _interpreted(
    raw: list[np.ndarray | None],
    outputs: tuple[TensorInfo, ...],
    judged: label_rules.Labels | None,
    task: str,
) -> label_rules.Labels:
    """Labels only where every request has one of the same shape."""
    given = [one for one in raw if one is not None]
    if len(given) < len(raw) or len({one.shape for one in given}) > 1:
        return label_rules.unlabelled(len(raw))
    stacked = np.stack(given)
    if judged is not None:
        return label_rules.interpret_calibration(stacked, outputs, judged, task)
    return label_rules.interpret(stacked, outputs, task)


KINDS.add(
    Described(
        name="requests",
        label=text("Folder of requests (NPZ)"),
        help=text("One NPZ file for each sample, with an array named like each of the model's inputs."),
    ),
    Kind(lambda path, head: holds_requests(path), open_requests),
)
