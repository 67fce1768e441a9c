"""Where the damage scale ends: points lost, not ranks, so that a robust model looks robust."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gui.i18n import tr
from gui.session import Session

LEAST_TOP = 1.0
"""Points at the end of the scale even if no layer costs so much."""


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
    return nice_ceiling(max([LEAST_TOP, *(loss for loss in losses if loss is not None)]))


def in_decibels(session: Session) -> bool:
    """Whether losses are decibels (data without labels) rather than points of accuracy."""
    if session.baseline is not None and session.baseline.primary is not None:
        return session.baseline.primary.unit == "dB"
    return any(points and points[0].measurement.unit == "dB" for points in session.points.values())


def loss_unit(session: Session) -> str:
    return tr("dB") if in_decibels(session) else tr("pt")
