"""Figures of a what-if from as few samples as they need, with intervals that say what the rest may bring.

Of samples that were not run a model predicts the new margin from the old one (a line with normal scatter,
fitted to those that were run), and the divergence from how unsure the original is; what a model gets wrong on
the random ones is added back, so the figure is right on average however poor the model is (`design`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from core.evaluate.answers import log_probabilities
from core.evaluate.judge import Judge
from core.evaluate.metric import Reference
from core.evaluate.metrics import METRICS
from core.evaluate.metrics.kl import divergences
from core.evaluate.statistics import Z, wilson
from core.sweep.design import quantile
from core.sweep.samples import FIRST, Samples, margins_of
from core.sweep.shift import Shift
from core.values import Measurement

POINTS = 0.4
"""Half an interval of this many points is always good enough."""
SHARE = 0.15
"""... or of this share of the loss."""
PART = 1.0
"""... or of this part of what the samples, all of them, leave open about others. With 0.8 a sweep of the
MobileNet took a tenth longer, and predicted losses of plans were off by as much."""
DIVERGENCE_SHARE = 0.3
"""... with the divergence known to this share."""


@dataclass(frozen=True)
class Figures:
    """What is known of a what-if."""

    measurement: Measurement
    loss: float
    loss_low: float | None
    loss_high: float | None
    damage: float
    """KL divergence in nats, or noise power over signal power: adds up over layers while it is small."""
    damage_low: float
    damage_high: float
    divergence: bool
    """The damage is a KL divergence."""
    enough: bool
    """More samples would say little more."""
    shift: bytes | None = None
    """Which way the answers to the first samples move (`core/sweep/shift.py`)."""


class Tally:
    """Answers of one what-if, piece by piece. `shifts`: its figures say which way the answers move."""

    def __init__(self, judge: Judge, samples: Samples, shifts: bool = False) -> None:
        self._shift = Shift(samples, judge.subject) if shifts else None
        self._judge = judge
        self._samples = samples
        self._rows: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        """Of the metric that counts; nobody asks a sweep for the others."""
        self._moved: list[np.ndarray] = []
        """What damage is made of: divergences (n,), or power of signal and noise (n, 2)."""
        self._margins: list[np.ndarray] = []

    @property
    def pieces(self) -> int:
        """How many pieces there are so far."""
        return len(self._rows)

    def add(self, position: int, answers: np.ndarray) -> None:
        """Take the answers to piece `position`, the next one, as the judge looks at them."""
        assert position == len(self._rows), "pieces come in their order"
        piece = self._samples.pieces[position]
        subject = self._judge.subject
        reference = Reference(piece.labels, piece.answers)
        self._rows.append(piece.rows)
        self._counts.append(self._judge.metrics[0].per_sample(answers, reference, subject))
        logs = None if piece.logs is None else log_probabilities(answers, subject)
        if logs is None or piece.logs is None or piece.right is None:
            self._moved.append(METRICS.get("sqnr_db").per_sample(answers, reference, subject))
        else:
            self._moved.append(divergences(piece.logs, logs))
            margins = margins_of(logs, piece.right)
            self._margins.append(np.nan_to_num(margins, nan=-50.0, posinf=50.0, neginf=-50.0))
        if self._shift is not None:
            self._shift.add(position, answers, logs)

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self._rows)

    @property
    def ready(self) -> bool:
        """Whether there is enough for a first look."""
        total = self._samples.count
        return self.count >= (FIRST if total > 2 * FIRST else total)

    def figures(self) -> Figures:
        """What the samples so far say."""
        figures = self._figures()
        return figures if self._shift is None else replace(figures, shift=self._shift.direction())

    def _figures(self) -> Figures:
        rows = np.concatenate(self._rows)
        values = np.concatenate(self._counts)
        whole = len(rows) == self._samples.count
        metric = self._judge.metrics[0]
        damage, low, high, settled = self._damage()
        share = metric.name in ("top1", "agreement")
        if whole or not share or self._samples.margins is None:
            order = np.argsort(rows, kind="stable")
            own, original = values[order], self._samples.original[rows[order]]
            lost = metric.loss(own, original, self._judge.subject)
            measured = metric.measurement(own, self._judge.subject)
            half = math.inf if lost.low is None or lost.high is None else (lost.high - lost.low) / 2
            enough = whole or (half <= max(POINTS, SHARE * abs(lost.points)) and settled)
            return Figures(
                measured, lost.points, lost.low, lost.high, damage, low, high, self._diverges, enough
            )
        return self._modelled(rows, values, damage, low, high, settled)

    def _modelled(
        self, rows: np.ndarray, right: np.ndarray, damage: float, low: float, high: float, settled: bool
    ) -> Figures:
        samples = self._samples
        assert samples.margins is not None
        total, before, design = samples.count, samples.original, samples.design
        chance = chances(samples.margins, rows, np.concatenate(self._margins))
        # right answers in all: those seen, the model's for the rest, and what it missed on the random ones
        hits, error = design.total(right, chance)
        # ... which are too few to tell how far the model's chances scatter where they are right
        sub = max(error, design.scatter(len(rows), chance * (1 - chance)))
        moved = design.total(np.abs(right - before[rows]), np.zeros(total))[0]
        lost = (float(before.sum()) - hits) / total
        paired = max(moved / total - lost**2, 0.0) + 1 / total
        half_sub, half = Z * sub / total, Z * math.hypot(sub / total, math.sqrt(paired / total))
        share = min(max(hits / total, 0.0), 1.0)
        below, above = wilson(share * total, total)
        measured = Measurement(
            metric=self._judge.metrics[0].name,
            value=100 * share,
            low=100 * max(0.0, share - math.hypot(share - below, half_sub)),
            high=100 * min(1.0, share + math.hypot(above - share, half_sub)),
            count=len(rows),
            unit="%",
        )
        most = max(POINTS / 100, SHARE * abs(lost), PART * Z * math.sqrt(paired / total))
        return Figures(
            measured,
            100 * lost,
            100 * (lost - half),
            100 * (lost + half),
            damage,
            low,
            high,
            self._diverges,
            half_sub <= most and settled,
        )

    def _damage(self) -> tuple[float, float, float, bool]:
        """Mean damage over all samples, its 95 % interval, and whether more samples would say little more."""
        design, total = self._samples.design, self._samples.count
        own = self._damages()
        if len(own) == total:
            mean, error, weights, reach = float(own.mean()), 0.0, np.ones(total), Z
        else:
            whole, error = design.total(own, design.in_proportion(own))
            mean, error = max(0.0, whole / total), error / total
            weights, reach = design.weights(len(own)), quantile(len(own))
        # the samples are a part of what the network will meet, those that were run a part of them
        scatter = float((weights * np.square(own - mean)).sum()) / total
        half = reach * math.hypot(error, math.sqrt(scatter / total))
        settled = reach * error <= DIVERGENCE_SHARE * mean or mean + reach * error <= 2e-4
        return mean, max(0.0, mean - half), mean + half, settled

    def by_sample(self) -> np.ndarray:
        """The values of the metric that counts of the samples that were run, in the samples' own order."""
        return np.asarray(np.concatenate(self._counts)[self._order()])

    def damage_by_sample(self) -> np.ndarray:
        """The damage to each sample that was run, (n,), in the samples' own order; its mean is the damage."""
        return np.asarray(self._damages()[self._order()])

    def _order(self) -> np.ndarray:
        return np.argsort(np.concatenate(self._rows), kind="stable")

    @property
    def _diverges(self) -> bool:
        return self._samples.margins is not None

    def _damages(self) -> np.ndarray:
        moved = np.concatenate(self._moved)
        if self._diverges:
            return moved
        return np.asarray(moved[:, 1] / max(float(moved[:, 0].mean()), 1e-30))


def chances(margins: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The chance that each sample is answered rightly, (n,), from those whose new margin is known.

    new = a + b·old + noise, by least squares; the noise is normal.
    """
    old = margins[rows]
    centre = float(old.mean())
    variance = float(old.var()) + 1e-9
    slope = float(((old - centre) * (new - new.mean())).mean()) / variance
    predicted = float(new.mean()) + slope * (margins - centre)
    noise = float((new - predicted[rows]).std())
    return np.asarray(ndtr(predicted / max(noise, 1e-6)))
