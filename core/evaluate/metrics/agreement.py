"""Agreement: the share of samples that get the same class as from the original model."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, predicted_classes
from core.evaluate.metric import Loss, Reference, ShareMetric
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import wilson
from core.values import Described, text


class Agreement(ShareMetric):
    name = "agreement"

    def rank(self, subject: Subject) -> int | None:
        if not subject.classes:
            return None
        return 20 if subject.task == "classification" else 0

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        own, original = predicted_classes(output, subject), predicted_classes(reference.answers, subject)
        return np.asarray((own == original) & (own >= 0), dtype=np.float64)

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        # the original agrees with itself everywhere: only one share is uncertain
        count = len(values)
        low, high = wilson(count - float(values.sum()), count)
        return Loss(100.0 * (1.0 - float(values.mean())) if count else 0.0, 100.0 * low, 100.0 * high)


METRICS.add(
    Described(
        name="agreement",
        label=text("Same answers as the original"),
        help=text("Share of the samples that get the same class as from the original model."),
    ),
    Agreement(),
)
