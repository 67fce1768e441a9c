"""Pixels right: share of the pixels whose likeliest class is the right one."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS
from core.evaluate.ratio import RatioMetric
from core.values import Described, text


class PixelAccuracy(RatioMetric):
    name = "pixel_accuracy"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "segmentation" else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None and subject.dense is not None
        labels = subject.dense.labels(reference.labels)
        right = (subject.dense.predicted(output) == labels) & (labels >= 0)
        return np.stack([right.sum(axis=1), (labels >= 0).sum(axis=1)], axis=1).astype(np.float64)


METRICS.add(
    Described(
        name="pixel_accuracy",
        label=text("Pixels right"),
        help=text("Share of the pixels whose likeliest class is the right one."),
    ),
    PixelAccuracy(),
)
