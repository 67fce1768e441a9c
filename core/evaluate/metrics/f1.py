"""F1 of several labels a sample, over all of them together."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, predicted_labels
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS
from core.evaluate.ratio import RatioMetric
from core.values import Described, text


class F1(RatioMetric):
    """2·TP / (2·TP + FP + FN), summed over samples and labels ('micro')."""

    name = "f1"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        given, wanted = predicted_labels(output, subject), reference.labels > 0
        both = 2.0 * (given & wanted).sum(axis=1)
        return np.stack([both, both + (given ^ wanted).sum(axis=1)], axis=1)


METRICS.add(
    Described(
        name="f1",
        label=text("F1"),
        help=text("How well the labels given and the right ones overlap, over all samples and labels."),
    ),
    F1(),
)
