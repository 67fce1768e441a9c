"""CSV tables: one sample in each row, numbers in the columns, perhaps one column of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from core.context import Context
from core.data import labels as label_rules
from core.data import sampling
from core.data.array_convert import Conversion, plan_conversion
from core.data.csv_format import detect, is_missing, to_number
from core.data.fit import batch_axis
from core.data.kinds import KINDS, Kind
from core.data.own_form import row_form
from core.data.sampled import SampledDataSet
from core.data.table_columns import Columns, choose_columns
from core.data.table_rows import Rows, preview_rows, read_rows
from core.errors import DataError
from core.values import DataInfo, DataSpec, Described, Preprocess, TensorInfo, Text, text

MAX_LISTED = 100
SHOWN_ROWS = 8
SHOWN_COLUMNS = 50


class TableSource:
    """Serves rows. features: float32 (n, columns); labels: of every row, or None."""

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray | None,
        conversions: list[tuple[str, slice, Conversion]],
    ) -> None:
        self.labels = labels
        self._features = features
        self._conversions = conversions

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        chosen = self._features[indices]
        return {name: conversion.apply(chosen[:, part]) for name, part, conversion in self._conversions}


Read = Callable[
    [Path, DataSpec, tuple[TensorInfo, ...], tuple[TensorInfo, ...], list[Text], Context],
    tuple[Rows, Columns, tuple[tuple[str, ...], ...]],
]
"""Reads a table: all its rows, which columns are what, the first rows as text. Adds what it guessed."""


def open_table(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open a CSV table for a model that takes numbers. Raises DataError naming column and row."""
    return open_rows("table", _read, spec, inputs, outputs, context)


def open_rows(
    kind: str,
    read_table: Read,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    context: Context,
) -> SampledDataSet:
    """The data set of a table that `read_table` reads. Raises DataError naming column and row."""
    for info in inputs:
        if batch_axis(info, inputs) != 0:
            raise DataError(
                text("The model's input '{name}' can't be filled from a table.", name=info.name),
                text("It has no dimension for the samples, or not as its first."),
                text("Choose an NPZ file with an array for each input."),
            )
    guessed: list[Text] = []
    warnings: list[Text] = []
    path = Path(spec.path)
    judge_rows, columns, shown = read_table(path, spec, inputs, outputs, guessed, context)
    own = spec.calibration_path
    apart = own is not None and Path(own).resolve() != path.resolve()
    read = [judge_rows]
    if apart and own is not None:
        calibration_rows, other, _ = read_table(Path(own), spec, inputs, outputs, [], context)
        if other.features != columns.features:
            raise DataError(
                text("The calibration table has other columns than the one to judge on."),
                text(
                    "{first} against {second} columns of numbers, or other names.",
                    first=len(other.features),
                    second=len(columns.features),
                ),
                text("Choose tables with the same columns."),
            )
        read.append(calibration_rows)
    parts = conversions(columns.features, inputs, spec.preprocess)
    for _, _, conversion in parts:
        guessed += conversion.guessed
    sources: list[TableSource] = []
    labels: list[label_rules.Labels] = []
    for one in read:
        label = _labels(one, outputs, columns, labels[0] if labels else None, spec.task)
        labels.append(label)
        sources.append(TableSource(one.features, label.values, parts))
    keys = [sampling.row_keys(len(one.features)) for one in read]
    strata = [label.values if label.task == "classification" else None for label in labels]
    if apart:
        judge = sampling.select_one(keys[0], strata[0], spec.judge_count, spec.seed, labels[0].usable)
        calibration = sampling.select_one(
            keys[1], strata[1], spec.calibration_count, spec.seed, labels[1].usable
        )
    else:
        chosen = sampling.select(
            keys[0], strata[0], spec.calibration_count, spec.judge_count, spec.seed, labels[0].usable
        )
        judge, calibration = chosen.judge, chosen.calibration
    missing = sum(int((~label.usable).sum()) for label in labels)
    if not len(judge):
        raise DataError(
            text("'{name}' holds no rows to judge on.", name=path.name),
            text(
                "{missing} rows have no label in column '{column}'.",
                missing=missing,
                column=columns.label or "",
            ),
            text("Choose another label column or table."),
        )
    guessed += labels[0].guessed
    warnings += labels[0].warnings
    if missing:
        warnings.append(
            text(
                "{count} rows have no label in column '{column}': left out.",
                count=missing,
                column=columns.label or "",
            )
        )
    skipped = [reason for one in read for reason in one.skipped]
    skipped_count = missing + sum(one.skipped_count for one in read)
    paths = [path] if not apart or own is None else [path, Path(own)]
    data = DataInfo(
        spec=msgspec.structs.replace(spec, kind=kind, label_column=columns.label),
        sha256=sampling.combined_sha256([sampling.file_sha256(one) for one in paths]),
        kind=kind,
        task=labels[0].task,
        sample_count=sum(len(one.features) for one in read),
        calibration_count=len(calibration),
        judge_count=len(judge),
        class_names=labels[0].class_names,
        columns=columns.names[:SHOWN_COLUMNS],
        label_column=columns.label,
        preview_rows=shown,
        guessed=tuple(guessed),
        warnings=tuple(warnings),
        skipped=tuple(skipped[:MAX_LISTED]),
        skipped_count=skipped_count,
        own=row_form(columns, judge_rows.features, judge_rows.form),
    )
    return SampledDataSet(data, (sources[0], judge), (sources[-1], calibration))


