"""Signal to quantisation noise of the outputs: works for outputs of any shape and meaning."""

from __future__ import annotations

import math

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.metric import Loss, Metric, Reference
from core.evaluate.metrics import METRICS
from core.evaluate.statistics import influence_interval
from core.values import Described, Measurement, text

MOST_DB = 150.0
"""Given for outputs that are equal: float32 can't tell more, and infinity can't be drawn."""


class Sqnr(Metric):
    """10·log10(Σ original² / Σ (new − original)²), all samples together.

    Its loss in points is the noise in percent of the signal's power: 20 dB is 1 point, and what
    several layers lose adds up, as noises do.
    """

    name = "sqnr_db"

    def rank(self, subject: Subject) -> int | None:
        return 0 if self.counts(subject) and not subject.classes else 40

    def per_sample(self, output: np.ndarray, reference: Reference, subject: Subject) -> np.ndarray:
        count = len(output)
        if subject.detector is not None:  # the boxes stand before the numbers that they come from
            start = subject.detector.judged
            output, reference = output[:, start:], Reference(None, reference.answers[:, start:])
        original = reference.answers.reshape(count, -1).astype(np.float64)
        noise = output.reshape(count, -1).astype(np.float64) - original
        signal_power = np.einsum("ij,ij->i", original, original)
        noise_power = np.einsum("ij,ij->i", noise, noise)
        # an answer that is not a number is all noise
        lost = ~np.isfinite(noise_power)
        return np.stack([signal_power, np.where(lost, np.maximum(signal_power, 1.0), noise_power)], axis=1)

    def measurement(self, values: np.ndarray, subject: Subject) -> Measurement:
        signal, noise = values.sum(axis=0)
        figure = _decibels(float(signal), float(noise))
        interval = None
        if signal > 0 and noise > 0 and figure < MOST_DB:
            relative = values[:, 0] / signal - values[:, 1] / noise
            interval = influence_interval(figure, 10 / math.log(10) * len(values) * relative)
        low, high = interval or (None, None)
        return Measurement(metric=self.name, value=figure, low=low, high=high, count=len(values), unit="dB")

    def loss(self, values: np.ndarray, original: np.ndarray, subject: Subject) -> Loss:
        signal, noise = values.mean(axis=0)
        if not signal:
            return Loss(100.0 if noise else 0.0, None, None)
        points = 100.0 * float(noise / signal)
        influence = 100.0 * values[:, 1] / signal - points * values[:, 0] / signal
        low, high = influence_interval(points, influence) or (None, None)
        return Loss(points, None if low is None else max(0.0, low), high)

    def between(self, worse: np.ndarray, better: np.ndarray, subject: Subject) -> Loss:
        signal = float(worse[:, 0].mean())
        if not signal:
            return Loss(
                self.loss(worse, worse, subject).points - self.loss(better, better, subject).points,
                None,
                None,
            )
        change = worse[:, 1] - better[:, 1]
        points = 100.0 * float(change.mean()) / signal
        influence = 100.0 * change / signal - points * worse[:, 0] / signal
        low, high = influence_interval(points, influence) or (None, None)
        return Loss(points, low, high)


def _decibels(signal: float, noise: float) -> float:
    if noise <= 0:
        return MOST_DB
    if signal <= 0:
        return -MOST_DB
    return float(np.clip(10 * math.log10(signal / noise), -MOST_DB, MOST_DB))


METRICS.add(
    Described(
        name="sqnr_db",
        label=text("Closeness to the original (SQNR)"),
        help=text("Power of the original's outputs over the power of the change, in dB; 20 dB is 1 % off."),
    ),
    Sqnr(),
)
