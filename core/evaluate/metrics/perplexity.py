"""Perplexity: between how many tokens, on average, the model still wavers when the next one comes."""

from __future__ import annotations

import math

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.ratio import ratio
from core.evaluate.statistics import influence_interval
from core.values import Described, Measurement, text

_MOST = 60.0
"""Nats a token; beyond it a float could not hold the perplexity's interval."""


class Perplexity(Metric):
    """exp of the mean negative log-likelihood of a token, all samples' tokens together.

    A point of loss is a hundredth of a nat a token: 1 % more perplexity.
    """

    name = "perplexity"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None and subject.dense is not None
        labels = subject.dense.labels(reference.labels)
        likely = subject.dense.log_likelihood(output, labels)
        return np.stack([-likely.sum(axis=1), (labels >= 0).sum(axis=1)], axis=1).astype(np.float64)

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        nats, influence = ratio(values)
        low, high = influence_interval(nats, influence) or (None, None)
        value = math.exp(min(nats, _MOST))
        return Measurement(
            metric=self.name,
            value=value,
            low=None if low is None else math.exp(max(low, 0.0)),
            high=None if high is None else math.exp(min(high, _MOST)),
            count=len(values),
            higher_is_better=False,
            point=value / 100,
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        before, own = ratio(original)
        after, other = ratio(values)
        points = 100.0 * (after - before)
        low, high = influence_interval(points, 100.0 * (other - own)) or (None, None)
        return Loss(points, low, high)


METRICS.add(
    Described(
        name="perplexity",
        label=text("Perplexity"),
        help=text("Between how many tokens the model wavers when the next one comes; lower is better."),
    ),
    Perplexity(),
)
