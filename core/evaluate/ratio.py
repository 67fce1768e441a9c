"""Figures that are a sum over samples divided by another: F1, perplexity, shares of pixels, cosine.

Each sample keeps its part of both sums, so that a figure over any set of samples, its interval and the
paired difference of two networks follow without their answers.
"""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.statistics import influence_interval
from core.values import Measurement


def ratio(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Σ numerator / Σ denominator of values (n, 2), and each sample's influence on it, (n,).

    Source: the delta method for a ratio of means, Cochran 1977, section 6.3. 0 where there is nothing.
    """
    numerator, denominator = values[:, 0], values[:, 1]
    mean = float(denominator.mean()) if len(values) else 0.0
    if mean <= 0:
        return 0.0, np.zeros(len(values))
    figure = float(numerator.mean()) / mean
    return figure, (numerator - figure * denominator) / mean


class RatioMetric(Metric):
    """A share in percent from (part, whole) per sample; a point lost is a percent of it."""

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        figure, influence = ratio(values)
        interval = influence_interval(100.0 * figure, 100.0 * influence)
        low, high = interval or (None, None)
        return Measurement(
            metric=self.name,
            value=100.0 * figure,
            low=None if low is None else max(0.0, low),
            high=None if high is None else min(100.0, high),
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        return self.between(values, original, subject)

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        before, own = ratio(better)
        after, other = ratio(worse)
        points = 100.0 * (before - after)
        low, high = influence_interval(points, 100.0 * (own - other)) or (None, None)
        return Loss(points, low, high)


class PlacesRight(RatioMetric):
    """The share of labelled places, pixels or tokens, whose likeliest class is the right one."""

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None and subject.dense is not None
        labels = subject.dense.labels(reference.labels)
        right = (subject.dense.predicted(output) == labels) & (labels >= 0)
        return np.stack([right.sum(axis=1), (labels >= 0).sum(axis=1)], axis=1).astype(np.float64)
