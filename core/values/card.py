"""What a compressed model says of itself: entries in the metadata of the ONNX file."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.values.base import Value

PREFIX = "secateur."
"""Of the keys; each field is an entry of its own, so that any viewer of metadata shows them readably."""

LONGEST = 100_000
"""Characters of an entry that are looked at: a file may come from anywhere."""


class ModelCard(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What was done, when, with which settings, and from which file."""

    version: str
    """Of Secateur."""
    made: str
    """Date and time of the export, ISO 8601, UTC."""
    source: str
    """Name of the original file, without its folder."""
    source_sha256: str
    source_bytes: int = 0
    plan: str = ""
    """The plan as JSON, as `secateur compress --plan` reads it."""
    data: str = ""
    """Name of the samples that it was judged on, without their folder; empty: it was not."""
    data_sha256: str = ""
    metric: str = ""
    unit: str = ""
    samples: int = 0
    """How many samples judged it."""
    before: float | None = None
    """The original's figure of `metric`."""
    after: float | None = None
    after_low: float | None = None
    """Lower end of the 95 % interval of `after`."""
    after_high: float | None = None

    def entries(self) -> dict[str, str]:
        """Key and value of each field that says something, for `metadata_props`."""
        fields = msgspec.to_builtins(self)
        return {PREFIX + name: _written(value) for name, value in fields.items()}


def card_in(entries: Mapping[str, str]) -> ModelCard | None:
    """The card among a file's metadata; None if there is none, or none that can be understood."""
    found = {
        key.removeprefix(PREFIX): value[:LONGEST]
        for key, value in entries.items()
        if key.startswith(PREFIX) and isinstance(value, str)
    }
    if not found:
        return None
    try:
        # not strict: everything in the metadata is text, the numbers too
        return msgspec.convert(found, ModelCard, strict=False)
    except msgspec.ValidationError:
        return None


def _written(value: str | int | float) -> str:
    return format(value, ".6g") if isinstance(value, float) else str(value)
