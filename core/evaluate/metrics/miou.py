"""Mean intersection over union of the classes' areas."""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import influence_interval
from core.values import Described, Measurement, text


class MeanIoU(Metric):
    """Areas are summed over all samples; classes that neither labels nor answers hold are left out.

    Intervals by the delta method: pictures, not pixels, are the samples.
    """

    name = "miou"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) else None

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        """float64 (n, 2·classes): areas of the intersection, then of the union, in places."""
        assert reference.labels is not None and subject.dense is not None
        classes = subject.dense.classes
        labels, given = subject.dense.labels(reference.labels), subject.dense.predicted(output)
        kept = np.zeros((len(labels), 2 * classes))
        for row, (wanted, found) in enumerate(zip(labels, given, strict=True)):
            counted = wanted >= 0
            wanted, found = wanted[counted], found[counted]
            both = np.bincount(wanted[wanted == found], minlength=classes)[:classes]
            own = np.bincount(wanted, minlength=classes)[:classes]
            other = np.bincount(found[found >= 0], minlength=classes)[:classes]
            kept[row] = np.concatenate([both, own + other - both])
        return kept

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        figure, influence = _mean_iou(values, _present(values))
        low, high = influence_interval(figure, influence) or (None, None)
        return Measurement(
            metric=self.name,
            value=figure,
            low=None if low is None else max(0.0, low),
            high=None if high is None else min(100.0, high),
            count=len(values),
            unit="%",
        )

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        # the same classes for both, so that one that a network makes up costs it
        present = _present(values) | _present(original)
        before, own = _mean_iou(original, present)
        after, other = _mean_iou(values, present)
        low, high = influence_interval(before - after, own - other) or (None, None)
        return Loss(before - after, low, high)


def _present(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[:, values.shape[1] // 2 :].sum(axis=0) > 0)


def _mean_iou(values: np.ndarray, present: np.ndarray) -> tuple[float, np.ndarray]:
    """In percent, and each sample's influence on it."""
    classes = values.shape[1] // 2
    both, union = values[:, :classes][:, present], values[:, classes:][:, present]
    if not present.any():
        return 0.0, np.zeros(len(values))
    area = np.maximum(union.mean(axis=0), 1e-12)
    shares = both.mean(axis=0) / area
    influence = ((both - shares * union) / area).mean(axis=1)
    return 100.0 * float(shares.mean()), 100.0 * influence


METRICS.add(
    Described(
        name="miou",
        label=text("Mean IoU"),
        help=text("Area where answer and label agree over the area of both, averaged over the classes."),
    ),
    MeanIoU(),
)
