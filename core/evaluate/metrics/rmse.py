"""Root mean squared error against the labels, in the labels' own unit."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, as_columns
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import influence_interval
from core.values import Described, Measurement, text

_WORST = 1e30
"""Squared error of an answer that is not a number."""


class Rmse(Metric):
    """Several outputs a sample are averaged before the root.

    A point of loss is 1 % of the labels' standard deviation, so that it means the same for any unit.
    """

    name = "rmse"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        error = as_columns(output) - reference.labels.reshape(len(output), -1)
        return np.asarray(np.nan_to_num((error**2).mean(axis=1), nan=_WORST, posinf=_WORST))

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        figure = float(np.sqrt(values.mean())) if len(values) else 0.0
        interval = influence_interval(figure, values / (2 * figure)) if figure else None
        low, high = interval or (None, None)
        return Measurement(
            metric=self.name,
            value=figure,
            low=None if low is None else max(0.0, low),
            high=high,
            count=len(values),
            higher_is_better=False,
            point=subject.label_std / 100,
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        before, after = np.sqrt(original.mean()), np.sqrt(values.mean())
        points = 100.0 * float(after - before) / subject.label_std
        influence = np.zeros(len(values))
        if after:
            influence += values / (2 * after)
        if before:
            influence -= original / (2 * before)
        low, high = influence_interval(points, 100.0 * influence / subject.label_std) or (None, None)
        return Loss(points, low, high)


METRICS.add(
    Described(
        name="rmse",
        label=text("Error (RMSE)"),
        help=text("Root of the mean squared difference to the labels, in the labels' unit."),
    ),
    Rmse(),
)
