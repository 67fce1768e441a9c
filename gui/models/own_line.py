"""A line of a table that somebody pasted, as the values of a row."""

from __future__ import annotations

import csv

from core.values import OwnForm
from gui.i18n import tr

DELIMITERS = ("\t", ";", ",", "|", " ")


class LineError(Exception):
    """The line fits no row; the message is a sentence for the person."""


def cells_of(pasted: str, form: OwnForm) -> tuple[str, ...]:
    """The value of each field in a pasted line: with all columns of the table, or with the inputs alone.

    A line above it may name the columns, in whatever order. Raises LineError.
    """
    lines = [line for line in pasted.splitlines() if line.strip()]
    if not lines:
        return ()
    known = set(form.columns)
    for delimiter in dict.fromkeys((form.delimiter, *DELIMITERS)):
        if delimiter == "," and form.decimal_comma:
            continue  # 1,5 is one cell
        parsed = [_split(line, delimiter) for line in lines[:2]]
        named = parsed[0] if len(parsed) == 2 and len(known & set(parsed[0])) > len(known) // 2 else None
        cells = parsed[1] if named is not None else parsed[0]
        found = _by_name(named, cells, form) if named is not None else _by_place(cells, form)
        if found is not None:
            return found
    raise LineError(
        tr("This line has no {inputs} values, as the inputs are, and no {all} as the table has.").format(
            inputs=len(form.fields), all=len(form.columns)
        )
        if len(form.columns) != len(form.fields)
        else tr("This line has no {inputs} values, as the inputs are.").format(inputs=len(form.fields))
    )


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return []


def _by_name(names: list[str], cells: list[str], form: OwnForm) -> tuple[str, ...] | None:
    by_name = dict(zip(names, cells, strict=False))
    wanted = [field.name for field in form.fields]
    return tuple(by_name[name] for name in wanted) if all(name in by_name for name in wanted) else None


def _by_place(cells: list[str], form: OwnForm) -> tuple[str, ...] | None:
    if len(cells) == len(form.columns):
        return tuple(cells[place] for place in form.places)
    if len(cells) != len(form.fields):
        return None
    # without the other columns the inputs still stand in the table's order
    ranks = sorted(range(len(form.places)), key=form.places.__getitem__)
    ordered = [""] * len(cells)
    for cell, field in zip(cells, ranks, strict=True):
        ordered[field] = cell
    return tuple(ordered)
