"""What the command line prints and writes."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.console import describe, human_bytes
from core.errors import ExportError
from core.files import write_whole
from core.values import Outcome, text


def print_json(document: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_outcome(name: str, outcome: Outcome) -> None:
    parts = [describe(measurement) for measurement in outcome.measurements]
    parts.append(f"{human_bytes(outcome.size_bytes)} ({human_bytes(outcome.zipped_bytes)} zipped)")
    if outcome.latency is not None:
        latency = outcome.latency
        parts.append(f"{latency.median_ms:.3f} ms a sample ({latency.threads} threads)")
    print(f"{name}: " + ", ".join(parts))


def shape_text(shape: tuple[int | str | None, ...] | None) -> str:
    return "unknown" if shape is None else "(" + ", ".join("?" if d is None else str(d) for d in shape) + ")"


def write(path: Path, content: bytes) -> None:
    """Write a result file whole or not at all. Raises ExportError."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise ExportError(
            text("'{path}' could not be written.", path=str(path)),
            text("{reason}", reason=error.strerror or str(error)),
            text("Choose another place."),
        ) from error
