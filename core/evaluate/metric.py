"""What a metric is: numbers per sample, then one figure with its interval.

Keeping numbers per sample instead of answers makes every comparison paired and costs a few bytes a
sample. A metric is one file in `core/evaluate/metrics`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.statistics import paired_difference, wilson
from core.values import JUDGED_BY, Measurement


@dataclass(frozen=True)
class Reference:
    """What one batch of answers is held against."""

    labels: np.ndarray | None
    answers: np.ndarray
    """The original's, of the output that is judged."""


@dataclass(frozen=True)
class Loss:
    """Points lost against the original on the same samples: positive is worse."""

    points: float
    low: float | None
    high: float | None


class Metric(ABC):
    """One way to judge answers."""

    name: ClassVar[str]

    @abstractmethod
    def rank(self, subject: Subject) -> int | None:
        """Return its place among the metrics of such a model, the lowest counts; None: not for it."""

    def counts(self, subject: Subject) -> bool:
        """Whether it is the figure that answers to this task are judged by."""
        return JUDGED_BY[subject.task] == self.name

    @abstractmethod
    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        """Return float64 of shape (n,) or (n, k): what this metric keeps of a batch of n samples."""

    @abstractmethod
    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        """Return the figure over all samples' values."""

    @abstractmethod
    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        """Return the points lost; `original` are the original's values of the same samples."""

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        """Return the points that one network loses against another, from their values of the same samples."""
        return self.loss(worse, better, subject)


class ShareMetric(Metric):
    """A share of samples in percent, from 0 or 1 per sample."""

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        hits, count = float(values.sum()), len(values)
        low, high = wilson(hits, count)
        return Measurement(
            metric=self.name,
            value=100.0 * hits / count if count else 0.0,
            low=100.0 * low,
            high=100.0 * high,
            count=count,
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        return self.between(values, original, subject)

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        difference, low, high = paired_difference(better, worse)
        return Loss(100.0 * difference, 100.0 * low, 100.0 * high)
