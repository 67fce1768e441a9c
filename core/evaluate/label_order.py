"""Whether the classes of the data are the model's outputs in another order.

A model that was trained with its classes in another order answers near chance by the labels, but its
confusion matrix is nearly a permutation: nearly all samples of a class get one and the same wrong answer.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.evaluate.statistics import paired_difference, wilson
from core.values import LabelOrder, Measurement

PER_CLASS = 4
"""Samples of each class, on average, without which an order can't be told."""
LEAST_GAIN = 5.0
"""Points of accuracy that another order must bring."""
LEAST_ACCURACY = 50.0
_SHOWN = 6


def find_order(labels: np.ndarray, predicted: np.ndarray, names: tuple[str, ...]) -> LabelOrder | None:
    """The order that makes the answers right far more often, or None.

    labels, predicted: int (n,), classes by the data and by the model (−1: no answer); names: of the classes.
    Half of the samples decide the order, the others say what it brings, so that chance finds none.
    """
    classes = len(names)
    if classes < 2 or len(labels) < 2 * PER_CLASS * classes:
        return None
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(classes):
        chosen[np.flatnonzero(labels == label)[::2]] = True
    order = best_order(labels[chosen], predicted[chosen], classes)
    if (order == np.arange(classes)).all():
        return None
    before = predicted[~chosen] == labels[~chosen]
    after = predicted[~chosen] == order[labels[~chosen]]
    gain, low, _ = paired_difference(after, before)
    if low <= 0 or 100 * gain < LEAST_GAIN or 100 * after.mean() < LEAST_ACCURACY:
        return None
    moved = [(names[label], names[output]) for label, output in enumerate(order.tolist()) if label != output]
    return LabelOrder(
        order=tuple(order.tolist()),
        before=accuracy_of(before),
        after=accuracy_of(after),
        moved=tuple(moved[:_SHOWN]),
    )


def best_order(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """For each class the output that makes most answers right, each output once: int (classes,).

    Classes that no sample decides stay where they are if that costs nothing.
    """
    confusion = np.zeros((classes, classes))
    known = (predicted >= 0) & (predicted < classes)
    np.add.at(confusion, (labels[known], predicted[known]), 1)
    # a hair for staying, so that ties and empty classes don't move
    return np.asarray(linear_sum_assignment(-(confusion + 1e-3 * np.eye(classes)))[1])


def accuracy_of(right: np.ndarray) -> Measurement:
    """The accuracy with its interval, from 0 or 1 per sample."""
    low, high = wilson(float(right.sum()), len(right))
    return Measurement(
        metric="top1",
        value=100.0 * float(right.mean()),
        low=100.0 * low,
        high=100.0 * high,
        count=len(right),
        unit="%",
    )
