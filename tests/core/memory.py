"""How much memory something takes at most, as the kernel counts it: numpy, torch and onnxruntime alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from core.evaluate.give_back import give_back

T = TypeVar("T")


def most_bytes(work: Callable[[], T]) -> tuple[T, int]:
    """What it returns, and the most bytes of this process meanwhile, less those before it. Linux only."""
    give_back()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    result = work()
    return result, _status("VmHWM") - before


def held_bytes() -> int:
    """Of this process, once what was let go of has gone back. Linux only."""
    give_back(networks=True)
    return _status("VmRSS")


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
