"""Where the bias of a layer is, reading and replacing it."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.graph.roles import GATES
from core.methods._edit import add_initializer, constant


def read_bias(node: ir.Node, channels: int) -> np.ndarray | None:
    """The bias as (channels,) float32, zeros where there is none yet; None where there can be none.

    Conv, ConvTranspose and Gemm take it as third input; of a MatMul it is the constant of an Add behind it.
    LSTM, GRU and RNN have two that add up: here it is that of the inputs, of every direction and gate.
    """
    if node.op_type in GATES:
        return _input_bias(node, channels)
    site = _site(node)
    if site is None:
        return None
    owner, index = site
    value = owner.inputs[index] if index < len(owner.inputs) else None
    if value is None:
        return np.zeros(channels, np.float32)
    array = constant(value)
    if array is None or array.size not in (1, channels) or not np.issubdtype(array.dtype, np.floating):
        return None
    flat = array.astype(np.float32).reshape(-1)
    return np.array(np.broadcast_to(flat, (channels,)))


def set_bias(model: ir.Model, node: ir.Node, bias: np.ndarray) -> None:
    """Give the layer this bias (channels,); a constant that others read too stays as it is."""
    if node.op_type in GATES:
        _set_input_bias(model, node, bias)
        return
    site = _site(node)
    assert site is not None, "a bias was computed for a layer that has none"
    owner, index = site
    weight = node.inputs[1]
    dtype = (weight.dtype if weight is not None else None) or ir.DataType.FLOAT
    old = owner.inputs[index] if index < len(owner.inputs) else None
    name = (old.name if old is not None else None) or f"{node.name}_bias"
    fresh = add_initializer(model, name, bias.astype(dtype.numpy()))
    if index >= len(owner.inputs):
        owner.resize_inputs(index + 1)
    owner.replace_input_with(index, fresh)


def shaped_bias(bias: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A bias of `read_bias`, in the place of the constant `like` that `set_bias` made.

    Of a recurrent layer's two the other one stays.
    """
    array = bias.astype(like.dtype)
    if array.size == like.size:
        return array.reshape(like.shape)
    each = array.reshape(len(like), -1)
    return np.concatenate([each, like[:, each.shape[1] :]], axis=1)


def recurrent_bias(node: ir.Node) -> np.ndarray | None:
    """The biases of an LSTM, GRU or RNN, (directions, 2 · gates · hidden); None without or if computed."""
    return constant(node.inputs[3]) if len(node.inputs) > 3 else None


def _input_bias(node: ir.Node, channels: int) -> np.ndarray | None:
    if len(node.inputs) < 4 or node.inputs[3] is None:
        return np.zeros(channels, np.float32)
    both = recurrent_bias(node)
    if both is None or both.size != 2 * channels or both.dtype != np.float32:
        return None
    return np.ascontiguousarray(both[:, : both.shape[1] // 2]).reshape(-1)


def _set_input_bias(model: ir.Model, node: ir.Node, bias: np.ndarray) -> None:
    weight, old = constant(node.inputs[1]), recurrent_bias(node)
    assert weight is not None
    each = bias.astype(np.float32).reshape(len(weight), -1)
    both = np.zeros((len(each), 2 * each.shape[1]), np.float32) if old is None else old
    name = (node.inputs[3].name if len(node.inputs) > 3 and node.inputs[3] is not None else None) or ""
    fresh = add_initializer(model, name or f"{node.name}_bias", shaped_bias(each, both))
    if len(node.inputs) < 4:
        node.resize_inputs(4)
    node.replace_input_with(3, fresh)


def _site(node: ir.Node) -> tuple[ir.Node, int] | None:
    if node.op_type in ("Conv", "Gemm", "ConvTranspose"):
        return node, 2
    weight = node.inputs[1] if node.op_type == "MatMul" else None
    # of a stack of matrices one bias would serve all
    if weight is None or weight.shape is None or len(weight.shape) != 2:
        return None
    uses = list(node.outputs[0].uses())
    if len(uses) != 1 or uses[0].node.op_type != "Add" or node.outputs[0].is_graph_output():
        return None
    add = uses[0].node
    other = 1 - uses[0].idx
    array = constant(add.inputs[other])
    return (add, other) if array is not None and array.ndim <= 1 else None
