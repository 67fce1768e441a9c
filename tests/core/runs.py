"""What tests of whole runs share: data whose samples serve both roles, and a context that watches."""

from __future__ import annotations

import msgspec
import networks

from core.context import Context
from core.values import DataInfo, RunPoint, Value


class Data(networks.ArrayData):
    """Every sample serves both roles here."""

    @property
    def info(self) -> DataInfo:
        plain = super().info
        return msgspec.structs.replace(plain, calibration_count=plain.sample_count)


class Watch(Context):
    """Keeps the points of a run; cancels itself after some of them."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__(on_partial=self.keep)
        self.points: list[RunPoint] = []
        self.stop_after = stop_after

    def keep(self, value: Value) -> None:
        assert isinstance(value, RunPoint)
        self.points.append(value)
        if len(self.points) == self.stop_after:
            self.cancel()
