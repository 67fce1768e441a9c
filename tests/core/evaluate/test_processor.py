"""Whether the integer kernels overflow here, against what the processor says of itself."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from core.evaluate.processor import saturates

CPUINFO = Path("/proc/cpuinfo")


def test_the_kernels_overflow_just_where_vnni_is_missing() -> None:
    if platform.machine() not in ("x86_64", "AMD64") or not CPUINFO.exists():
        pytest.skip("only Linux on x86 lists what its processor can do")
    flags = next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")).split()
    assert saturates() is not bool({"avx512_vnni", "avx_vnni"} & set(flags))
