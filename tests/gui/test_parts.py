"""Parts of a whole never read as none."""

from __future__ import annotations

import pytest

from gui import format as fmt


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0.0 %"),
        (0.034, "3.4 %"),
        (0.00012, "0.01 %"),
        (0.000062, "0.006 %"),
        (0.000001, "below 0.001 %"),
    ],
)
def test_small_parts_keep_a_digit(qapp: object, share: float, expected: str) -> None:
    assert fmt.part(share).replace("\u202f", " ").replace("\xa0", " ") == expected


def test_a_progress_is_counted_as_long_as_a_person_would_count(qapp: object) -> None:
    assert fmt.progress(14, 22) == "14 of 22"
    assert fmt.progress(548_046, 1_096_091) == "50 %"
    assert fmt.progress(1_096_092, 1_096_091) == "100 %", "never more than the whole"


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (999, "999 B"),
        (34_010, "34.0 kB"),
        (1_100_000, "1.10 MB"),
        (18_600_000, "18.6 MB"),
        (773_900_000, "774 MB"),
    ],
)
def test_sizes_have_three_digits(qapp: object, size_bytes: int, expected: str) -> None:
    assert fmt.size(size_bytes) == expected
