"""Pictures whose labels stand in a table: a row for each picture, its file name in one column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.context import Context
from core.data import labels as label_rules
from core.data import sampling
from core.data.csv_format import CsvFormat, detect, is_missing, rows, to_number
from core.data.fit import class_count
from core.data.folder_scan import Listing, ignored
from core.data.kinds import KINDS, Kind
from core.data.picture_set import Part, one_picture_input, picture_set
from core.data.pictures import named_picture
from core.data.sampled import SampledDataSet
from core.data.table_columns import INDEX_NAMES, LABEL_NAMES
from core.data.table_rows import preview_rows
from core.errors import DataError
from core.values import DataSpec, Described, TensorInfo, Text, text

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
_TRIED_ROWS = 20
_FIRST_ROWS = 4
_FEW_TABLES = 20
_SEPARATORS = re.compile(r"[|;,\s]+")


@dataclass(frozen=True)
class Table:
    """A table that names pictures. root: the folder they lie in; ending: what their names there lack."""

    path: Path
    form: CsvFormat
    names: tuple[str, ...]
    column: int
    root: Path
    ending: str
    notes: tuple[Text, ...]


def find_table(path: Path) -> Table | None:
    """The table at a path, or in a folder, whose rows name pictures that are there."""
    if path.is_dir():
        try:
            inside = sorted(
                one
                for one in path.iterdir()
                if one.suffix.lower() in TABLE_SUFFIXES and not ignored(one.name)
            )
        except OSError:
            return None
        found = (_read_table(one) for one in inside[:_FEW_TABLES] if one.is_file())
        return next((table for table in found if table is not None), None)
    return _read_table(path)


def _may_be_table(path: Path) -> bool:
    return path.suffix.lower() in TABLE_SUFFIXES


def _read_table(path: Path) -> Table | None:
    try:
        form, notes = detect(path)
        names, sample = preview_rows(path, form)
    except (DataError, OSError, IndexError, UnicodeError):
        return None
    if len(names) < 2:
        return None
    sample = [cells for cells in sample[:_TRIED_ROWS] if len(cells) == len(names)]
    folders = _folders(path.parent)
    for column in range(min(len(names), 8)):
        cells = [cells[column].strip() for cells in sample]
        for root, ending in itertools.product(folders, ("", ".jpg", ".png", ".jpeg")):
            # a table of numbers is told after a few rows: each look costs much where the disk is far away
            if not any(named_picture(root, cell + ending) for cell in cells[:_FIRST_ROWS]):
                continue
            there = sum(named_picture(root, cell + ending) is not None for cell in cells)
            if there * 2 > len(cells):
                return Table(path, form, names, column, root, ending, tuple(notes))
    return None


def _folders(root: Path) -> list[Path]:
    """Where the pictures may lie: beside the table, or in a folder there."""
    try:
        inside = sorted(one for one in root.iterdir() if one.is_dir() and not ignored(one.name))
    except OSError:
        inside = []
    return [root, *inside[:_FEW_TABLES]]


def open_labelled_images(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Open pictures with a table of labels for a model with one picture input. Raises DataError."""
    one_picture_input(inputs)
    guessed: list[Text] = []
    parts: list[Part] = []
    for path in sampling.source_paths(spec):
        table = find_table(path)
        if table is None:
            raise DataError(
                text("No table in '{path}' names pictures that are there.", path=str(path)),
                text("One column holds the pictures' file names, relative to the table's folder."),
                text("Put the table beside the pictures, or choose a folder with a subfolder per class."),
            )
        listing, raw = _read(table, spec, outputs, guessed if not parts else [], context)
        if raw is None:
            labels = label_rules.unlabelled(len(listing.names))
        elif parts:
            labels = label_rules.interpret_calibration(raw, outputs, parts[0].labels, spec.task)
        else:
            labels = label_rules.interpret(raw, outputs, spec.task)
        strata = labels.values if labels.task == "classification" else None
        parts.append(Part(listing, labels, strata))
    guessed += parts[0].labels.guessed
    warnings = list(parts[0].labels.warnings)
    missing = int((~parts[0].labels.usable).sum())
    if missing:
        warnings.append(text("{count} samples have no label: left out.", count=missing))
    return picture_set("labelled images", spec, inputs, parts, guessed, warnings, context)


