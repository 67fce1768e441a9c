"""How many threads a measurement uses: the physical cores that this process may run on."""

from __future__ import annotations

import os
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """Return the number of physical cores available to this process, at least 1.

    Two hardware threads of one core share its arithmetic units, so that onnxruntime gains nothing from
    the second. A container's CPU quota counts too. Where the system doesn't tell, logical cores count.
    """
    if hasattr(os, "sched_getaffinity"):
        cpus = os.sched_getaffinity(0)
    else:
        cpus = set(range(os.cpu_count() or 1))
    cores = len({_siblings(cpu) for cpu in cpus})
    quota = _quota()
    return max(1, min(cores, quota) if quota else cores)


def _siblings(cpu: int) -> str:
    try:
        return Path(_TOPOLOGY.format(cpu=cpu)).read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _quota() -> int | None:
    try:
        share, period = _QUOTA.read_text(encoding="ascii").split()
        return None if share == "max" else max(1, int(share) // int(period))
    except (OSError, ValueError):
        return None
