"""From damage to points lost: what a divergence of the answers costs in the figure that counts.

Divergences add up over layers while they are small; points do not. Before anything is measured the link comes
from the answers themselves: noise of growing strength is added to the original's, and its divergence and loss
are worked out. Measured what-ifs then bend it to what this network really does.
"""

from __future__ import annotations

import numpy as np

from core.evaluate.answers import log_probabilities
from core.evaluate.judge import Judge
from core.sweep.figures import Tally
from core.sweep.samples import Samples
from core.values import DamageLink

_STRENGTHS = np.geomspace(1e-3, 30.0, 28)
PRIOR = 3.0
"""So many measured points near a place count as much as the noise's curve there."""


def prior_link(judge: Judge, samples: Samples, seed: int = 0) -> DamageLink:
    """The link that noise on the original's answers gives; no network is run."""
    rng = np.random.default_rng(seed)
    subject = judge.subject
    whole = np.concatenate([piece.answers.reshape(len(piece.rows), -1) for piece in samples.pieces])
    deviation: float | np.ndarray = float(whole.std()) or 1.0
    if subject.detector is not None:
        deviation = subject.detector.noise(whole)
    damages, losses = [0.0], [0.0]
    draws = [rng.standard_normal(piece.answers.shape) for piece in samples.pieces]
    for strength in _STRENGTHS:
        tally = Tally(judge, samples)
        for position, (piece, noise) in enumerate(zip(samples.pieces, draws, strict=True)):
            answers = piece.answers.astype(np.float64)
            if subject.classes and subject.probabilities and answers.reshape(len(answers), -1).shape[1] > 1:
                logs = log_probabilities(piece.answers, subject) + strength * noise.reshape(len(answers), -1)
                changed = np.exp(logs - logs.max(axis=1, keepdims=True))
                changed = (changed / changed.sum(axis=1, keepdims=True)).reshape(answers.shape)
            elif subject.classes and subject.probabilities:
                odds = np.log(np.clip(answers, 1e-9, 1) / np.clip(1 - answers, 1e-9, 1))
                changed = 1 / (1 + np.exp(-(odds + strength * noise)))
            else:
                changed = answers + strength * deviation * noise
            tally.add(position, changed.astype(piece.answers.dtype))
        figures = tally.figures()
        damages.append(figures.damage)
        losses.append(figures.loss)
    order = np.argsort(damages, kind="stable")
    # noise too weak to change answers that are as sure as can be says nothing
    order = order[np.asarray(damages)[order] > 0]
    order = np.concatenate([[0], order])
    rising = np.maximum.accumulate(np.asarray(losses)[order])
    spread = np.maximum(0.35 * np.abs(rising), 0.2)
    return DamageLink(
        damages=tuple(float(v) for v in np.asarray(damages)[order]),
        losses=tuple(float(v) for v in rising),
        spreads=tuple(float(v) for v in spread),
    )
