"""Mean average precision of several labels a sample: how well each label ranks its samples first."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, as_columns
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import bootstrap
from core.values import Described, Measurement, text


class MeanAP(Metric):
    """Mean over labels of the precision at each right sample, in the order of the scores.

    Labels that no sample has are left out. Intervals come from drawing the samples anew.
    """

    name = "map"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "multilabel" else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        scores = np.nan_to_num(as_columns(output), nan=-np.inf)
        return np.concatenate([scores, (reference.labels > 0).astype(np.float64)], axis=1)

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        low, high = bootstrap(len(values), lambda chosen: mean_ap(values[chosen]))
        return Measurement(
            metric=self.name,
            value=100 * mean_ap(values),
            low=100 * low,
            high=100 * high,
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        def lost(chosen: np.ndarray | slice) -> float:
            return 100 * (mean_ap(original[chosen]) - mean_ap(values[chosen]))

        low, high = bootstrap(len(values), lost)
        return Loss(lost(slice(None)), low, high)


def mean_ap(values: np.ndarray) -> float:
    """values: (n, 2·labels), the scores and then 0 or 1. 0 if no sample has a label."""
    labels = values.shape[1] // 2
    order = np.argsort(-values[:, :labels], axis=0, kind="stable")
    right = np.take_along_axis(values[:, labels:], order, axis=0)
    count = right.sum(axis=0)
    precision = np.cumsum(right, axis=0) / np.arange(1, len(values) + 1)[:, None]
    present = count > 0
    if not present.any():
        return 0.0
    return float(((precision * right).sum(axis=0)[present] / count[present]).mean())


METRICS.add(
    Described(
        name="map",
        label=text("Mean average precision"),
        help=text("How well each label ranks the samples that have it before the others."),
    ),
    MeanAP(),
)
