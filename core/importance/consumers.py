"""Follow a layer's output channels to the layers that read them, and add up the weights they meet.

Channels are followed as positions along one axis of a value. What could move them in a way not known
here ends the search on that branch; it is then said that the sums are incomplete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx_ir as ir

from core.graph.roles import weight_inputs
from core.values import Text, text

# fmt: off
_KEEPS_CHANNELS = frozenset(
    [
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid",
        "HardSwish", "Tanh", "Softplus", "Softsign", "Erf", "Clip", "Abs", "Neg", "Exp", "Log",
        "Sqrt", "Pow", "Mish", "Swish", "ThresholdedRelu", "Identity", "Dropout", "Cast", "Add",
        "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "BatchNormalization",
        "InstanceNormalization", "LayerNormalization", "LpNormalization", "AveragePool", "MaxPool",
        "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "Pad", "Resize", "Upsample",
        "QuantizeLinear", "DequantizeLinear", "Where", "Softmax", "LogSoftmax",
    ]
)
# fmt: on
_REDUCTIONS = frozenset(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"])
_MAX_STEPS = 4000


@dataclass(frozen=True)
class Outgoing:
    sums: np.ndarray | None
    """(channels,) float64; None if no reading layer was found."""
    why_not: Text | None = None


@dataclass(frozen=True)
class _Trail:
    """Channels lie along `axis` of `value`: channel c at offset + c·repeat .. + repeat."""

    value: ir.Value
    axis: int
    rank: int | None
    """Dimensions of the value; exporters leave many shapes out, so it is worked out along the way."""
    offset: int = 0
    flat: bool = False
    """Flattened with what followed the channels: how many positions each takes shows at the reader."""

    @property
    def key(self) -> tuple[int, int, int, bool]:
        return id(self.value), self.axis, self.offset, self.flat


def find_consumers(node: ir.Node, channels: int) -> Outgoing:
    """Return, for each output channel of a layer, the sum of |weights| of the layers that read it."""
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return Outgoing(None, text("A recurrent layer feeds itself; its own weights are shown instead."))
    start = _start(node)
    if start is None:
        return Outgoing(
            None, text("It is not known where this layer's channels go; its own weights are shown.")
        )
    sums = np.zeros(channels)
    queue = [start]
    seen: set[tuple[int, int, int, bool]] = set()
    found = lost = answers = False
    while queue and len(seen) < _MAX_STEPS:
        trail = queue.pop()
        if trail.key in seen:
            continue
        seen.add(trail.key)
        answers = answers or trail.value.is_graph_output()
        for reader, index in trail.value.uses():
            read = _read(reader, index, trail, channels)
            if read is not None:
                sums += read
                found = True
                continue
            following = _follow(reader, index, trail)
            lost = lost or following is None
            queue.extend(following or ())
    if not found and answers and not lost:
        return Outgoing(
            None, text("No layer follows: these are the model's answers. Its own weights are shown.")
        )
    if not found:
        return Outgoing(
            None, text("It is not known where this layer's channels go; its own weights are shown.")
        )
    if lost or queue:
        return Outgoing(
            sums, text("Some of the layers that follow could not be determined; the sums lack them.")
        )
    return Outgoing(sums)


def _start(node: ir.Node) -> _Trail | None:
    output = node.outputs[0]
    if node.op_type in ("Conv", "ConvTranspose"):
        weight = _constant(node.inputs[1])
        return _Trail(output, 1, _rank(output) if weight is None else weight.ndim)
    if node.op_type == "Gemm":
        return _Trail(output, 1, 2)
    rank = _rank(output)
    if rank is None or node.op_type not in ("MatMul", "Gather"):
        return None
    # with the constant in front the rows of the result are the channels
    behind = 2 if node.op_type == "MatMul" and weight_inputs(node) == (0,) else 1
    return _Trail(output, rank - behind, rank)


def _read(node: ir.Node, index: int, trail: _Trail, channels: int) -> np.ndarray | None:
    """Sums of |weights| per channel if the node is a layer that reads the value; else None."""
    weights = weight_inputs(node)
    if not weights or index in weights:
        return None
    constant = _constant(node.inputs[weights[0]])
    if constant is None:
        return None
    per_position = _per_input(node, index, trail, np.abs(constant.astype(np.float64)))
    if per_position is None:
        return None
    if trail.flat:
        repeat, rest = divmod(len(per_position), channels)
        return None if rest or trail.offset else per_position.reshape(channels, repeat).sum(axis=1)
    end = trail.offset + channels
    return per_position[trail.offset : end] if end <= len(per_position) else None


def _per_input(node: ir.Node, index: int, trail: _Trail, weight: np.ndarray) -> np.ndarray | None:
    """Sum of |weights| of each input position along the trail's axis."""
    op = node.op_type
    if op == "Conv" and index == 0 and trail.axis == 1:
        attribute = node.attributes.get("group")
        groups = attribute.as_int() if attribute is not None else 1
        split = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
        return np.asarray(split.sum(axis=(1, 3)).reshape(-1))
    if op == "ConvTranspose" and index == 0 and trail.axis == 1:
        return np.asarray(weight.reshape(weight.shape[0], -1).sum(axis=1))
    if op == "Gemm" and index == 0 and trail.axis == 1 and not _attribute(node, "transA"):
        return np.asarray(weight.sum(axis=0 if _attribute(node, "transB") else 1))
    rank = trail.rank
    if op == "MatMul" and index == 0 and rank is not None and trail.axis == rank - 1 and weight.ndim == 2:
        return np.asarray(weight.sum(axis=1))
    if op == "MatMul" and index == 1 and rank is not None and trail.axis == rank - 2 and weight.ndim == 2:
        return np.asarray(weight.sum(axis=0))
    if op in ("LSTM", "GRU", "RNN") and index == 0 and trail.axis == 2:
        return np.asarray(weight.sum(axis=(0, 1)))
    return None


