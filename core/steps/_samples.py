"""The calibration samples of a step: most to fit to, up to a quarter to choose by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.data.dataset import DataSet
from core.evaluate.batching import batch_of
from core.methods._pieces import Feeds, part, samples_in
from core.methods.prune_channels import Batches

HELD_OUT = 64
"""Samples that choose and are not fitted to; at most a quarter of all."""
MOST = 1024
"""Samples that are looked at: what a step works out hardly changes beyond them, its time does."""


@dataclass(frozen=True)
class Split:
    fit: Batches | None
    """Starts the samples anew; None where there are too few."""
    held_out: Sequence[Feeds]


def split(data: DataSet | None) -> Split:
    """No sample is in both parts. Without at least two samples there is nothing to fit to."""
    count = min(MOST, data.info.calibration_count) if data is not None else 0
    if data is None or count < 2:
        return Split(None, ())
    left = count - max(1, min(HELD_OUT, count // 4))
    fit: list[Feeds] = []
    held_out: list[Feeds] = []
    for batch in data.batches("calibration", batch_of(data, "calibration"), count):
        size = samples_in(batch.feeds)
        edge = min(max(left, 0), size)
        if edge:
            fit.append(part(batch.feeds, 0, edge))
        if edge < size:
            held_out.append(part(batch.feeds, edge, size))
        left -= size
    return Split(lambda: fit, held_out)
