"""Where the damage scale ends: points lost, not ranks, so that a robust model looks robust."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gui.i18n import tr
from gui.session import Session

LEAST_TOP, MOST_TOP = 1.0, 100.0
"""Points at the end of the scale even if no layer costs so much, or one more: nothing is left then."""


def nice_ceiling(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten at or above `value` (0 for 0)."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        (step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9)),
        10 * power,
    )


def scale_top(losses: Iterable[float | None]) -> float:
    """The loss that gets the last colour, the same as in the graph's legend."""
    most = max([LEAST_TOP, *(loss for loss in losses if loss is not None)])
    return nice_ceiling(min(most, MOST_TOP))


def in_noise(session: Session) -> bool:
    """Whether a point is a percent of noise in the answers, which have neither labels nor classes."""
    if session.baseline is not None and session.baseline.primary is not None:
        return session.baseline.primary.unit == "dB"
    return any(points and points[0].measurement.unit == "dB" for points in session.points.values())


def loss_unit() -> str:
    """Of losses, whatever the figure is that they are lost from: see `Measurement.point`."""
    return tr("pt")
