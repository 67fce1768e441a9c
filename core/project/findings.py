"""What the window shows of a model on its samples, as it was found: there at once when a project opens.

The measurements beside it serve the engine, which alone knows their keys; these are the values that
were sent to the window, kept before they are sent.
"""

from __future__ import annotations

import time

import msgspec

from core.messages import Payload
from core.project.coding import packed, unpacked
from core.project.connection import Connection
from core.values import (
    DamageLink,
    GiveBack,
    LatencyTable,
    Outcome,
    PlanMeasured,
    SensitivityPoint,
    Timings,
    digest,
)

_COMPLETE = "complete"
_SETTING = ("layer_id", "sparsity", "pattern", "weight_bits", "activation_bits")
"""What tells one what-if of a layer from another."""
KEPT = (Outcome, Timings, LatencyTable, SensitivityPoint, DamageLink, PlanMeasured, GiveBack)
"""What says something of the model; other values on the way are of their job alone."""


class Findings:
    """By model and samples (`DataInfo.key`)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, model_sha256: str, data_key: str) -> tuple[tuple[Payload, ...], bool]:
        """The values in the order in which they were found; whether an analysis came to its end."""
        rows = self._connection.read(
            "SELECT subject, value FROM finding WHERE model_sha256=? AND data_key=? ORDER BY made, subject",
            (model_sha256, data_key),
        )
        values: list[Payload] = []
        complete = False
        for subject, content in rows:
            if subject == _COMPLETE:
                complete = True
                continue
            try:
                values.append(unpacked(content, Payload))  # type: ignore[arg-type]
            except msgspec.MsgspecError:
                continue  # written by another version: it is found anew
        return tuple(values), complete

    def keep(self, model_sha256: str, data_key: str, value: Payload) -> None:
        """Keep what was found; a what-if that was measured again takes the place of its earlier figure.

        Estimates are not kept: there are many, and they come back within seconds.
        """
        if not isinstance(value, KEPT):
            return
        subject = type(value).__name__
        if isinstance(value, SensitivityPoint):
            if value.estimate:
                return
            subject += " " + digest(*(getattr(value, name) for name in _SETTING))
        elif isinstance(value, PlanMeasured):
            subject += " " + digest(value.plan)
        elif isinstance(value, GiveBack):
            subject += " " + digest(value.plan_key, value.layers)
        self._put(model_sha256, data_key, subject, packed(value))

    def complete(self, model_sha256: str, data_key: str) -> None:
        """An analysis of all layers came to its end."""
        self._put(model_sha256, data_key, _COMPLETE, b"")

    @property
    def count(self) -> int:
        return int(self._connection.read("SELECT count(*) FROM finding")[0][0])

    def _put(self, model_sha256: str, data_key: str, subject: str, value: bytes) -> None:
        with self._connection.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO finding(model_sha256, data_key, subject, value, made) "
                "VALUES (?, ?, ?, ?, ?)",
                (model_sha256, data_key, subject, value, time.time()),
            )
