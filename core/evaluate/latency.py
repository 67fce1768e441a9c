"""Milliseconds of one run on this computer, models in turns so that each meets the same computer.

A B A B ...: a processor that slows down, or another program, then hurts all alike.
Turns in which the system took the processor away do not count: they tell of the other program.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from core.context import Context
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.values import Latency, text

SECONDS = 3.0
"""Time budget for each model, warm-up apart."""
MIN_RUNS, MAX_RUNS = 10, 200
WARM_UP_RUNS, WARM_UP_SECONDS = 3, 0.3

# Windows has no such module
resource = importlib.import_module("resource") if sys.platform != "win32" else None

Feeds = Mapping[str, np.ndarray]


def measure_latency(
    paths: Sequence[Path | str],
    batch: int = 1,
    threads: int | None = None,
    context: Context | None = None,
    feeds: Feeds | None = None,
    seconds: float = SECONDS,
) -> list[Latency]:
    """Return the latency of each model file, in order: median, 5th and 95th percentile of runs.

    Without `feeds` the inputs are random, shaped by each model; where the model leaves sizes open a
    usual one is taken. A fixed batch dimension wins over `batch`. Raises what `Runner` raises.
    """
    context = context or Context()
    runners = [Runner(Path(path), threads, constant=True) for path in paths]
    sizes = [runner.batch_size(batch) for runner in runners]
    given = [feeds or example_feeds(r, size) for r, size in zip(runners, sizes, strict=True)]
    runs = [_bound(r, f) for r, f in zip(runners, given, strict=True)]
    times = time_in_turns(runs, context, seconds)
    return [
        Latency(
            median_ms=float(np.median(t)),
            low_ms=float(np.percentile(t, 5)),
            high_ms=float(np.percentile(t, 95)),
            runs=len(t),
            threads=runner.threads,
            batch=size,
        )
        for t, runner, size in zip(times, runners, sizes, strict=True)
    ]


def time_in_turns(
    runs: Sequence[Callable[[], object]], context: Context, seconds: float = SECONDS
) -> list[np.ndarray]:
    """Return the milliseconds of each, arrays of the same length, in the least disturbed turns after warm-up.

    At least `MIN_RUNS` turns and a quarter of all; all where the system does not tell what it interrupted.
    """
    longest = max(_warm_up(run, context) for run in runs)
    rounds = int(np.clip(seconds / max(longest, 1e-6), MIN_RUNS, MAX_RUNS))
    times = np.zeros((len(runs), rounds))
    interrupted = np.zeros((len(runs), rounds), np.int64)
    for turn in range(rounds):
        for position, run in enumerate(runs):
            before = interruptions()
            start = time.perf_counter()
            run()
            times[position, turn] = 1000 * (time.perf_counter() - start)
            interrupted[position, turn] = interruptions() - before
        context.report(text("Measuring the latency"), turn + 1, rounds)
    # whole turns, so that what is left of each still met the same computer
    disturbed = interrupted.sum(axis=0)
    least = np.sort(disturbed)[max(MIN_RUNS, rounds // 4) - 1]
    return list(times[:, disturbed <= least])


def interruptions() -> int:
    """How often the system has taken the processor from a thread of this process; 0 if it does not tell."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _bound(runner: Runner, feeds: Feeds) -> Callable[[], object]:
    return lambda: runner.run(feeds)


def _warm_up(run: Callable[[], object], context: Context) -> float:
    """Seconds of the last of some runs: the first ones allocate memory and wake the threads."""
    began = time.perf_counter()
    last = 0.0
    for turn in range(MAX_RUNS):
        context.check()
        start = time.perf_counter()
        run()
        now = time.perf_counter()
        last = now - start
        if turn + 1 >= WARM_UP_RUNS and now - began > WARM_UP_SECONDS:
            break
    return last
