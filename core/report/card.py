"""The card that a compressed model carries, made from what is known when it is exported."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec

from core import __version__
from core.graph.labels import clean
from core.graph.opened import OpenedModel
from core.values import DataInfo, ModelCard, Result


def card_of(result: Result, opened: OpenedModel, data: DataInfo | None) -> ModelCard:
    """What was done, when, from which file, with which settings; names without their folders."""
    before, after = result.before.primary, result.after.primary
    judged = after is not None and data is not None
    return ModelCard(
        version=__version__,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        source=opened.info.name,
        source_sha256=opened.info.sha256,
        source_bytes=opened.info.size_bytes,
        plan=msgspec.json.encode(result.plan).decode(),
        data=clean(Path(data.spec.path).name) if judged and data is not None else "",
        data_sha256=data.sha256 if judged and data is not None else "",
        metric=after.metric if after is not None else "",
        unit=after.unit if after is not None else "",
        samples=after.count if after is not None else 0,
        before=before.value if before is not None else None,
        after=after.value if after is not None else None,
        after_low=after.low if after is not None else None,
        after_high=after.high if after is not None else None,
    )
