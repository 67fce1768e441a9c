"""Kullback-Leibler divergence of the class probabilities: how far the answers moved, in nats."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, log_probabilities
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import mean_interval
from core.values import Described, Measurement, text


class KL(Metric):
    """Mean over samples of Σ p·(ln p − ln q), p the original's probabilities, q the new ones'."""

    name = "kl"

    def rank(self, subject: Subject) -> int | None:
        return 30 if subject.classes else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        return divergences(log_probabilities(reference.answers, subject), log_probabilities(output, subject))

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        low, high = mean_interval(values) or (None, None)
        return Measurement(
            metric=self.name,
            value=float(values.mean()) if len(values) else 0.0,
            low=None if low is None else max(0.0, low),
            high=high,
            count=len(values),
            unit="nat",
            higher_is_better=False,
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        figure = self.measurement(values, subject)
        return Loss(figure.value, figure.low, figure.high)

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        change = worse - better
        low, high = mean_interval(change) or (None, None)
        return Loss(float(change.mean()), low, high)


def divergences(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """KL divergence of q from p by sample, (n,), nats; both (n, classes), natural logarithms."""
    # rounding may leave a sum of −1e-17
    return np.asarray(np.maximum((np.exp(log_p) * (log_p - log_q)).sum(axis=1), 0.0))


METRICS.add(
    Described(
        name="kl",
        label=text("KL divergence"),
        help=text("How far the class probabilities moved from the original's; 0 is no change."),
    ),
    KL(),
)
