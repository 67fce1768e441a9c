"""Retrieval: whether embeddings put the other samples in the same order of likeness as the original's do."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.metrics.cosine import unit_vectors
from core.evaluate.statistics import mean_interval
from core.values import Described, Measurement, text

GALLERY = 512
"""Samples that each one is compared with: the first ones."""


class Retrieval(Metric):
    """For each sample Spearman's correlation of its cosine similarities with all others, before and after."""

    name = "retrieval"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "embedding" else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        return np.concatenate([unit_vectors(output), unit_vectors(reference.answers)], axis=1)

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        agreement = rank_agreement(values)
        low, high = mean_interval(agreement) or (None, None)
        return Measurement(
            metric=self.name,
            value=100.0 * float(agreement.mean()) if len(agreement) else 100.0,
            low=None if low is None else 100.0 * low,
            high=None if high is None else min(100.0, 100.0 * high),
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        change = 100.0 * (1.0 - rank_agreement(values))
        low, high = mean_interval(change) or (None, None)
        return Loss(float(change.mean()) if len(change) else 0.0, low, high)


def rank_agreement(values: np.ndarray) -> np.ndarray:
    """Of each sample with the others, (n,). values: (n, 2·d), both embeddings of unit length."""
    size = values.shape[1] // 2
    count, gallery = len(values), min(len(values), GALLERY)
    if gallery < 3:
        return np.ones(count)
    found = []
    for half in (values[:, :size], values[:, size:]):
        likeness = half @ half[:gallery].T
        # itself is always the likest: it says nothing, and ranks last for both
        likeness[np.arange(gallery), np.arange(gallery)] = -2.0
        ranks = np.argsort(np.argsort(-likeness, axis=1, kind="stable"), axis=1).astype(np.float64)
        found.append(ranks)
    others = np.ones((count, gallery), dtype=bool)
    others[np.arange(gallery), np.arange(gallery)] = False
    weight = others.sum(axis=1, keepdims=True)
    centred = [
        np.where(others, ranks - (ranks * others).sum(1, keepdims=True) / weight, 0) for ranks in found
    ]
    product = (centred[0] * centred[1]).sum(axis=1)
    scale = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    return np.asarray(product / np.maximum(scale, 1e-12))


METRICS.add(
    Described(
        name="retrieval",
        label=text("Rank agreement"),
        help=text("Whether the embeddings find the same neighbours in the same order as the original's."),
    ),
    Retrieval(),
)
