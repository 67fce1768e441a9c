"""A session over an engine that never answers, with four layers whose figures are easy to work out."""

from __future__ import annotations

import itertools
from functools import cache

import msgspec
import numpy as np
from PySide6.QtCore import QLocale, QObject, Signal
from PySide6.QtWidgets import QApplication

from core.messages import Request
from core.values import (
    Array,
    Latency,
    Layer,
    LayerTime,
    LayerView,
    Measurement,
    ModelInfo,
    Outcome,
    SensitivityPoint,
    Timings,
    text,
)
from gui.session import Session
from gui.theme import Theme

NAMES = ("stem", "body", "table", "head")
BYTES = (1000, 5000, 3000, 1000)


class SilentEngine(QObject):
    event = Signal(object)
    started = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids = itertools.count(1)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Request:
        self.sent.append(msgspec.structs.replace(request, id=next(self._ids)))
        return self.sent[-1]

    def cancel(self, request_id: int, firm: bool = True) -> None:
        pass


def make_layer(name: str, size: int, **changes: object) -> Layer:
    layer = Layer(
        id=f"/{name}/Conv", label=name, op="Conv", kind="Conv 3×3", weights=(f"{name}.weight",),
        shape=(4, 2, 3, 3), out_channels=4, in_channels=2, params=size // 4, bytes=size,
    )  # fmt: skip
    return msgspec.structs.replace(layer, **changes)


def make_model(count: int = 4) -> ModelInfo:
    """'table' may be looked at only; the other layers may be changed. More layers are plain ones."""
    layers = [make_layer(name, size) for name, size in zip(NAMES, BYTES, strict=True)]
    layers[2] = msgspec.structs.replace(
        layers[2],
        kind="Embedding",
        prunable=False,
        quantizable=False,
        why_not=(text("Its weight is shared with the output."),),
    )
    layers += [make_layer(f"more{index}", 1000) for index in range(count - 4)]
    return ModelInfo(
        path="/models/four.onnx", name="four.onnx", sha256="f", size_bytes=12000, opset=17, ir_version=8,
        layers=tuple(layers), params=2500,
    )  # fmt: skip


def accuracy(value: float, count: int = 1000, **changes: object) -> Measurement:
    made = Measurement(metric="top1", value=value, low=value - 2, high=value + 2, count=count, unit="%")
    return msgspec.structs.replace(made, **changes)


def make_outcome(value: float = 90.0, size: int = 12000, latency_ms: float = 4.0) -> Outcome:
    latency = Latency(
        median_ms=latency_ms, low_ms=latency_ms * 0.9, high_ms=latency_ms * 1.1, runs=40, threads=2
    )
    return Outcome(measurements=(accuracy(value),), size_bytes=size, zipped_bytes=size // 2, latency=latency)


def make_points(layer_id: str, scale: float = 1.0) -> list[SensitivityPoint]:
    """Losses 0.4, 1.0, 2.0, 4.0 at 25, 50, 75, 90 % zeros; 0.1 and 1.6 at 8 and 4 bits, times `scale`."""
    pruned = [(0.25, 32, 0.4), (0.5, 32, 1.0), (0.75, 32, 2.0), (0.9, 32, 4.0)]
    settings = [*pruned, (0.0, 8, 0.1), (0.0, 4, 1.6)]
    return [
        SensitivityPoint(
            layer_id=layer_id,
            sparsity=sparsity,
            weight_bits=bits,
            measurement=accuracy(90.0 - loss * scale, 512),
            loss=loss * scale,
            loss_low=loss * scale - 0.2,
            loss_high=loss * scale + 0.2,
        )
        for sparsity, bits, loss in settings
    ]


@cache
def make_theme() -> Theme:
    """One for all tests: each new one restyles every widget that is still alive."""
    return Theme(QApplication.instance(), "light")


def make_session(*, analyzed: bool = True, count: int = 4) -> Session:
    # figures are written by locale: the same ones whatever ran before
    QLocale.setDefault(QLocale("en"))
    session = Session(SilentEngine())
    session._take(make_model(count))
    if analyzed:
        session._take(make_outcome())
        shares = (0.2, 0.6, 0.0, 0.2)
        times = tuple(
            LayerTime(layer_id=layer.id, time_ms=4 * share, share=share)
            for layer, share in zip(session.model.layers, shares, strict=False)
        )
        session._take(Timings(layers=times, total_ms=4.0, threads=2))
        for name, scale in (("stem", 1.0), ("body", 0.5), ("head", 0.25)):
            for point in make_points(f"/{name}/Conv", scale):
                session._take(point)
    return session


def make_view(layer_id: str) -> LayerView:
    """A 4 × 2 importance and 100 weights spread evenly over −1..1 in 20 bins."""
    heat = np.array([[1, 2], [7, 8], [3, 4], [5, 6]], np.float32)
    return LayerView(
        layer_id=layer_id,
        score="magnitude",
        heatmap=Array.of(heat),
        rows_sorted=Array.of(np.array([3, 0, 2, 1], np.int32)),
        per_channel=Array.of(heat.mean(axis=1)),
        histogram=Array.of(np.full(20, 5, np.int64)),
        bin_edges=Array.of(np.linspace(-1, 1, 21)),
    )
