"""Several what-ifs at a time, each on one thread: more threads for one run bring small networks little."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, TypeVar

Tag = TypeVar("Tag")
Result = TypeVar("Result")

MOST_HANDS = 4
SMALL_WORK = 4e9
"""Multiply-accumulates of a run up to which runs side by side are faster than several threads for one."""


def hands_for(macs: float, threads: int) -> int:
    """How many runs of so much work should go on side by side, given so many cores."""
    return min(threads, MOST_HANDS) if macs <= SMALL_WORK else 1


class Crew(Generic[Tag, Result]):
    """Begins work in the order in which it is put, and hands back what is done first. A context manager.

    Waiting for a long one while shorter ones behind it are done would leave hands without work. What is not
    begun when the block is left never is; what is running is waited for.
    """

    def __init__(self, hands: int) -> None:
        self.hands = hands
        self._pool = ThreadPoolExecutor(hands, "what-if")
        self._waiting: deque[tuple[Tag, Future[Result]]] = deque()

    def __enter__(self) -> Crew[Tag, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def full(self) -> bool:
        """Whether every hand is busy, and with several of them has something to go on with."""
        return len(self._waiting) >= (self.hands if self.hands == 1 else self.hands + 1)

    @property
    def tags(self) -> list[Tag]:
        """Of what was put and not yet taken, in order."""
        return [tag for tag, _ in self._waiting]

    def put(self, tag: Tag, work: Callable[[], Result]) -> None:
        self._waiting.append((tag, self._pool.submit(work)))

    def take(self) -> tuple[Tag, Result]:
        """A result that is there, in the order of what was put; waits for one. Raises what the work raised,
        and IndexError if there is none."""
        wait([future for _, future in self._waiting], return_when=FIRST_COMPLETED)
        for place, (tag, future) in enumerate(self._waiting):
            if future.done():
                del self._waiting[place]
                return tag, future.result()
        raise IndexError("nothing was put")
