"""Which column of a table is the label and which are the model's inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.data.csv_format import CsvFormat, is_missing, to_number
from core.data.fit import class_count, show_shape
from core.errors import DataError
from core.values import TensorInfo, Text, text

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "target", "targets", "y"),
    *("species", "category", "outcome", "output", "标签", "类别", "类", "目标"),
)
INDEX_NAMES = ("", "id", "index", "no", "nr", "row", "unnamed: 0", "序号", "编号")


@dataclass(frozen=True)
class Columns:
    """features: names in the order in which the model gets them; positions of all in the table."""

    names: tuple[str, ...]
    features: tuple[str, ...]
    feature_positions: tuple[int, ...]
    label: str | None
    label_position: int | None


def choose_columns(
    names: tuple[str, ...],
    sample: list[list[str]],
    form: CsvFormat,
    wanted_label: str | None,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    guessed: list[Text],
) -> Columns:
    """Decide by name, by the model's number of inputs, and by the first rows.

    Raises DataError, showing both, if the numbers of columns and inputs don't agree.
    """
    wanted = _wanted_count(inputs)
    label = _label(names, sample, form, wanted_label, wanted, outputs, guessed)
    features = [place for place in range(len(names)) if place != label]
    if len(inputs) > 1:
        features = _by_name(names, inputs)
    elif wanted is not None and len(features) == wanted + 1:
        for place in features:
            if names[place].strip().lower() in INDEX_NAMES:
                features.remove(place)
                guessed.append(text("Column '{name}' only numbers the rows: left out.", name=names[place]))
                break
    if len(inputs) == 1 and wanted is not None and len(features) > wanted:
        numbers = [place for place in features if _holds_numbers(sample, place, form)]
        if len(numbers) == wanted:
            for place in features:
                if place not in numbers:
                    guessed.append(
                        text("Column '{name}' holds no numbers: left out.", name=names[place][:100])
                    )
            features = numbers
    if wanted is not None and len(features) != wanted:
        raise DataError(
            text(
                "The table has {columns} columns of inputs, the model takes {wanted} ({shape}).",
                columns=len(features),
                wanted=wanted,
                shape=show_shape(inputs[0].shape),
            ),
            _label_sentence(names, label),
            text("Choose another label column, or the table this model was trained for."),
        )
    return Columns(
        names=names,
        features=tuple(names[place] for place in features),
        feature_positions=tuple(features),
        label=None if label is None else names[label],
        label_position=label,
    )


def _holds_numbers(sample: list[list[str]], column: int, form: CsvFormat) -> bool:
    """Whether the first values are numbers or missing, but not all missing: dates and notes are not."""
    cells = [cells[column] for cells in sample if column < len(cells)]
    known = [to_number(cell, form.decimal_comma) for cell in cells if not is_missing(cell)]
    return bool(known) and all(number is not None for number in known)


def _label_sentence(names: tuple[str, ...], label: int | None) -> Text:
    if label is None:
        return text("No column was taken as the label.")
    return text("Column '{name}' was taken as the label.", name=names[label][:100])


def _wanted_count(inputs: tuple[TensorInfo, ...]) -> int | None:
    """How many numbers a sample of the only input has; None if open."""
    if len(inputs) > 1:
        return len(inputs)
    shape = inputs[0].shape
    if shape is None or not all(isinstance(size, int) for size in shape[1:]):
        return None
    return math.prod(size for size in shape[1:] if isinstance(size, int))


def _by_name(names: tuple[str, ...], inputs: tuple[TensorInfo, ...]) -> list[int]:
    missing = next((info.name for info in inputs if info.name not in names), None)
    if missing is not None:
        raise DataError(
            text("There is no column for the model's input '{name}'.", name=missing),
            text("A model of several inputs takes the column of each one's name."),
            text("Name the columns like the model's inputs, or choose an NPZ file."),
        )
    return [names.index(info.name) for info in inputs]


def _label(
    names: tuple[str, ...],
    sample: list[list[str]],
    form: CsvFormat,
    wanted_label: str | None,
    wanted: int | None,
    outputs: tuple[TensorInfo, ...],
    guessed: list[Text],
) -> int | None:
    """The label column's position, or None for a table without labels."""
    if wanted_label is not None:
        if wanted_label not in names:
            raise DataError(
                text("There is no column '{name}' for labels.", name=wanted_label),
                text("The columns are: {names}.", names=", ".join(names[:20])[:500]),
                text("Choose one of them."),
            )
        return names.index(wanted_label)
    if wanted == len(names):
        guessed.append(text("No label column: the model takes all {count} columns.", count=wanted))
        return None
    if len(names) < 2:
        return None
    lower = [name.strip().lower() for name in names]
    for name in LABEL_NAMES:
        if form.has_header and name in lower:
            place = lower.index(name)
            guessed.append(text("Labels: column '{name}', from its name.", name=names[place]))
            return place
    last = len(names) - 1
    classes = class_count(outputs)
    place = last
    if (
        classes is not None
        and classes > 1
        and not _can_be_classes(sample, last, classes, form)
        and _can_be_classes(sample, 0, classes, form)
    ):
        place = 0
    where = text("Labels: column '{name}', the last.", name=names[last])
    first = text("Labels: column '{name}', the first: it holds as many classes.", name=names[0])
    guessed.append(where if place == last else first)
    return place


def _can_be_classes(sample: list[list[str]], column: int, classes: int, form: CsvFormat) -> bool:
    """Whether a column's first values are 2 to `classes` different texts or whole numbers."""
    cells = {
        cells[column].strip() for cells in sample if column < len(cells) and not is_missing(cells[column])
    }
    if not 2 <= len(cells) <= classes:
        return False
    numbers = [to_number(cell, form.decimal_comma) for cell in cells]
    return all(number is None or number == round(number) for number in numbers)
