"""What the program under test of bench/kill.py acknowledges: a line of JSON for all that reached it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from core.values import Plan, SensitivityPoint

Line = dict[str, Any]


class Log:
    """Written in one process and read in another; the lines of later starts follow those of earlier ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        self._read: list[Line] = []
        self._offset = 0

    def write(self, **line: object) -> None:
        """When this returns the line is with the system, thus safe from `kill -9`."""
        if self._file < 0:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(self._file, (json.dumps(line) + "\n").encode())

    def lines(self) -> list[Line]:
        """All that was written so far; only what is new is read."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole, end, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(end)
            self._read += [json.loads(line) for line in whole.splitlines()]
        return self._read


def key_of(point: SensitivityPoint) -> list[object]:
    """What was changed in which layer."""
    return [point.layer_id, point.sparsity, point.pattern, point.weight_bits, point.activation_bits]


def figures_of(point: SensitivityPoint) -> list[object]:
    """What that cost, to the last bit."""
    return [point.measurement.value, point.measurement.count, point.loss, point.kl, point.damage]


def mark_of(plan: Plan) -> str:
    """Tells plans apart in a line."""
    encoded = msgspec.json.encode(plan, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]
