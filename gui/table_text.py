"""Tables as CSV text, for the clipboard and for files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Value = str | int | float | None
"""What a cell of a table may hold; None stays empty."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(rows: Iterable[Sequence[Value]]) -> str:
    """The rows as CSV (RFC 4180): commas, quotes where needed, numbers with a point whatever the language.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: names come from files.
    Numbers stay numbers, negative ones too.
    Source: OWASP, "CSV Injection".
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return stream.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, int):
        return str(value)
    # blanks before the sign do not keep every spreadsheet from reading on
    return "'" + value if value.lstrip(" ").startswith(_FORMULA) else value