def _read(
    path: Path,
    spec: DataSpec,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    guessed: list[Text],
    context: Context,
) -> tuple[Rows, Columns, tuple[tuple[str, ...], ...]]:
    """All rows of a table, which columns are what, and the first rows as text."""
    try:
        form, notes = detect(path)
        guessed += notes
        names, sample = preview_rows(path, form)
        columns = choose_columns(names, sample, form, spec.label_column, inputs, outputs, guessed)
        shown = tuple(tuple(cell[:100] for cell in cells[:SHOWN_COLUMNS]) for cells in sample[:SHOWN_ROWS])
        return read_rows(path, form, columns, context), columns, shown
    except OSError as error:
        raise DataError(
            text("'{path}' cannot be read.", path=str(path)),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        ) from error


def _labels(
    rows: Rows,
    outputs: tuple[TensorInfo, ...],
    columns: Columns,
    judged: label_rules.Labels | None,
    task: str,
) -> label_rules.Labels:
    """judged: the judging table's labels where this table only calibrates."""
    if rows.labels is None:
        return label_rules.unlabelled(len(rows.features))
    numbers = [to_number(cell, rows.form.decimal_comma) for cell in rows.labels]
    if all(number is not None for number in numbers):
        raw = np.array(numbers, dtype=np.float64)
        present = np.isfinite(raw)
    else:
        raw = np.array(["" if is_missing(cell) else cell.strip() for cell in rows.labels])
        present = raw != ""
    if not present.any() and judged is None:
        raise DataError(
            text("The label column '{column}' is empty.", column=columns.label or ""),
            next_step=text("Choose another label column."),
        )
    if judged is not None:
        return label_rules.interpret_calibration(raw, outputs, judged, task)
    return label_rules.interpret(raw, outputs, task)


def conversions(
    features: tuple[str, ...], inputs: tuple[TensorInfo, ...], preprocess: Preprocess | None
) -> list[tuple[str, slice, Conversion]]:
    """How columns become inputs: all of them the only one, or each the input of its name.

    Raises DataError if they cannot.
    """
    dtype = np.dtype(np.float32)
    made = []
    for place, info in enumerate(inputs):
        part = slice(None) if len(inputs) == 1 else slice(place, place + 1)
        width = len(features) if len(inputs) == 1 else 1
        wanted = None if info.shape is None else info.shape[1:]
        if wanted == ():
            raise DataError(
                text("The model's input '{name}' can't be filled from a table.", name=info.name),
                text("It takes a single number for each sample, without a dimension for columns."),
                text("Choose an NPZ file with an array for each input."),
            )
        name = ", ".join(features[:3])
        made.append((info.name, part, plan_conversion(name, (width,), dtype, info, wanted, preprocess)))
    return made


def _is_text(path: Path, head: bytes) -> bool:
    """Whether the beginning looks like text in a known encoding."""
    if path.is_dir() or not head.strip():
        return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        pairs = max(len(head) // 2, 1)
        zeros = max(head[0::2].count(0), head[1::2].count(0))
        return zeros > pairs // 2 or head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)


KINDS.add(
    Described(
        name="table",
        label=text("Table (CSV)"),
        help=text("One sample in each row: numbers, and a label column if there is one."),
    ),
    Kind(_is_text, open_table),
)