def _read(
    table: Table, spec: DataSpec, outputs: tuple[TensorInfo, ...], guessed: list[Text], context: Context
) -> tuple[Listing, np.ndarray | None]:
    """The pictures that the table names, and what stands in its columns of labels."""
    columns = _label_columns(table, spec, outputs)
    guessed += table.notes
    guessed.append(
        text(
            "Pictures: column '{column}' of '{table}'; labels: {labels}.",
            column=table.names[table.column][:100],
            table=table.path.name,
            labels=", ".join(table.names[place][:50] for place in columns[:5]) or "–",
        )
    )
    listing = Listing(table.root)
    cells: list[list[str]] = []
    for line, row in _rows(table):
        context.check()
        if len(row) != len(table.names):
            listing.skipped.append(
                text(
                    "Row {row}: {have} cells instead of {wanted}",
                    row=line,
                    have=len(row),
                    wanted=len(table.names),
                )
            )
            continue
        name = row[table.column].strip() + table.ending
        path = named_picture(table.root, name)
        if path is None:
            listing.skipped.append(text("Row {row}: there is no picture '{name}'", row=line, name=name[:100]))
            continue
        listing.names.append(path.relative_to(table.root).as_posix())
        listing.sizes.append(path.stat().st_size)
        cells.append([row[place].strip() for place in columns])
    return listing, _raw(cells, columns, table.form, spec.task)


def _rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    stream = rows(table.path, table.form.encoding, table.form.delimiter)
    if table.form.has_header:
        next(stream, None)
    return stream


def _label_columns(table: Table, spec: DataSpec, outputs: tuple[TensorInfo, ...]) -> list[int]:
    """The column that was asked for, one that is named like labels, or as many as the model's outputs."""
    others = [place for place in range(len(table.names)) if place != table.column]
    if spec.label_column is not None:
        if spec.label_column not in table.names:
            raise DataError(
                text("There is no column '{name}' for labels.", name=spec.label_column),
                text("The columns are: {names}.", names=", ".join(table.names[:20])[:500]),
                text("Choose one of them."),
            )
        return [table.names.index(spec.label_column)]
    others = [place for place in others if table.names[place].strip().lower() not in INDEX_NAMES]
    count = class_count(outputs)
    if count is not None and count > 1 and len(others) == count:
        return others
    named = [place for place in others if table.names[place].strip().lower() in LABEL_NAMES]
    return named[:1] or others[-1:]


def _raw(cells: list[list[str]], columns: list[int], form: CsvFormat, task: str) -> np.ndarray | None:
    """Numbers (n,) or (n, columns), text (n,), or for several labels in one cell 0 and 1 (n, labels)."""
    if not columns or not cells:
        return None
    numbers = [[to_number(cell, form.decimal_comma) for cell in row] for row in cells]
    if all(number is not None for row in numbers for number in row):
        made = np.array(numbers, dtype=np.float64)
        return made[:, 0] if len(columns) == 1 else made
    if len(columns) > 1:
        raise DataError(
            text("The columns of labels hold text."),
            text("Several columns of labels are a 0 or 1 for each, or numbers."),
            text("Choose the column of labels."),
        )
    words = ["" if is_missing(row[0]) else row[0] for row in cells]
    if task != "multilabel":
        return np.array(words)
    held = [{part for part in _SEPARATORS.split(word) if part} for word in words]
    names = sorted(set().union(*held))
    return np.array([[float(name in own) for name in names] for own in held])


KINDS.add(
    Described(
        name="labelled images",
        label=text("Pictures with a table of labels"),
        help=text("A CSV table that names a picture and its label in each row, beside the pictures."),
    ),
    Kind(
        lambda path, head: (path.is_dir() or _may_be_table(path)) and find_table(path) is not None,
        open_labelled_images,
    ),
)
