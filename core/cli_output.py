"""What the command line prints and writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from core.console import describe, human_bytes
from core.errors import ExportError
from core.files import write_whole
from core.values import ModelCard, Outcome, RunPoint, Value, text


def print_json(document: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_outcome(name: str, outcome: Outcome) -> None:
    parts = [describe(measurement) for measurement in outcome.measurements]
    parts.append(f"{human_bytes(outcome.size_bytes)} ({human_bytes(outcome.zipped_bytes)} zipped)")
    if outcome.latency is not None:
        latency = outcome.latency
        parts.append(f"{latency.median_ms:.3f} ms a sample ({latency.threads} threads)")
    print(f"{name}: " + ", ".join(parts))


def card_lines(card: ModelCard | None) -> list[str]:
    """What a compressed model says of itself; [] for any other."""
    if card is None:
        return []
    lines = [
        f"compressed by Secateur {card.version} on {card.made} from {card.source}, "
        f"SHA-256 {card.source_sha256}, {human_bytes(card.source_bytes)}"
    ]
    if card.before is not None and card.after is not None:
        unit = f" {card.unit}".rstrip()
        known = card.after_low is not None and card.after_high is not None
        interval = f" [{card.after_low:.2f}, {card.after_high:.2f}]" if known else ""
        lines.append(
            f"{card.metric} then: {card.before:.2f}{unit} before, {card.after:.2f}{unit}{interval} after, "
            f"on {card.samples:,} samples of {card.data}"
        )
    if card.plan:
        lines.append(f"plan: {card.plan}")
    return lines


def points_into(points: list[RunPoint]) -> Callable[[Value], None]:
    """What keeps the points of a run, for its report."""

    def keep(value: Value) -> None:
        if isinstance(value, RunPoint):
            points.append(value)

    return keep


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
