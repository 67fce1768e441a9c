"""Find what comes several times in a row: the longest stretch of a sequence that is one piece repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LONGEST_PIECE = 400
"""Members of a repeated piece; a longer one is no block but half the network."""


@dataclass(frozen=True)
class Repeat:
    """`count` pieces of `period` members each, the first at `start`. Pieces may begin up to `slack` later."""

    start: int
    period: int
    count: int
    slack: int

    @property
    def end(self) -> int:
        return self.start + self.period * self.count


def repeats(kinds: Sequence[int]) -> list[Repeat]:
    """Return stretches that repeat, none of which overlap, in their order; those that cover most win.

    Of pieces that cover the same the shortest is meant: aaaa is a four times, not aa twice.
    """
    array = np.asarray(kinds)
    found: list[Repeat] = []
    for period in range(1, min(len(array) // 2, LONGEST_PIECE) + 1):
        same = np.concatenate([[False], array[period:] == array[:-period], [False]])
        changes = np.flatnonzero(same[1:] != same[:-1])
        for begin, end in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True):
            if end - begin >= period:
                count = (end - begin) // period + 1
                found.append(Repeat(begin, period, count, end - begin + period - count * period))
    found.sort(key=lambda repeat: (-repeat.period * repeat.count, repeat.period, repeat.start))
    taken = np.zeros(len(array), dtype=bool)
    chosen = []
    for repeat in found:
        if not taken[repeat.start : repeat.end + repeat.slack].any():
            taken[repeat.start : repeat.end + repeat.slack] = True
            chosen.append(repeat)
    return sorted(chosen, key=lambda repeat: repeat.start)
