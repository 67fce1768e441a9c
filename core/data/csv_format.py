"""How a CSV file is written: encoding, delimiter, decimal comma, header. Detected, never asked first."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.values import Text, text

DELIMITERS = (",", ";", "\t", "|")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
_SAMPLE_ROWS = 200
_SAMPLE_CHARS = 4_000_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class CsvFormat:
    encoding: str
    delimiter: str
    decimal_comma: bool
    has_header: bool


def is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def to_number(cell: str, decimal_comma: bool) -> float | None:
    """The cell's number; NaN if it is missing, None if it is text."""
    try:
        # Python's own reading of '1_000' would hide a typing error
        if "_" not in cell:
            return float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        pass
    return math.nan if is_missing(cell) else None


def detect_encoding(path: Path) -> str:
    """The encoding by byte-order mark, zero bytes, or by which one reads the whole file without fault."""
    with path.open("rb") as file:
        head = file.read(4096)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head[1::2].count(0) > len(head) // 4:
            return "utf-16-le"
        if head[0::2].count(0) > len(head) // 4:
            return "utf-16-be"
        if _decodes(file, "utf-8"):
            return "utf-8"
        if _decodes(file, "gb18030") and _looks_chinese(file):
            return "gb18030"
    return "cp1252"


def _decodes(file: io.BufferedReader, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        while block := file.read(_BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _looks_chinese(file: io.BufferedReader) -> bool:
    """Whether most characters beyond ASCII are common Chinese ones (rows of GB 2312).

    Western accents make valid GBK now and then, but the trail byte is then an ASCII letter.
    """
    file.seek(0)
    data = file.read(_BLOCK_BYTES)
    pairs = common = 0
    position = 0
    while position < len(data) - 1:
        if data[position] < 0x80:
            position += 1
            continue
        pairs += 1
        common += 0xA1 <= data[position] <= 0xF7 and data[position + 1] >= 0xA1
        position += 2
    return common > pairs / 2


def rows(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number where the row begins, cells) for every row that is not blank.

    Raises DataError naming the row of an open quote or of bytes that are no text.
    """
    line = 1
    try:
        with path.open(newline="", encoding=encoding) as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            text("Row {row} of '{name}' cannot be read.", row=line, name=path.name),
            text("A quotation mark is opened there and not closed properly ({reason}).", reason=str(error)),
            text("Correct this row, or save the table again."),
        ) from error
    except UnicodeError as error:
        raise DataError(
            text("'{name}' holds bytes that are no text, after row {row}.", name=path.name, row=line),
            text("It was read as {encoding}.", encoding=encoding),
            text("Save the table as CSV in UTF-8."),
        ) from error


def detect(path: Path) -> tuple[CsvFormat, list[Text]]:
    """The file's format and what was guessed. Raises DataError if the file holds no rows."""
    encoding = detect_encoding(path)
    with path.open(newline="", encoding=encoding, errors="replace") as file:
        sample = file.read(_SAMPLE_CHARS)
    complete = len(sample) < _SAMPLE_CHARS
    best: tuple[float, str, bool, list[list[str]]] | None = None
    for delimiter in DELIMITERS:
        parsed = _sample_rows(sample, delimiter, complete)
        for decimal_comma in (False, True) if delimiter != "," else (False,):
            score = _score(parsed, decimal_comma)
            if best is None or score > best[0]:
                best = (score, delimiter, decimal_comma, parsed)
    assert best is not None
    _, delimiter, decimal_comma, parsed = best
    if not parsed:
        raise DataError(
            text("'{name}' holds no rows.", name=path.name),
            next_step=text("Choose a CSV table with one sample in each row."),
        )
    has_header = _has_header(parsed, decimal_comma)
    notes = [
        text(
            "Read as {encoding}, cells separated by {delimiter}.",
            encoding={"gb18030": "GBK", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}.get(
                encoding, encoding.upper()
            ),
            delimiter="'\\t'" if delimiter == "\t" else f"'{delimiter}'",
        )
    ]
    if decimal_comma:
        notes.append(text("Decimal comma: 1,5 is one and a half."))
    if has_header:
        notes.append(text("The first row names the columns."))
    else:
        notes.append(text("No row names the columns."))
    return CsvFormat(encoding, delimiter, decimal_comma, has_header), notes


def _sample_rows(sample: str, delimiter: str, complete: bool) -> list[list[str]]:
    parsed: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                parsed.append(cells)
            if len(parsed) > _SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    if not complete and 1 < len(parsed) <= _SAMPLE_ROWS:
        parsed.pop()  # cut off in the middle
    return parsed


def _score(parsed: list[list[str]], decimal_comma: bool) -> float:
    """How table-like: rows of one length, several columns, many cells that are numbers."""
    if not parsed:
        return -1
    lengths = Counter(len(cells) for cells in parsed)
    width, alike = lengths.most_common(1)[0]
    if width < 2:
        return 0
    body = [cells for cells in parsed[1:] if len(cells) == width] or parsed[:1]
    cells = [cell for row in body[:50] for cell in row[:200]]
    numbers = sum(to_number(cell, decimal_comma) is not None for cell in cells)
    # a comma only counts as decimal where it gains something
    return alike / len(parsed) + numbers / max(len(cells), 1) - (0.001 if decimal_comma else 0)


def _has_header(parsed: list[list[str]], decimal_comma: bool) -> bool:
    """Whether the first row names columns: it has text where the rows below have numbers."""
    first, body = parsed[0], parsed[1:]
    if not body:
        return all(to_number(cell, decimal_comma) is None for cell in first)
    width = Counter(len(cells) for cells in parsed).most_common(1)[0][0]
    body = [cells for cells in body if len(cells) == width]
    seen_number = False
    for column, cell in enumerate(first):
        below = [to_number(cells[column], decimal_comma) for cells in body if column < len(cells)]
        if not below or any(number is None for number in below):
            continue
        seen_number = True
        if to_number(cell, decimal_comma) is None:
            return True
    if [cell.strip() for cell in first] == [str(number) for number in range(len(first))]:
        return True  # pandas names columns 0, 1, 2 … by default
    # text only: names don't come again below
    return not seen_number and len(set(first)) == len(first) and not any(first == cells for cells in body)
