"""Small real networks and data sets of arrays, made on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from core.data.dataset import Batch, Role
from core.values import DataInfo, DataSpec

FLOAT = TensorProto.FLOAT


def model_of(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int | str]],
    outputs: dict[str, list[int | str]],
    weights: dict[str, np.ndarray],
    opset: int = 17,
) -> onnx.ModelProto:
    """A checked model with float inputs and outputs."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def written(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    path = folder / name
    onnx.save(model, str(path))
    return path


def dense(weight: np.ndarray, bias: np.ndarray | None = None, batch: int | str = "N") -> onnx.ModelProto:
    """y = x·weightᵀ + bias, one layer 'fc'; weight (out, in)."""
    weights = {"w": weight.astype(np.float32)}
    if bias is not None:
        weights["b"] = bias.astype(np.float32)
    node = helper.make_node("Gemm", ["x", *weights], ["y"], name="fc", transB=1)
    out, wide = weight.shape
    return model_of([node], {"x": [batch, wide]}, {"y": [batch, out]}, weights)


def cnn(classes: int = 4, seed: int = 0, batch: int | str = "N", channels: int = 8) -> onnx.ModelProto:
    """conv1 3×3 → Relu → conv2 3×3 → Relu → mean → fc, input (N, 3, 8, 8). All classes occur."""
    rng = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    weights = {
        "w1": random(channels, 3, 3, 3),
        "b1": random(channels, 1)[:, 0],
        "w2": random(channels, channels, 3, 3),
        "w3": random(classes, channels),
        "b3": np.zeros(classes, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="conv2", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], name="fc", transB=1),
    ]
    shapes: tuple[dict[str, list[int | str]], dict[str, list[int | str]]] = (
        {"x": [batch, 3, 8, 8]},
        {"y": [batch, classes]},
    )
    free = model_of(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", classes]}, weights)
    session = onnxruntime.InferenceSession(free.SerializeToString(), providers=["CPUExecutionProvider"])
    # answers around zero, so that every class is somebody's
    weights["b3"] = -session.run(None, {"x": pictures(64)})[0].mean(axis=0)
    return model_of(nodes, *shapes, weights)


@dataclass
class ArrayData:
    """A data set of arrays in memory; counts how often samples are read."""

    feeds: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    task: str = "unlabelled"
    class_names: tuple[str, ...] = ()
    reads: int = 0

    @property
    def info(self) -> DataInfo:
        count = len(next(iter(self.feeds.values())))
        return DataInfo(
            spec=DataSpec(path="arrays"),
            sha256="a" * 64,
            kind="arrays",
            task=self.task,  # type: ignore[arg-type]
            sample_count=count,
            calibration_count=0,
            judge_count=count,
            class_names=self.class_names,
        )

    def batches(self, role: Role, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        count = self.info.judge_count
        total = count if limit is None else min(limit, count)
        for start in range(0, total, batch_size):
            rows = slice(start, min(start + batch_size, total))
            self.reads += 1
            labels = None if self.labels is None else self.labels[rows]
            feeds = {name: array[rows] for name, array in self.feeds.items()}
            yield Batch(feeds, labels, np.arange(count)[rows])


def pictures(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3, 8, 8)).astype(np.float32)
