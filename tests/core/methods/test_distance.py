"""How far answers are from the original's, worked out by hand."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest

from core.evaluate.answers import Subject
from core.methods.sequential import distance

NUMBERS, CLASSES = Subject("unlabelled", 0), Subject("unlabelled", 0, classes=2)


def far(reference: list, answers: list, subject: Subject = NUMBERS) -> float:
    return distance(np.array(reference, np.float32), np.array(answers, np.float32), subject)


def test_numbers_are_apart_by_the_square_over_the_references_square() -> None:
    assert far([[3, 4]], [[3, 4]]) == 0
    assert far([[3, 4]], [[3, 3]]) == pytest.approx(1 / 25)


def test_classes_are_apart_by_the_divergence_of_their_shares() -> None:
    # shares of 1/2 and 1/2 against 3/4 and 1/4
    expected = 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25)
    assert far([[0, 0]], [[log(3), 0]], CLASSES) == pytest.approx(expected, rel=1e-5)


def test_what_is_found_once_more_or_not_at_all_counts_from_zero() -> None:
    """Lists as long as what was found: the nearer one is still told from the one that is further off."""
    assert far([[3, 4]], [[3]]) == pytest.approx(16 / 25)
    assert far([[3, 4]], [[3, 4, 5]]) == pytest.approx(25 / 25)
    assert far([[1, 2], [2, 4]], [[1, 1]]) == pytest.approx((1 + 4 + 16) / 25)
    # one of the two rows was not found, whatever the columns are taken for
    assert far([[1, 2], [2, 4]], [[1, 2]], CLASSES) == pytest.approx((4 + 16) / 25)


@pytest.mark.parametrize("answers", [[[np.nan, 4]], [[np.inf]], [3.0]])
def test_no_numbers_and_other_things_are_infinitely_far(answers: list) -> None:
    assert far([[3, 4]], answers) == inf
