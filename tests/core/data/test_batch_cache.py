"""Prepared samples on disk: prepared once, the same again, never beyond the limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.data.batch_cache import CachedSource


class Counting:
    """Rows that are worked out from their position; counts how often."""

    def __init__(self) -> None:
        self.labels = np.arange(100)
        self.made: list[int] = []

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        self.made += indices.tolist()
        return {
            "x": (indices[:, None] * np.ones((1, 6))).astype(np.float32).reshape(-1, 2, 3),
            "n": indices.astype(np.int64),
        }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(
        (one[name] == other[name]).all()
        and one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        for name in ("x", "n")
    )


def test_samples_are_prepared_once_in_whatever_order_they_are_asked_for(tmp_path: Path) -> None:
    source = Counting()
    cached = CachedSource(source, folder=tmp_path)
    asked = [np.array(one) for one in ([3, 1, 2], [2, 7, 3], [7, 1], [9], [1, 9, 8, 2])]
    for indices in asked:
        assert same(cached.load(indices), Counting().load(indices))
    assert sorted(source.made) == [1, 2, 3, 7, 8, 9]
    assert not list(tmp_path.iterdir())  # nobody else sees it
    assert cached.labels is source.labels


def test_the_limit_holds_and_the_first_stay(tmp_path: Path) -> None:
    source = Counting()
    row = 6 * 4 + 8
    cached = CachedSource(source, limit_bytes=3 * row, folder=tmp_path)
    for _ in range(2):
        for start in range(0, 8, 2):
            cached.load(np.arange(start, start + 2))
    assert cached.kept_bytes == 3 * row
    assert source.made.count(0) == source.made.count(2) == 1
    assert source.made.count(7) == 2


def test_inputs_that_samples_share_are_passed_on(tmp_path: Path) -> None:
    class Shared(Counting):
        def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
            return {**super().load(indices), "rate": np.array(16000)}

    source = Shared()
    cached = CachedSource(source, folder=tmp_path)
    for _ in range(2):
        assert cached.load(np.array([4]))["rate"] == 16000
    assert source.made == [4, 4]
