"""Cosine similarity of embeddings with the original's."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import mean_interval
from core.values import Described, Measurement, text


class Cosine(Metric):
    """Mean over samples, in percent; a point lost is a hundredth."""

    name = "cosine"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        own, original = unit_vectors(output), unit_vectors(reference.answers)
        return np.asarray(np.einsum("ij,ij->i", own, original))

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        low, high = mean_interval(values) or (None, None)
        return Measurement(
            metric=self.name,
            value=100.0 * float(values.mean()) if len(values) else 0.0,
            low=None if low is None else 100.0 * low,
            high=None if high is None else min(100.0, 100.0 * high),
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        return self.between(values, original, subject)

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        change = 100.0 * (better - worse)
        low, high = mean_interval(change) or (None, None)
        return Loss(float(change.mean()), low, high)


def unit_vectors(answers: np.ndarray) -> np.ndarray:
    """Answers (n, …) as rows of length 1, float64 (n, values); what is no number becomes 0."""
    rows = np.nan_to_num(answers.reshape(len(answers), -1).astype(np.float64), posinf=0, neginf=0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


METRICS.add(
    Described(
        name="cosine",
        label=text("Cosine similarity"),
        help=text("How nearly the embeddings point where the original's point; 100 % is the same way."),
    ),
    Cosine(),
)
