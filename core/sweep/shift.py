"""Which way a what-if moves the answers: whether layers add to each other's damage or make up for it.

Small changes move the answers by d = ln q − ln p and diverge by ½ Var_p(d): the second order of the KL
divergence, whose metric is the Fisher information (Kullback 1959, chapter 2). So a what-if is a vector whose
square is its damage, and two layers together are |a + b|² = |a|² + |b|² + 2 a·b. The last part is what adding
damages up leaves out. Deng et al. 2023 ("Mixed-Precision Quantization with Cross-Layer Dependencies") measure
it by running layers in pairs; here it comes from the runs of single layers.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

from core.evaluate.answers import Subject, log_probabilities
from core.sweep.samples import FIRST, Samples

LENGTH = 512
"""Numbers of a vector at most: 1 kB each, so that thousands of them reach the window."""
_SIGNS = 1 << 20


class Shift:
    """The vector of one what-if, from its answers to the first samples in the order of drawing."""

    def __init__(self, samples: Samples, subject: Subject) -> None:
        self._samples = samples
        self._subject = subject
        self._parts: list[np.ndarray] = []
        self._rows = 0

    def add(self, position: int, answers: np.ndarray) -> None:
        """Take the answers to piece `position`; those behind the first `FIRST` samples say nothing new."""
        if self._rows >= FIRST:
            return
        piece = self._samples.pieces[position]
        first = first_rows(self._samples)
        weights = self._samples.design.weights(first)[self._rows : self._rows + len(piece.rows)] / first
        moved = np.sqrt(weights)[:, None] * moved_by(answers, piece.answers, self._subject)
        self._parts.append(folded(moved.ravel()))
        self._rows += len(piece.rows)

    def direction(self) -> bytes | None:
        """Of length 1, as `SensitivityPoint.shift` says; None where nothing moves or too little was run."""
        if self._rows < first_rows(self._samples):
            return None
        vector = folded(np.concatenate(self._parts))
        length = float(np.sqrt(vector @ vector))
        if not np.isfinite(length) or length < 1e-9:
            return None
        return drawing(self._samples) + (vector / length).astype(np.float16).tobytes()


def first_rows(samples: Samples) -> int:
    """In how many samples whole pieces reach `FIRST`, or all."""
    count = 0
    for piece in samples.pieces:
        count += len(piece.rows)
        if count >= FIRST:
            break
    return count


def drawing(samples: Samples) -> bytes:
    """Four bytes that tell which samples a vector is of: ways of others have nothing to do with it."""
    first, rows = first_rows(samples), [piece.rows for piece in samples.pieces]
    told = np.concatenate([[samples.count], *rows])[: first + 1].astype("<i8")
    return zlib.crc32(told.tobytes()).to_bytes(4, "little")


def moved_by(answers: np.ndarray, original: np.ndarray, subject: Subject) -> np.ndarray:
    """By sample the vector whose square is, to second order, its damage (n, numbers), float64.

    For a classifier in nats; else the noise itself, whose unit no direction depends on.
    """
    if subject.classes:
        before = log_probabilities(original, subject)
        likely = np.exp(before)
        moved = log_probabilities(answers, subject) - before
        moved -= (likely * moved).sum(axis=1, keepdims=True) / likely.sum(axis=1, keepdims=True)
        return np.asarray(np.sqrt(likely / 2) * moved)
    start = subject.detector.judged if subject.detector is not None else 0
    count = len(answers)
    noise = answers.reshape(count, -1).astype(np.float64) - original.reshape(count, -1)
    return np.nan_to_num(noise[:, start:], nan=0.0, posinf=0.0, neginf=0.0)


def folded(vector: np.ndarray) -> np.ndarray:
    """The vector in at most `LENGTH` numbers: sums with random signs, the same for all vectors.

    Products of two vectors stay as they are on average, off by 1/√LENGTH of their lengths (Charikar, Chen &
    Farach-Colton 2002, "Finding frequent items in data streams").
    """
    if len(vector) <= LENGTH:
        return vector
    signs = np.resize(_signs(), len(vector))
    signed = np.concatenate([signs * vector, np.zeros(-len(vector) % LENGTH)])
    return np.asarray(signed.reshape(-1, LENGTH).sum(axis=0))


@lru_cache(maxsize=1)
def _signs() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, _SIGNS) * 2.0 - 1.0
