"""Answers of many numbers in a few words, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluate.answers import Subject
from core.evaluate.dense import Dense
from core.evaluate.detector import COLUMNS, MOST, Detector
from core.evaluate.in_words import has_words, in_words, next_tokens
from core.values import class_name


def test_areas_are_told_by_their_shares_of_the_picture_the_largest_first() -> None:
    dense = Dense(classes=3, axis=0, columns=3, label_at=np.arange(4))
    subject = Subject(task="segmentation", output=0, dense=dense)
    # of four places two are of class 2, one of 0 and one of 1
    scores = np.array([[[9, 0, 0, 0], [0, 0, 0, 9], [0, 9, 9, 0]]], np.float32)
    assert has_words(subject)
    told = in_words(scores, subject, ("sky", "tree"))
    assert [(one.name, one.share) for one in told] == [
        (class_name((), 2), 0.5),
        ("tree", 0.25),
        ("sky", 0.25),
    ]


def test_boxes_are_told_by_class_and_score_and_faint_ones_are_not() -> None:
    rows = np.full((MOST, COLUMNS), -1, np.float32)
    rows[0], rows[1], rows[2] = (0, 0, 9, 9, 0.75, 1), (1, 1, 5, 5, 0.875, 0), (2, 2, 4, 4, 0.25, 1)
    answer = np.concatenate([rows.reshape(-1), np.float32([7, 8])])[None]
    subject = Subject(task="detection", output=0, detector=Detector((0, 1), "pairs", 2, (64, 64)))
    assert has_words(subject)
    told = in_words(answer, subject, ("cat", "dog"))
    assert [(one.name, one.share) for one in told] == [("cat", 0.875), ("dog", 0.75)]


@pytest.mark.parametrize("task", ["regression", "language", "unlabelled"])
def test_other_answers_are_told_elsewhere(task) -> None:
    dense = Dense(classes=2, axis=1, columns=2, label_at=np.arange(2)) if task == "language" else None
    assert not has_words(Subject(task=task, output=0, dense=dense))


def test_language_models_are_told_where_they_differ_most() -> None:
    dense = Dense(classes=3, axis=1, columns=3, label_at=np.arange(2))
    subject = Subject(task="language", output=0, dense=dense)
    # at the first place nothing is between them; at the second 2 against 1 becomes 1 against 8
    before = np.log([[[7, 2, 1], [1, 2, 1]]]).astype(np.float32)
    after = np.log([[[7, 2, 1], [8, 1, 1]]]).astype(np.float32)
    (one,), (two,) = next_tokens(before, after, subject)
    assert (str(one.name), str(two.name)) == ("token 1", "token 0")
    assert (one.share, two.share) == (pytest.approx(0.5), pytest.approx(0.8))
    worst = np.full_like(after, np.nan)
    (one,), _ = next_tokens(before, worst, subject)
    assert str(one.name) == "token 0", "the first place where there is no number any more"
