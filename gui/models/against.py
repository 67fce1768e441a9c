"""What the plan in force is compared with: another plan under a name."""

from __future__ import annotations

from typing import Protocol

from core.values import Plan


class Against(Protocol):
    """What the plan in force is compared with."""

    @property
    def plan(self) -> Plan | None: ...

    @property
    def label(self) -> str: ...
