"""What tests of whole runs share: data whose samples serve both roles, and a context that watches."""

from __future__ import annotations

import msgspec
import networks
import numpy as np
import onnx

from core.context import Context
from core.values import DataInfo, Result, RunPoint, Value


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
        if not isinstance(value, RunPoint):
            return
        self.points.append(value)
        if len(self.points) == self.stop_after:
            self.cancel()


def grids(path: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(integers, scale) of each weight in a file of 2- to 8-bit weights with 8-bit activations."""
    graph = onnx.load(path).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    found = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            dequantize = made[node.input[1]]
            q, scale = dequantize.input[0], onnx.numpy_helper.to_array(stored[dequantize.input[1]])
            q = made[q].input[0] if q in made else q
            found[node.name] = onnx.numpy_helper.to_array(stored[q]).astype(np.int32), scale
    return found


def distance(result: Result) -> float:
    """From the original's answers, measured by onnxruntime on the written file, nats."""
    return next(m.value for m in result.after.measurements if m.metric == "kl")
