"""Small ONNX graphs to order, opened as the program opens them, and run as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import to_bytes

FLOAT = TensorProto.FLOAT
Feeds = dict[str, np.ndarray]


def node(op: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    """Names separated by blanks; '-' is an input left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def graph_of(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int | str]],
    outputs: list[str],
    weights: dict[str, np.ndarray | onnx.TensorProto] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    tensors = [
        array if isinstance(array, onnx.TensorProto) else numpy_helper.from_array(np.asarray(array), name)
        for name, array in (weights or {}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def body_of(nodes: list[onnx.NodeProto], outputs: list[str], weights: Feeds | None = None) -> onnx.GraphProto:
    return helper.make_graph(
        nodes,
        "body",
        [],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )


def opened(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return open_model(path, Context())


def run(model: onnx.ModelProto | ir.Model | Path, feeds: Feeds) -> list[np.ndarray]:
    """Outputs in onnxruntime, the model as it is: no optimisation that could hide a difference."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if isinstance(model, Path):
        source: str | bytes = str(model)
    elif isinstance(model, ir.Model):
        source = to_bytes(model)
    else:
        source = model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, ["CPUExecutionProvider"]).run(None, feeds)


def assert_same_answers(first: object, second: object, feeds: Feeds, tolerance: float = 1e-5) -> None:
    before, after = run(first, feeds), run(second, feeds)  # type: ignore[arg-type]
    assert len(before) == len(after)
    for expected, found in zip(before, after, strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def operators(model: ir.Model) -> list[str]:
    return [entry.op_type for entry in model.graph.all_nodes()]


def array(model: ir.Model, name: str) -> np.ndarray:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()
