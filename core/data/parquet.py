"""Parquet tables: one sample in each row, types known, read group by group. Needs the extra 'parquet'."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.context import Context
from core.data.csv_format import CsvFormat
from core.data.kinds import KINDS, Kind
from core.data.sampled import SampledDataSet
from core.data.table import SHOWN_COLUMNS, SHOWN_ROWS, open_rows
from core.data.table_columns import Columns, choose_columns
from core.data.table_rows import MAX_LISTED, Rows
from core.errors import DataError
from core.values import DataSpec, Described, TensorInfo, Text, text

if TYPE_CHECKING:
    import pyarrow

MAGIC = b"PAR1"
MAX_BYTES = 8 << 30
"""Of the numbers that are kept; more would not fit beside the model."""
_SAMPLE_ROWS = 200
_BATCH_ROWS = 65_536
_INSTALL = "pip install secateur[parquet]"
_FORM = CsvFormat("utf-8", ",", False, True)


def open_parquet(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open a Parquet table for a model that takes numbers. Raises DataError."""
    return open_rows("parquet", _read, spec, inputs, outputs, context)


def _arrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            text("Parquet tables need the package pyarrow."),
            text("It is not installed: it comes with the extra 'parquet'."),
            text("Install it with: {command}. Or save the table as CSV.", command=_INSTALL),
        ) from error
    return pyarrow


def _read(
    path: Path,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    guessed: list[Text],
    context: Context,
) -> tuple[Rows, Columns, tuple[tuple[str, ...], ...]]:
    """As a CSV table is read; what stands in a file is told by its types, not guessed from its text."""
    arrow = _arrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = tuple(schema.names)
            sample = _first_rows(file, names)
            columns = choose_columns(names, sample, _FORM, spec.label_column, inputs, outputs, guessed)
            _check_columns(arrow, schema, columns, file.metadata.num_rows)
            guessed.append(
                text(
                    "Read as Parquet: {rows} rows, {columns} columns.",
                    rows=file.metadata.num_rows,
                    columns=len(names),
                )
            )
            shown = tuple(
                tuple(cell[:100] for cell in cells[:SHOWN_COLUMNS]) for cells in sample[:SHOWN_ROWS]
            )
            return _rows(file, columns, path, context), columns, shown
    except DataError:
        raise
    except (OSError, ValueError, KeyError, arrow.ArrowException) as error:
        raise DataError(
            text("'{path}' cannot be read.", path=str(path)),
            text("Reading it failed: {reason}.", reason=str(error)[:200] or type(error).__name__),
            text("Save the table again, or as CSV."),
        ) from error


def _first_rows(file: Any, names: tuple[str, ...]) -> list[list[str]]:
    batch = next(file.iter_batches(batch_size=_SAMPLE_ROWS), None)
    if batch is None:
        return []
    columns = [_as_text(batch.column(place)) for place in range(len(names))]
    return [list(cells) for cells in zip(*columns, strict=True)]


def _as_text(column: pyarrow.Array) -> list[str]:
    """Cells as text, '' where there is none."""
    return ["" if value is None else _cell(value) for value in column.to_pylist()]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return value[:200].decode("utf-8", "replace")
    return str(value)[:1000]


def _check_columns(arrow: Any, schema: Any, columns: Columns, rows: int) -> None:
    """Raise DataError for columns of inputs that are no numbers, or more than memory holds."""
    for name, place in zip(columns.features, columns.feature_positions, strict=True):
        kind = schema.field(place).type
        types = arrow.types
        known = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
        if not any(is_known(kind) for is_known in known):
            raise DataError(
                text(
                    "Column '{name}' holds {kind}, the model takes numbers.", name=name[:100], kind=str(kind)
                ),
                text("Every column but that of the labels is an input."),
                text("Choose the label column, or leave this column out of the table."),
            )
    if columns.label is not None and columns.label_position is not None:
        kind = schema.field(columns.label_position).type
        if arrow.types.is_nested(kind):
            raise DataError(
                text(
                    "Column '{name}' holds {kind}, which is no label.",
                    name=columns.label[:100],
                    kind=str(kind),
                ),
                text("A label is a number or a word."),
                text("Choose another label column."),
            )
    needed = rows * max(len(columns.features), 1) * 4
    if needed > MAX_BYTES:
        raise DataError(
            text("The table needs {size} GB of memory.", size=f"{needed / 1e9:.1f}"),
            text(
                "{rows} rows of {columns} numbers are more than Secateur keeps.",
                rows=rows,
                columns=len(columns.features),
            ),
            text("Save a part of the rows: a few thousand are enough."),
        )


def _rows(file: Any, columns: Columns, path: Path, context: Context) -> Rows:
    """All rows with a number in every input column."""
    blocks: list[np.ndarray] = []
    labels: list[str] | None = None if columns.label is None else []
    skipped: list[Text] = []
    skipped_count = done = 0
    total = file.metadata.num_rows
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        context.report(text("Reading the table"), done, total)
        block = np.empty((batch.num_rows, len(columns.features)), dtype=np.float32)
        for place, position in enumerate(columns.feature_positions):
            block[:, place] = _numbers(batch.column(position))
        good: np.ndarray = np.asarray(np.isfinite(block).all(axis=1))
        for row in np.flatnonzero(~good).tolist():
            skipped_count += 1
            if len(skipped) < MAX_LISTED:
                name = columns.features[int(np.flatnonzero(~np.isfinite(block[row]))[0])]
                line = done + row + 1
                skipped.append(text("Row {row}, column '{column}': no value", row=line, column=name[:100]))
        blocks.append(block[good])
        if labels is not None and columns.label_position is not None:
            cells = _as_text(batch.column(columns.label_position))
            labels += [cell for cell, kept in zip(cells, good.tolist(), strict=True) if kept]
        done += batch.num_rows
    kept_rows = sum(len(block) for block in blocks)
    if kept_rows <= skipped_count:
        raise DataError(
            text("Most rows of '{name}' cannot be used.", name=path.name),
            skipped[0] if skipped else text("It holds no rows below the columns' names."),
            text("Correct the table: the same columns in each row, numbers in the input columns."),
        )
    return Rows(_FORM, np.concatenate(blocks), labels, skipped, skipped_count)


def _numbers(column: pyarrow.Array) -> np.ndarray:
    """float32 (n,), NaN where there is no value."""
    if not column.null_count and not str(column.type).startswith(("decimal", "bool")):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)
    values = [math.nan if value is None else float(value) for value in column.to_pylist()]
    return np.array(values, dtype=np.float32)


KINDS.add(
    Described(
        name="parquet",
        label=text("Table (Parquet)"),
        help=text("One sample in each row: numbers, and a label column if there is one."),
    ),
    Kind(lambda path, head: head.startswith(MAGIC), open_parquet),
)
