"""Read a table's rows: numbers of the input columns, text of the label column."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.context import Context
from core.data.csv_format import CsvFormat, rows, to_number
from core.data.table_columns import Columns
from core.errors import DataError
from core.values import Text, text

MAX_LISTED = 100
_SAMPLE_ROWS = 200
_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True)
class Rows:
    """features: float32 (n, input columns); labels: text of each row, or None; skipped: with reasons."""

    form: CsvFormat
    features: np.ndarray
    labels: list[str] | None
    skipped: list[Text]
    skipped_count: int


def preview_rows(path: Path, form: CsvFormat) -> tuple[tuple[str, ...], list[list[str]]]:
    """The columns' names ('column 1' … without a header; double ones numbered) and the first rows."""
    found = [
        cells for _, cells in itertools.islice(rows(path, form.encoding, form.delimiter), _SAMPLE_ROWS + 1)
    ]
    width = Counter(len(cells) for cells in found).most_common(1)[0][0]
    if not form.has_header:
        return tuple(f"column {place + 1}" for place in range(width)), found[:_SAMPLE_ROWS]
    names: list[str] = []
    seen: Counter[str] = Counter()
    for cell in found[0]:
        name = cell.strip()
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names), found[1:]


def read_rows(path: Path, form: CsvFormat, columns: Columns, context: Context) -> Rows:
    """All rows that have a number in every input column; the others are listed by row.

    Raises DataError naming the first row if most rows can't be used.
    """
    width = len(columns.names)
    chunk_rows = max(_CHUNK_CELLS // max(width, 1), 1)
    blocks: list[np.ndarray] = []
    labels: list[str] | None = None if columns.label_position is None else []
    numbers: list[list[float]] = []
    skipped: list[Text] = []
    skipped_count = kept = 0
    stream = rows(path, form.encoding, form.delimiter)
    if form.has_header:
        next(stream)
    for line, cells in stream:
        values = _numbers(cells, form, columns) if len(cells) == width else None
        if values is None:
            skipped_count += 1
            if len(skipped) < MAX_LISTED:
                skipped.append(_reason(line, cells, form, columns))
            continue
        numbers.append(values)
        kept += 1
        if labels is not None and columns.label_position is not None:
            labels.append(cells[columns.label_position])
        if len(numbers) >= chunk_rows:
            blocks.append(np.array(numbers, dtype=np.float32))
            numbers = []
            context.report(text("Reading the table"), kept)
    blocks.append(np.array(numbers, dtype=np.float32).reshape(len(numbers), len(columns.features)))
    if kept <= skipped_count:
        raise DataError(
            text("Most rows of '{name}' cannot be used.", name=path.name),
            skipped[0] if skipped else text("It holds no rows below the columns' names."),
            text("Correct the table: the same columns in each row, numbers in the input columns."),
        )
    return Rows(form, np.concatenate(blocks), labels, skipped, skipped_count)


def _numbers(cells: list[str], form: CsvFormat, columns: Columns) -> list[float] | None:
    """The row's inputs, or None if one is missing or text."""
    try:
        if form.decimal_comma:
            values = [float(cells[place].replace(",", ".")) for place in columns.feature_positions]
        else:
            values = [float(cells[place]) for place in columns.feature_positions]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def _reason(line: int, cells: list[str], form: CsvFormat, columns: Columns) -> Text:
    if len(cells) != len(columns.names):
        return text(
            "Row {row}: {have} cells instead of {wanted}",
            row=line,
            have=len(cells),
            wanted=len(columns.names),
        )
    for name, place in zip(columns.features, columns.feature_positions, strict=True):
        number = to_number(cells[place], form.decimal_comma)
        if number is None:
            return text(
                "Row {row}, column '{column}': '{value}' is not a number",
                row=line,
                column=name[:100],
                value=cells[place][:50],
            )
        if not math.isfinite(number):
            return text("Row {row}, column '{column}': no value", row=line, column=name[:100])
    return text("Row {row}: cannot be read as numbers", row=line)
