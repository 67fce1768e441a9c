"""Fold a batch normalisation into the layer in front of it.

y = γ·(x − μ)/√(σ² + ε) + β is one factor s and one offset t per channel; with x = W·a + b that is
(s·W)·a + (s·b + t). Exact up to rounding; computed in float64. Source: Jacob et al. 2018, section 3.2.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.graph.names import free_name, taken_names
from core.graph.nodes import all_nodes

_LAYERS = ("Conv", "ConvTranspose", "Gemm")

SCALE = "batch-norm scale"
"""Key of a layer's `meta`: γ of the normalisation that was folded into it, (out,) float64."""


def fold_batch_norms(model: ir.Model) -> int:
    """Fold every batch normalisation that can go, in place; return how many.

    It can where its statistics are constants, the layer's weight belongs to that layer alone, and
    nothing else reads the layer's output.
    """
    norms = [node for node in all_nodes(model.graph) if node.op_type == "BatchNormalization"]
    names = taken_names(model) if norms else set()
    return sum(node.domain in ("", "ai.onnx") and _fold(model, node, names) for node in norms)


def _fold(model: ir.Model, norm: ir.Node, names: set[str]) -> bool:
    entry = norm.inputs[0]
    layer = entry.producer() if entry is not None else None
    if layer is None or entry is None or layer.op_type not in _LAYERS or layer.graph is not norm.graph:
        return False
    if len(entry.uses()) != 1 or entry.is_graph_output() or entry.index() != 0:
        return False
    if any(output.uses() or output.is_graph_output() for output in norm.outputs[1:]):
        return False
    if _number(norm, "training_mode", 0) or _number(norm, "spatial", 1) != 1:
        return False
    if layer.op_type == "Gemm" and (_number(layer, "alpha", 1.0) != 1 or _number(layer, "beta", 1.0) != 1):
        return False
    weight = _own_constant(layer, 1)
    bias_value = layer.inputs[2] if len(layer.inputs) > 2 else None
    bias = _own_constant(layer, 2) if bias_value is not None else None
    if weight is None or (bias_value is not None and bias is None):
        return False
    statistics = [_constant(norm, index) for index in range(1, 5)]
    if any(array is None for array in statistics):
        return False
    gamma, beta, mean, variance = (np.asarray(array, np.float64).ravel() for array in statistics)
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + _number(norm, "epsilon", 1e-5))
    offset = beta - mean * scale
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        return False
    scaled = _scaled(layer, weight.astype(np.float64), scale)
    if scaled is None:
        return False
    start = np.zeros_like(scale) if bias is None else bias.astype(np.float64).ravel()
    if start.size not in (1, scale.size):
        return False
    _replace(layer.inputs[1], scaled.astype(weight.dtype))
    new_bias = (start * scale + offset).astype(weight.dtype)
    if bias_value is not None and bias_value.const_value is not None:
        _replace(bias_value, new_bias)
    else:
        name = free_name(f"{layer.inputs[1].name if layer.inputs[1] else layer.name}.bias", names)
        names.add(name)
        created = ir.Value(name=name, const_value=ir.Tensor(new_bias, name=name))
        created.shape, created.dtype = ir.Shape(new_bias.shape), ir.DataType.from_numpy(new_bias.dtype)
        model.graph.register_initializer(created)
        if len(layer.inputs) < 3:
            layer.resize_inputs(3)
        layer.replace_input_with(2, created)
    # what training made of each channel shows here alone: folded, it is one with the weights
    layer.meta[SCALE] = np.broadcast_to(gamma, scale.shape)
    take_over(entry, norm)
    return True


def take_over(value: ir.Value, node: ir.Node) -> None:
    """Let `value` stand wherever the first output of `node` stood, its name included, and drop the node."""
    output = node.outputs[0]
    graph = node.graph
    assert graph is not None
    is_output = output.is_graph_output()
    name = output.name
    if value.shape is None:
        value.shape = output.shape
    if value.type is None:
        value.type = output.type
    output.replace_all_uses_with(value, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    if is_output:
        output.name = None
        value.name = name


def _scaled(layer: ir.Node, weight: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
    """The weight with its output channels multiplied, None if the sizes do not match."""
    if layer.op_type == "Gemm":
        axis = 0 if _number(layer, "transB", 0) else 1
    elif layer.op_type == "Conv":
        axis = 0
    else:
        groups = int(_number(layer, "group", 1))
        inputs, outputs = weight.shape[0], weight.shape[1]
        if groups * outputs != scale.size or inputs % groups:
            return None
        split = weight.reshape(groups, inputs // groups, outputs, *weight.shape[2:])
        factors = scale.reshape(groups, 1, outputs, *([1] * (weight.ndim - 2)))
        return (split * factors).reshape(weight.shape)
    if weight.shape[axis] != scale.size:
        return None
    shape = [1] * weight.ndim
    shape[axis] = scale.size
    return weight * scale.reshape(shape)


def _constant(node: ir.Node, index: int) -> np.ndarray | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None or not value.is_initializer() or value.is_graph_input() or value.const_value is None:
        return None
    return value.const_value.numpy()


def _own_constant(node: ir.Node, index: int) -> np.ndarray | None:
    """A float32 or float64 constant that only this node reads."""
    value = node.inputs[index] if index < len(node.inputs) else None
    array = _constant(node, index)
    if value is None or array is None or len(value.uses()) != 1 or value.is_graph_output():
        return None
    return array if array.dtype in (np.float32, np.float64) else None


def _replace(value: ir.Value | None, array: np.ndarray) -> None:
    assert value is not None
    array.setflags(write=False)
    value.const_value = ir.Tensor(array, name=value.name)
    value.shape = ir.Shape(array.shape)


def _number(node: ir.Node, name: str, default: float) -> float:
    attribute = node.attributes.get(name)
    return attribute.value if attribute is not None else default
