"""`kill -9` of window and engine in the middle of a sweep: what was acknowledged is there, numbers stay.

The short form of bench/kill.py, which does the same a hundred times.
"""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import resources

BENCH = Path(__file__).resolve().parents[2] / "bench"
KILLS = 2
JUDGED = 16
"""Samples a point: each of the five sweeps has as many points, and takes long enough to be killed."""


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("kill")


@pytest.fixture
def bench(kill: ModuleType, tmp_path: Path) -> Iterator[Any]:
    model, data = resources.sample_path("digits_resnet.onnx"), resources.sample_path("digits")
    bench = kill.Bench(tmp_path, str(model), str(data), "{}", JUDGED)
    yield bench
    bench.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.timeout(900)
def test_nothing_that_was_acknowledged_is_lost(kill: ModuleType, bench: Any) -> None:
    assert len(bench.reference) > 50
    for who in (bench.kill_windows, bench.kill_engines):
        tally = kill.Tally()
        who(KILLS, random.Random(1), tally)
        bench.stop()
        assert tally.kills == KILLS and tally.sweeps >= 1
        assert tally.points > 50 and tally.edits > 5
        assert tally.lost == []
        assert (tally.compared, tally.differing) == (tally.sweeps * len(bench.reference), 0)
        assert tally.orphans == 0
