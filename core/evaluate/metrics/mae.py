"""Mean absolute error against the labels, in the labels' own unit."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, as_columns
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import influence_interval, mean_interval
from core.values import Described, Measurement, text

_WORST = 1e15
"""Error of an answer that is not a number."""


class Mae(Metric):
    """A point of loss is 1 % of the labels' standard deviation."""

    name = "mae"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "regression" else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        error = np.abs(as_columns(output) - reference.labels.reshape(len(output), -1))
        return np.asarray(np.nan_to_num(error.mean(axis=1), nan=_WORST, posinf=_WORST))

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        low, high = mean_interval(values) or (None, None)
        return Measurement(
            metric=self.name,
            value=float(values.mean()) if len(values) else 0.0,
            low=None if low is None else max(0.0, low),
            high=high,
            count=len(values),
            higher_is_better=False,
            point=subject.label_std / 100,
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        change = 100.0 * (values - original) / subject.label_std
        points = float(change.mean())
        low, high = influence_interval(points, change) or (None, None)
        return Loss(points, low, high)


METRICS.add(
    Described(
        name="mae",
        label=text("Mean absolute error"),
        help=text("Mean of the absolute difference to the labels, in the labels' unit."),
    ),
    Mae(),
)