def _follow(node: ir.Node, index: int, trail: _Trail) -> list[_Trail] | None:
    """Where the channels are behind this node; [] if they only steer it, None if that is not known."""
    op, output = node.op_type, node.outputs[0]
    if op in ("Shape", "Size"):
        return []
    if weight_inputs(node) and op != "Gather":
        return None
    if op in _KEEPS_CHANNELS:
        rank = _rank(output)
        if rank is not None and trail.rank is not None and rank > trail.rank:
            # broadcasting aligns from the back
            return [replace(trail, value=output, axis=trail.axis + rank - trail.rank, rank=rank)]
        return [replace(trail, value=output)]
    if op == "Flatten":
        axis = _attribute(node, "axis", 1)
        return _flattened(trail, output) if trail.axis == axis == 1 else None
    if op in ("Reshape", "Squeeze", "Unsqueeze"):
        return _reshaped(node, trail, output)
    if op in _REDUCTIONS:
        return _reduced(node, trail, output)
    if op == "Transpose":
        permutation = node.attributes.get("perm")
        if permutation is None or trail.flat:
            return None  # without it the axes are reversed, which no exporter of layers writes
        return [replace(trail, value=output, axis=list(permutation.as_ints()).index(trail.axis))]
    if op == "Concat":
        return _concatenated(node, index, trail, output)
    return None


def _reduced(node: ir.Node, trail: _Trail, output: ir.Value) -> list[_Trail] | None:
    """Known if the channels' own axis is not among those that are added up."""
    attribute = node.attributes.get("axes")
    given = _constant(node.inputs[1]) if len(node.inputs) > 1 else None
    if attribute is not None:
        axes = list(attribute.as_ints())
    elif given is not None:
        axes = [int(axis) for axis in given.reshape(-1)]
    else:
        return None
    if trail.rank is None or trail.flat:
        return None
    gone = {axis % trail.rank for axis in axes}
    if trail.axis in gone:
        return None
    if _attribute(node, "keepdims", 1):
        return [replace(trail, value=output)]
    axis = trail.axis - sum(1 for other in gone if other < trail.axis)
    return [replace(trail, value=output, axis=axis, rank=trail.rank - len(gone))]


