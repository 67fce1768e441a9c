"""Which arrays of a file fill which inputs, and which one holds the labels: by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.data.npy_header import Entry, read_entries
from core.errors import DataError
from core.values import DataSpec, TensorInfo, Text, text

_DATA_NAMES = ("x", "images", "image", "data", "inputs", "input", "features", "samples", "arr_0")
_LABEL_NAMES = ("y", "labels", "label", "targets", "target", "classes", "class", "arr_1")
_TRAIN = "_train"
_TEST = ("_test", "_val", "_valid")


@dataclass(frozen=True)
class ArraySet:
    """The array for each input, by the input's name, and that of the labels."""

    by_input: dict[str, Entry]
    labels: Entry | None

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (*self.by_input.values(), *(() if self.labels is None else (self.labels,)))


def find_sets(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], guessed: list[Text]
) -> tuple[ArraySet, ArraySet | None]:
    """The arrays to judge on, and those to calibrate on if they are others. Raises DataError."""
    entries = _entries(spec.path)
    if spec.calibration_path is not None and not _same(spec.path, spec.calibration_path):
        own = _entries(spec.calibration_path)
        return _match(_part(entries, _TEST), inputs, guessed, spec), _match(
            _part(own, (_TRAIN,)), inputs, guessed, spec
        )
    train, test = _part(entries, (_TRAIN,)), _part(entries, _TEST)
    if train is not entries and test is not entries:
        guessed.append(text("Calibrated on the arrays '…_train', judged on '…_test': from their names."))
        return _match(test, inputs, guessed, spec), _match(train, inputs, guessed, spec)
    return _match(entries, inputs, guessed, spec), None


def _same(first: str, second: str) -> bool:
    return Path(first).resolve() == Path(second).resolve()


def _entries(path: str) -> dict[str, Entry]:
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(
            text("'{path}' cannot be read.", path=path),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        ) from error
    return {entry.name: entry for entry in read_entries(Path(path), head)}


def _part(entries: dict[str, Entry], endings: tuple[str, ...]) -> dict[str, Entry]:
    """The arrays with such an ending, named without it; all of them if there are none."""
    for ending in endings:
        part = {
            name[: -len(ending)]: entry for name, entry in entries.items() if name.lower().endswith(ending)
        }
        if part:
            return part
    return entries


def _named(entries: dict[str, Entry], names: tuple[str, ...]) -> str | None:
    lower = {name.lower(): name for name in entries}
    return next((lower[name] for name in names if name in lower), None)


def _match(
    entries: dict[str, Entry], inputs: tuple[TensorInfo, ...], guessed: list[Text], spec: DataSpec
) -> ArraySet:
    label_name = spec.label_column if spec.label_column in entries else _named(entries, _LABEL_NAMES)
    if spec.label_column and spec.label_column not in entries:
        raise _unmatched(entries, text("There is no array '{name}' for labels.", name=spec.label_column))
    input_names = [info.name for info in inputs]
    if all(name in entries for name in input_names):
        label_name = None if label_name in input_names else label_name
        labels = entries[label_name] if label_name is not None else None
        return ArraySet({name: entries[name] for name in input_names}, labels)
    if len(inputs) > 1:
        missing = next(name for name in input_names if name not in entries)
        raise _unmatched(entries, text("There is no array for the model's input '{name}'.", name=missing))
    others = [name for name in entries if name != label_name]
    name = _named({one: entries[one] for one in others}, _DATA_NAMES)
    if name is None and len(others) == 1:
        name = others[0]
    if name is None:
        raise _unmatched(entries, text("It is not clear which array holds the samples."))
    if len(entries) > 1:
        guessed.append(
            text("Samples: the array '{name}'; labels: {labels}.", name=name, labels=label_name or "–")
        )
    return ArraySet({input_names[0]: entries[name]}, entries[label_name] if label_name else None)


def _unmatched(entries: dict[str, Entry], what: Text) -> DataError:
    names = ", ".join(f"'{name}'" for name in list(entries)[:10])
    return DataError(
        what,
        text("The file holds: {names}.", names=names or "–"),
        text("Name the arrays 'x' and 'y', or like the model's inputs."),
    )
