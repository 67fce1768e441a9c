"""Which judging samples a what-if is run on, and what those that were run say about all.

Most of a divergence comes from the samples that the original is unsure of, and answers change where two
classes are close. So samples are drawn one after the other with chances in proportion to both: "successive
sampling" (Rosén 1997, "Asymptotic theory for order sampling"). Its inclusion probabilities weight the
figures, so that these are right on average whatever the chances were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

_FLOOR = 0.2
"""Every sample is drawn as if it were at least this share of the mean as unsure."""
_EDGE = 2.0
"""So many times as much as being unsure counts being near the decision edge, on average over the samples."""
_NEAR = 0.6
"""Nats of margin over which that falls to a third."""


@dataclass(frozen=True)
class Design:
    """The order in which samples were drawn, and what their chances were in proportion to."""

    order: np.ndarray
    """(n,) numbers of the sweep's samples."""
    sizes: np.ndarray
    """(n,) by sample, above 0; damage is likely to be in proportion to them too."""
    _chances: dict[int, np.ndarray] = field(default_factory=dict, compare=False)
    _weights: dict[int, np.ndarray] = field(default_factory=dict, compare=False)

    def chances(self, count: int) -> np.ndarray:
        """By sample the chance of being among the first `count` drawn.

        1 − exp(−t·size) with t such that they add up to `count` (Rosén 1997).
        """
        known = self._chances.get(count)
        if known is None:
            known = self._chances[count] = _chances(self.sizes, count)
        return known

    def weights(self, count: int) -> np.ndarray:
        """For how many samples each of the first `count` stands, (count,); they add up to all."""
        known = self._weights.get(count)
        if known is None:
            weights = 1.0 / self.chances(count)[self.order[:count]]
            known = self._weights[count] = np.asarray(weights * (len(self.order) / weights.sum()))
        return known

    def total(self, values: np.ndarray, model: np.ndarray) -> tuple[float, float]:
        """The sum over all samples of a figure and its standard error, from the first ones in the order.

        `values` (m,) of these, `model` (n,) by sample: what the figure is expected to be; what the model gets
        wrong on the drawn ones is added back (regression estimator, Särndal, Swensson & Wretman 1992,
        chapter 6). The error is that of drawing: 0 where all samples were run.
        """
        count, rows = len(values), self.order[: len(values)]
        missed = values - model[rows]
        added = float((self.weights(count) * missed).sum())
        chances = self.chances(count)[rows]
        return float(model.sum()) + added, math.sqrt(_variance(missed / chances, chances))

    def in_proportion(self, values: np.ndarray) -> np.ndarray:
        """`sizes` times what fits the figures of the first ones best: a model for `total`, (n,)."""
        weights = self.weights(len(values))
        own = float((weights * self.sizes[self.order[: len(values)]]).sum())
        return np.asarray(float((weights * values).sum()) / own * self.sizes)

    def scatter(self, count: int, variances: np.ndarray) -> float:
        """The standard error of a total from the first `count` where the model is off by chance alone.

        `variances` (n,) of these.
        """
        odds = 1.0 / self.chances(count) - 1.0
        return math.sqrt(float((odds * variances).sum()))


def quantile(drawn: int) -> float:
    """How many standard errors hold 95 % on either side, from so many drawn samples (Student)."""
    return float(stdtrit(max(1, drawn - 1), 0.975))


def drawn(logs: np.ndarray | None, margins: np.ndarray | None, count: int, seed: int) -> Design:
    """Samples in a random order in which those that say most come earlier.

    `logs` of the original's class probabilities (count, classes), and how far its right class is ahead, in
    nats. 1 − Σp² of the probabilities says how unsure it is: small noise on the logits diverges in proportion
    to it. All samples are alike for what is no classifier, which has neither.
    """
    sizes = np.ones(count)
    if logs is not None and margins is not None:
        unsure = 1.0 - np.square(np.exp(logs)).sum(axis=1)
        edge = np.exp(-np.abs(margins) / _NEAR)
        sizes = _FLOOR + _over_mean(unsure) + _EDGE * _over_mean(edge)
    waits = np.random.default_rng(seed).exponential(size=len(sizes)) / sizes
    return Design(np.argsort(waits), sizes)


def _over_mean(values: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(np.maximum(values, 0.0)) + 1e-12
    return np.asarray(values / values.mean())


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
