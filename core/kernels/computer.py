"""What a measured time belongs to: this processor and this onnxruntime."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import onnxruntime as ort

_CPUINFO = Path("/proc/cpuinfo")
_TOLD = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features", "CPU part")


@cache
def identity() -> tuple[str, ...]:
    """Another processor, other instructions, another onnxruntime: other times."""
    return (*_processor(), platform.machine(), platform.system(), ort.__version__)


def _processor() -> tuple[str, ...]:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return (platform.processor(),)
    facts = (line.partition(":") for line in lines)
    return tuple(value.strip() for name, _, value in facts if name.strip() in _TOLD)
