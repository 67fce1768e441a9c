"""Threads that each compute alone.

torch's own threads wait for each other within every operator; on cores that others use too, a batch then
takes many times as long (measured: 40 times for small networks). Threads that have a part of the samples
to themselves never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from core.evaluate.threads import physical_cores
from core.gradients.lazy import torch

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """A pool of `count` threads (None: the physical cores); while it is open, torch has so many in each."""

    def __init__(self, count: int | None = None, threads: int = 1) -> None:
        self.count = count or physical_cores()
        self._before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(threads,))

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results in order; the first error ends it."""
        return self._pool.map(work, items)

    def __enter__(self) -> Workers:
        torch.set_num_threads(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._before)


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by itself; elsewhere it is slower than float32."""
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(ask()) if ask is not None else False
