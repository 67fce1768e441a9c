"""Which judging samples a what-if is run on, and what those that were run say about all.

Most of a divergence comes from the samples that the original is unsure of. So beside those on the decision
edge, which are always run, the others are drawn one after the other with chances in proportion to how unsure
the original is: "successive sampling" (Rosén 1997, "Asymptotic theory for order sampling"). Its inclusion
probabilities weight the figures, so that these are right on average whatever the chances were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from core.evaluate.answers import Subject, log_probabilities

_FLOOR = 0.2
"""Every sample is drawn as if it were at least this share of the mean as unsure."""


@dataclass(frozen=True)
class Design:
    """`order`: first the `certain` samples, then the others as they were drawn; numbers within the sweep."""

    order: np.ndarray
    certain: int
    sizes: np.ndarray
    """What the chances are in proportion to, and what damage is likely in proportion to; (n,), above 0."""
    _chances: dict[int, np.ndarray] = field(default_factory=dict, compare=False)

    def chances(self, drawn: int) -> np.ndarray:
        """The chance to be among the first `drawn` of the others, by place in the order behind the certain.

        1 − exp(−t·size) with t such that they add up to `drawn` (Rosén 1997).
        """
        known = self._chances.get(drawn)
        if known is None:
            known = self._chances[drawn] = _chances(self.sizes[self.order[self.certain :]], drawn)
        return known

    def total(self, values: np.ndarray, model: np.ndarray) -> tuple[float, float]:
        """The sum over all samples of a figure and its standard error, from the first ones in the order.

        `values` (m,) of these, `model` (n,) by sample: what the figure is expected to be; what the model gets
        wrong on the drawn ones is added back (regression estimator, Särndal, Swensson & Wretman 1992,
        chapter 6). The error is that of drawing: 0 where all samples were run.
        """
        certain, rest = self.certain, self.order[self.certain :]
        rows = self.order[: len(values)]
        drawn = len(values) - certain
        known = float(values[:certain].sum())
        if drawn == len(rest):
            return float(values.sum()), 0.0
        chances = self.chances(drawn)[:drawn]
        missed = values[certain:] - model[rows[certain:]]
        weights = 1.0 / chances
        added = float((weights * missed).sum() / weights.sum()) * len(rest)
        return known + float(model[rest].sum()) + added, math.sqrt(_variance(missed * weights, chances))

    def in_proportion(self, values: np.ndarray) -> np.ndarray:
        """`sizes` times what fits the figures of the drawn ones best: a model for `total`, (n,)."""
        drawn = len(values) - self.certain
        weights = 1.0 / self.chances(drawn)[:drawn]
        sizes = self.sizes[self.order[self.certain : len(values)]]
        factor = float((weights * values[self.certain :]).sum()) / float((weights * sizes).sum())
        return np.asarray(factor * self.sizes)


def quantile(drawn: int) -> float:
    """How many standard errors hold 95 % on either side, from so many drawn samples (Student)."""
    return float(stdtrit(max(1, drawn - 1), 0.975))


def unsureness(answers: np.ndarray, subject: Subject) -> np.ndarray:
    """1 − Σp² of the class probabilities, (n,): small noise on the logits diverges in proportion to it.

    All alike for what is no classifier.
    """
    if not subject.classes:
        return np.ones(len(answers))
    unsure = 1.0 - np.square(np.exp(log_probabilities(answers, subject))).sum(axis=1)
    unsure = np.nan_to_num(np.maximum(unsure, 0.0), nan=1.0)
    return np.asarray(unsure + _FLOOR * unsure.mean() + 1e-9)


def drawn(margins: np.ndarray | None, sizes: np.ndarray, certain: int, seed: int) -> Design:
    """The `certain` samples nearest to the edge (|margin| least), then the others as chance has them."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(sizes)) if margins is None else np.argsort(np.abs(margins), kind="stable")
    rest = order[certain:]
    waits = rng.exponential(size=len(rest)) / sizes[rest]
    return Design(np.concatenate([order[:certain], rest[np.argsort(waits)]]), certain, sizes)


def _chances(sizes: np.ndarray, count: int) -> np.ndarray:
    if count >= len(sizes):
        return np.ones(len(sizes))
    low, high = 0.0, 1.0 / float(sizes.mean())
    while -np.expm1(-sizes * high).sum() < count:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if -np.expm1(-sizes * middle).sum() < count else (low, middle)
    return np.asarray(np.maximum(-np.expm1(-sizes * high), 1e-12))


def _variance(weighted: np.ndarray, chances: np.ndarray) -> float:
    """Of a sum of weighted values over a successive sample (Rosén 1997)."""
    left, count = 1.0 - chances, len(weighted)
    if count < 2 or not left.sum() > 0:
        return 0.0
    centre = float((left * weighted).sum() / left.sum())
    return count / (count - 1) * float((left * np.square(weighted - centre)).sum())
