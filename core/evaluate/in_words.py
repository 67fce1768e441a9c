"""What the answer to one sample says, where it is too many numbers to be shown: areas of a picture, boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.detector import COLUMNS
from core.values import Answer, ClassName, class_name, text

SHOWN = 3
SURE = 0.3
"""The least score of a box that is told: below it a detector hardly means it."""


def has_words(subject: Subject) -> bool:
    return subject.detector is not None or (subject.task == "segmentation" and subject.dense is not None)


def in_words(answer: np.ndarray, subject: Subject, names: Sequence[ClassName]) -> tuple[Answer, ...]:
    """The largest areas with their shares of the picture, or the surest boxes with their scores.

    answer: (1, numbers), as `Judge.part` gives it. names: of the classes, as `class_names` gives them.
    """
    found: list[tuple[float, int]] = []
    if subject.detector is not None:
        boxes = answer[0, : subject.detector.judged].reshape(-1, COLUMNS)
        sure = boxes[(boxes[:, 5] >= 0) & (boxes[:, 4] >= SURE)]
        found = [(float(score), int(number)) for *_, score, number in sure.tolist()]
    elif subject.dense is not None:
        chosen = subject.dense.predicted(answer)[0]
        numbers, counts = np.unique(chosen, return_counts=True)
        shares = (counts / max(1, chosen.size)).tolist()
        found = [
            (share, number) for share, number in zip(shares, numbers.tolist(), strict=True) if number >= 0
        ]
    found.sort(reverse=True)
    return tuple(Answer(name=class_name(names, number), share=share) for share, number in found[:SHOWN])


def next_tokens(before: np.ndarray, after: np.ndarray, subject: Subject) -> tuple[tuple[Answer, ...], ...]:
    """What two language models take for the next token at the place of a text where they differ most.

    before, after: (1, numbers), as `Judge.part` gives them. Of each the likeliest token and how likely it is.
    """
    assert subject.dense is not None
    one, two = (
        scores if subject.dense.probabilities else token_shares(scores)
        for scores in (subject.dense.scores(answer)[0].astype(np.float64) for answer in (before, after))
    )
    place = int(np.nan_to_num(np.abs(one - two).sum(axis=1), nan=np.inf).argmax())
    return token_answers(one[place], 1), token_answers(two[place], 1)


def token_answers(shares: np.ndarray, most: int = SHOWN) -> tuple[Answer, ...]:
    """The likeliest tokens from how likely each is, (vocabulary,)."""
    best = np.argsort(-shares, kind="stable")[:most]
    return tuple(
        Answer(name=text("token {n}", n=index), share=float(shares[index])) for index in best.tolist()
    )


def token_shares(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores (places, columns)."""
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
