"""All figures of one model file at once."""

from __future__ import annotations

from pathlib import Path

from core.context import Context
from core.errors import DataError
from core.evaluate.judge import Judge
from core.evaluate.latency import measure_latency
from core.evaluate.size import size_bytes, zipped_bytes
from core.values import Latency, Measurement, Outcome, text


def outcome(model: Path, judge: Judge | None, context: Context, latency: bool = True) -> Outcome:
    """Measure what a file gives (by the judge, if there is one) and costs: bytes, zipped, milliseconds.

    The judge's own original is not run again. A model that can't be fed without data has no latency.
    """
    path = Path(model)
    context.report(text("Measuring the size"))
    size, zipped = size_bytes(path), zipped_bytes(path, context)
    measurements: tuple[Measurement, ...] = ()
    if judge is not None:
        same = path.exists() and judge.original.exists() and path.samefile(judge.original)
        measurements = judge.baseline if same else judge.measure(path, context).measurements
    return Outcome(
        measurements=measurements,
        size_bytes=size,
        zipped_bytes=zipped,
        latency=_latency(path, judge, context) if latency else None,
    )


def _latency(path: Path, judge: Judge | None, context: Context) -> Latency | None:
    feeds = judge.feeds(1) if judge is not None else None
    try:
        return measure_latency([path], 1, None, context, feeds)[0]
    except DataError:
        if feeds is not None:
            raise
        return None
