"""Pixels right: share of the pixels whose likeliest class is the right one."""

from __future__ import annotations

from core.evaluate.answers import Subject
from core.evaluate.metrics import METRICS
from core.evaluate.ratio import PlacesRight
from core.values import Described, text


class PixelAccuracy(PlacesRight):
    name = "pixel_accuracy"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "segmentation" else None


METRICS.add(
    Described(
        name="pixel_accuracy",
        label=text("Pixels right"),
        help=text("Share of the pixels whose likeliest class is the right one."),
    ),
    PixelAccuracy(),
)
