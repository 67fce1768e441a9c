"""Names and small texts of a ZIP archive, read within limits."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from core.errors import OpenError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import text

ZIP = b"PK\x03\x04"
_MOST_ENTRIES = 200_000
_TEXT_LIMIT_BYTES = 256 << 20


def names(path: Path, head: bytes) -> tuple[str, ...]:
    """Names of the entries; () if the file is no ZIP archive, is damaged or has too many."""
    if not head.startswith(ZIP):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return ()
    return tuple(entries) if len(entries) <= _MOST_ENTRIES else ()


def read_json(path: Path, ending: str) -> Any:
    """The JSON of the first entry whose name ends so. Raises OpenError if it is damaged or too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next(one for one in archive.infolist() if one.filename.endswith(ending))
            if entry.file_size > _TEXT_LIMIT_BYTES:
                raise ValueError(f"{ending} is too large")
            with archive.open(entry) as file:
                return json.loads(file.read(_TEXT_LIMIT_BYTES))
    except Exception as error:  # an archive can be wrong in any way
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception | str) -> OpenError:
    return OpenError(
        text("The file '{name}' is damaged.", name=shown(path)),
        text("It cannot be read: {reason}", reason=clean(str(error) or type(error).__name__, 200)),
        text("Download or copy it again, or save the model once more."),
    )
