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