def _flattened(trail: _Trail, output: ir.Value) -> list[_Trail] | None:
    return None if trail.offset else [replace(trail, value=output, axis=1, rank=2, flat=True)]


def _reshaped(node: ir.Node, trail: _Trail, output: ir.Value) -> list[_Trail] | None:
    """Known where the channels keep an axis of their own, or are flattened with all that follows them."""
    before, after = trail.value.shape, output.shape
    if trail.flat:
        return None
    squeezed = _squeezed(node, trail, output)
    if squeezed or before is None or after is None:
        return squeezed
    size = before[trail.axis]
    if not isinstance(size, int):
        return None
    if len(after) == 2 and trail.axis == 1 and isinstance(after[1], int) and after[1] % size == 0:
        behind = [d for d in before[2:] if isinstance(d, int)]
        if len(behind) == len(before) - 2 and prod(behind) * size == after[1]:
            return _flattened(trail, output)
    same = [axis for axis, other in enumerate(after) if other == size]
    return [replace(trail, value=output, axis=same[0], rank=len(after))] if len(same) == 1 else None


def _squeezed(node: ir.Node, trail: _Trail, output: ir.Value) -> list[_Trail] | None:
    """Squeeze of named axes, and the Reshape to (n, channels·rest) or (0, −1) that flattens pictures."""
    constant = _constant(node.inputs[1]) if len(node.inputs) > 1 else None
    if constant is None or trail.rank is None:
        return None
    numbers = [int(number) for number in constant.reshape(-1)]
    if node.op_type == "Squeeze":
        gone = {axis % trail.rank for axis in numbers}
        axis = trail.axis - sum(1 for other in gone if other < trail.axis)
        return [replace(trail, value=output, axis=axis, rank=trail.rank - len(gone))]
    if node.op_type == "Reshape" and len(numbers) == 2 and numbers[1] == -1 and trail.axis == 1:
        return _flattened(trail, output)
    return None


def _concatenated(node: ir.Node, index: int, trail: _Trail, output: ir.Value) -> list[_Trail] | None:
    rank = trail.rank
    axis = _attribute(node, "axis", 1)
    if axis < 0:
        if rank is None:
            return None
        axis += rank
    if axis != trail.axis:
        return [replace(trail, value=output)]
    sizes = [_size(value, axis) for value in node.inputs[:index]]
    if trail.flat or any(size is None for size in sizes):
        return None
    offset = trail.offset + sum(size or 0 for size in sizes)
    return [replace(trail, value=output, offset=offset)]


def _constant(value: ir.Value | None) -> np.ndarray | None:
    if value is None or value.const_value is None or value.is_graph_input():
        return None
    return value.const_value.numpy()


def _attribute(node: ir.Node, name: str, default: int = 0) -> int:
    attribute = node.attributes.get(name)
    return attribute.as_int() if attribute is not None else default


def _rank(value: ir.Value) -> int | None:
    return None if value.shape is None else len(value.shape)


def _size(value: ir.Value | None, axis: int, depth: int = 0) -> int | None:
    """Positions along an axis, from the shape or, for channels, from the layer that the value comes from."""
    if value is None:
        return None
    if value.shape is not None and axis < len(value.shape):
        size = value.shape[axis]
        return size if isinstance(size, int) else None
    producer = value.producer()
    if producer is None or axis != 1 or depth > 32:
        return None
    op = producer.op_type
    if op in ("Conv", "ConvTranspose", "Gemm"):
        weight = _constant(producer.inputs[1])
        if weight is None:
            return None
        if op == "ConvTranspose":
            return int(weight.shape[1]) * _attribute(producer, "group", 1)
        return int(weight.shape[1 if op == "Gemm" and not _attribute(producer, "transB") else 0])
    if op == "Concat" and _attribute(producer, "axis", 1) == 1:
        sizes = [_size(given, 1, depth + 1) for given in producer.inputs]
        return None if any(size is None for size in sizes) else sum(size or 0 for size in sizes)
    return _size(producer.inputs[0], 1, depth + 1) if op in _KEEPS_CHANNELS else None
