"""Accuracy: the share of samples whose class is the label."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, predicted_classes
from core.evaluate.metric import Reference, ShareMetric
from core.evaluate.metrics import METRICS
from core.values import Described, text


class Top1(ShareMetric):
    name = "top1"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        right = predicted_classes(output, subject) == reference.labels.reshape(-1)
        return np.asarray(right, dtype=np.float64)


METRICS.add(
    Described(
        name="top1",
        label=text("Accuracy"),
        help=text("Share of the samples whose most likely class is the right one."),
    ),
    Top1(),
)
