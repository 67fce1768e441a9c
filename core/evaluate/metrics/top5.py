"""Top-5 accuracy: the share of samples whose label is among the five likeliest classes."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject, as_columns
from core.evaluate.metric import Reference, ShareMetric
from core.evaluate.metrics import METRICS
from core.values import Described, text


class Top5(ShareMetric):
    name = "top5"

    def rank(self, subject: Subject) -> int | None:
        # with five classes or fewer every answer would be right
        return 10 if subject.task == "classification" and subject.classes > 5 else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        assert reference.labels is not None
        columns = as_columns(output)
        labels = reference.labels.reshape(-1).astype(np.int64)
        own = np.take_along_axis(columns, labels[:, None], axis=1)
        # ties count for the label; an answer that is not a number is wrong
        right = ((columns > own).sum(axis=1) < 5) & ~np.isnan(columns).any(axis=1)
        return np.asarray(right, dtype=np.float64)


METRICS.add(
    Described(
        name="top5",
        label=text("Top-5 accuracy"),
        help=text("Share of the samples whose right class is among the five most likely ones."),
    ),
    Top5(),
)
