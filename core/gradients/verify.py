"""Hold the torch module against onnxruntime node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import onnxruntime

from core.gradients.convert import to_torch
from core.gradients.lazy import torch
from core.gradients.operators._common import to_tensor
from core.graph.weights import to_bytes


@dataclass(frozen=True)
class Difference:
    """The largest absolute and relative difference of one node's outputs.

    `relative` is the absolute one over the largest magnitude that onnxruntime gives.
    """

    node: str
    operator: str
    absolute: float
    relative: float


def verify(model: ir.Model, feeds: Mapping[str, np.ndarray]) -> list[Difference]:
    """Return how far torch is from onnxruntime, for every node of the main graph that both computed.

    Each node gets onnxruntime's values as its inputs, so that a fault shows where it is. Differences in
    shape or kind count as infinite. Values inside bodies of If and Loop are judged by what comes out.
    """
    expected = _all_values(model, feeds)
    seen: dict[str, tuple[float, float]] = {}

    def tap(name: str) -> object:
        def compare(value: torch.Tensor) -> torch.Tensor:
            seen[name] = _difference(value.detach(), expected[name])
            replaced = to_tensor(expected[name])
            # whole numbers inside a quantised pair travel as floats
            return replaced.to(value.dtype) if value.is_floating_point() else replaced

        return compare

    graph = to_torch(model)
    with torch.no_grad():
        graph(feeds, taps={name: tap(name) for name in expected})
    result = []
    for node in model.graph:
        found = [seen[output.name] for output in node.outputs if output.name in seen]
        if found:
            absolute, relative = (max(pair[i] for pair in found) for i in (0, 1))
            result.append(Difference(node.name or "", node.op_type, absolute, relative))
    return result


def _all_values(model: ir.Model, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every value of the main graph by name, from onnxruntime without its optimisations."""
    copy = model.clone()
    outputs = {value.name for value in copy.graph.outputs}
    names = []
    for node in copy.graph:
        for value in node.outputs:
            if value.name and (value.uses() or value.name in outputs):
                names.append(value.name)
                if value.name not in outputs:
                    copy.graph.outputs.append(value)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(to_bytes(copy), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _difference(value: torch.Tensor, expected: np.ndarray) -> tuple[float, float]:
    infinite = (float("inf"), float("inf"))
    actual = value.to(torch.float64).numpy()
    if actual.shape != expected.shape or (value.dtype == torch.bool) != (expected.dtype == np.bool_):
        return infinite
    wanted = expected.astype(np.float64)
    if not np.array_equal(np.isfinite(actual), np.isfinite(wanted)):
        return infinite
    finite = np.isfinite(wanted)
    absolute = float(np.abs(actual[finite] - wanted[finite]).max(initial=0.0))
    scale = float(np.abs(wanted[finite]).max(initial=0.0))
    return absolute, absolute / scale if scale else absolute
