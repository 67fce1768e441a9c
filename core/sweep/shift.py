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

from core.evaluate.answers import Subject
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
        self._direction: tuple[int, bytes | None] | None = None

    def add(self, position: int, answers: np.ndarray, logs: np.ndarray | None = None) -> None:
        """Take the answers to piece `position`; those behind the first `FIRST` samples say nothing new.

        `logs`: the natural logarithms of their class probabilities, of a classifier.
        """
        if self._rows >= FIRST:
            return
        piece = self._samples.pieces[position]
        first = first_rows(self._samples)
        weights = self._samples.design.weights(first)[self._rows : self._rows + len(piece.rows)] / first
        if piece.logs is None or logs is None:
            moved = noise_of(answers, piece.answers, self._subject)
        else:
            moved = moved_by(logs, piece.logs)
        self._parts.append(folded((np.sqrt(weights)[:, None] * moved).ravel()))
        self._rows += len(piece.rows)

    def direction(self) -> bytes | None:
        """Of length 1, as `SensitivityPoint.shift` says; None where nothing moves or too little was run."""
        # asked at every look at the figures, of which only the first ones add to it
        if self._direction is None or self._direction[0] != len(self._parts):
            self._direction = len(self._parts), self._unit()
        return self._direction[1]

    def _unit(self) -> bytes | None:
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


def moved_by(logs: np.ndarray, before: np.ndarray) -> np.ndarray:
    """By sample the vector whose square is, to second order, its divergence in nats (n, classes), float64.

    Both are (n, classes) natural logarithms of probabilities, those of the original being `before`.
    """
    likely = np.exp(before)
    moved = logs - before
    moved -= (likely * moved).sum(axis=1, keepdims=True) / likely.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(likely / 2) * moved)


def noise_of(answers: np.ndarray, original: np.ndarray, subject: Subject) -> np.ndarray:
    """The same for what is no classifier: the noise, whose unit no direction depends on (n, numbers)."""
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
