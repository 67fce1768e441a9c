"""Reach the weights of a layer, view them as a matrix, replace them, and serialise the model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx_ir as ir

from core.errors import PlanError
from core.graph.apart import encoded
from core.graph.roles import weight_inputs
from core.values import Layer, text

PROTOBUF_LIMIT = 2**31 - 1
"""A protobuf message cannot be larger (bytes)."""
_ROOM_BYTES = 64 << 20
"""Of a file for all that is no weight."""
LARGE_BYTES = 64 << 20
"""Of weights from which a model is not put together in memory, where it would lie three times."""


def find_node(model: ir.Model, layer_id: str) -> ir.Node:
    """Return the node of this name, bodies of If, Loop and Scan included. Raises PlanError."""
    for node in model.graph.all_nodes():
        if node.name == layer_id:
            return node
    raise PlanError(
        text("The model has no layer '{layer}'.", layer=layer_id),
        next_step=text("Open the model again and choose from the layers in the table."),
    )


def get_weights(model: ir.Model, layer: Layer) -> list[np.ndarray]:
    """Return the arrays of `layer.weights`, in that order, as stored. Treat them as read-only."""
    return [_initializer(model, name).numpy() for name in layer.weights]


def set_weight(model: ir.Model, name: str, array: np.ndarray) -> None:
    """Replace an initializer's content; the name stays. Raises PlanError if there is none of that name."""
    _initializer(model, name)
    value = model.graph.initializers[name]
    tensor = ir.Tensor(np.ascontiguousarray(array), name=name)
    value.const_value = tensor
    value.dtype = tensor.dtype
    value.shape = ir.Shape(array.shape)


def out_axis(layer: Layer, node: ir.Node) -> int:
    """Return the axis of the output channels in the first weight, counted from the front.

    For a grouped ConvTranspose the weight (in, out/groups, k...) has only the channels of one group there.
    """
    return axis_of_outputs(node, len(layer.shape))


def axis_of_outputs(node: ir.Node, rank: int) -> int:
    """`out_axis` of a weight with so many dimensions."""
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "Gemm":
        attribute = node.attributes.get("transB")
        return 0 if attribute is not None and attribute.as_int() else 1
    if node.op_type in ("MatMul", "MatMulInteger", "QLinearMatMul"):
        first = weight_inputs(node) == (0,)
        return rank - (2 if first else 1)
    if node.op_type in ("LSTM", "GRU", "RNN", "Gather"):
        return 1
    return 0


def matrix_view(layer: Layer, node: ir.Node, weight: np.ndarray) -> np.ndarray:
    """Return a weight as float32 matrix (out, in·k): a row is everything that feeds one output channel.

    An LSTM's W (directions, gates·hidden, in) gives (directions·gates·hidden, in), a stack of MatMul
    matrices (s, in, out) gives (s·out, in). A weight of integers is multiplied out with its scale where
    a DequantizeLinear of the node has one.
    """
    values = _dequantized(layer, node, weight)
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return values.reshape(-1, values.shape[-1])
    axis = out_axis(layer, node)
    if node.op_type == "ConvTranspose":
        return _transposed_convolution(node, values)
    if values.ndim > 2 and node.op_type in ("MatMul", "MatMulInteger", "QLinearMatMul"):
        rows_last = values if axis == values.ndim - 2 else np.swapaxes(values, -1, -2)
        return rows_last.reshape(-1, rows_last.shape[-1])
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def whole_matrix(layer: Layer, node: ir.Node, weights: list[np.ndarray]) -> np.ndarray:
    """Return all weights of a layer as one matrix: those with the same rows as the first lie side by side.

    So a recurrent layer shows its input and its recurrent weights.
    """
    views = [matrix_view(layer, node, weight) for weight in weights if weight.ndim]
    same = [view for view in views if len(view) == len(views[0])]
    return views[0] if len(same) == 1 else np.concatenate(same, axis=1)


def as_stored(layer: Layer, node: ir.Node, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a matrix (out, in·k) laid out as a weight of this shape: the inverse of `matrix_view`."""
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return matrix.reshape(shape)
    axis = axis_of_outputs(node, len(shape))
    if node.op_type == "ConvTranspose":
        attribute = node.attributes.get("group")
        groups = attribute.as_int() if attribute is not None else 1
        split = matrix.reshape(groups, shape[1], shape[0] // groups, *shape[2:])
        return np.swapaxes(split, 1, 2).reshape(shape)
    if len(shape) > 2 and node.op_type in ("MatMul", "MatMulInteger", "QLinearMatMul"):
        if axis == len(shape) - 2:
            return matrix.reshape(shape)
        return np.swapaxes(matrix.reshape(*shape[:-2], shape[-1], shape[-2]), -1, -2)
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.moveaxis(matrix.reshape(moved), 0, axis)


def to_bytes(model: ir.Model) -> bytes:
    """Serialise to one ONNX file in memory. Raises PlanError above 2 GiB, where only `save` can help."""
    if _weight_bytes(model) > PROTOBUF_LIMIT:
        raise PlanError(
            text("The model is larger than 2 GiB and does not fit into one ONNX file."),
            next_step=text("Save it to disk: its weights then go into a file beside it."),
        )
    return ir.serde.serialize_model(model).SerializeToString()


def save(model: ir.Model, path: str | os.PathLike[str], data: str = "") -> None:
    """Write an ONNX file; above 2 GiB the weights go to a file beside it, of the name `data` or NAME.data."""
    target = Path(path)
    if _weight_bytes(model) > PROTOBUF_LIMIT - _ROOM_BYTES:
        ir.save(model, target, external_data=data or target.name + ".data")
        return
    if _weight_bytes(model) > LARGE_BYTES:
        with target.open("wb") as file:
            file.writelines(encoded(model))
        return
    target.write_bytes(to_bytes(model))


def _weight_bytes(model: ir.Model) -> int:
    return sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)


def _initializer(model: ir.Model, name: str) -> ir.TensorProtocol:
    value = model.graph.initializers.get(name)
    if value is None or value.const_value is None:
        raise PlanError(
            text("The model has no weight '{name}'.", name=name),
            next_step=text("Open the model again and choose from the layers in the table."),
        )
    return value.const_value


def _dequantized(layer: Layer, node: ir.Node, weight: np.ndarray) -> np.ndarray:
    """The weight as float32; integers become real numbers if a scale is known, else stay as they are."""
    if weight.dtype == np.float32:
        return weight
    values = weight.astype(np.float32)
    for index in weight_inputs(node):
        source = node.inputs[index]
        producer = source.producer() if source is not None else None
        if producer is None or producer.op_type != "DequantizeLinear":
            continue
        if producer.inputs[0] is None or producer.inputs[0].name not in layer.weights:
            continue
        scale = _constant(producer, 1)
        if scale is None or scale.ndim > 1:
            return values
        zero_point = _constant(producer, 2)
        axis_attribute = producer.attributes.get("axis")
        axis = axis_attribute.as_int() if axis_attribute is not None else 1
        shape = [1] * values.ndim
        if scale.ndim == 1 and scale.size > 1:
            if values.shape[axis] != scale.size:
                return values
            shape[axis] = scale.size
        if zero_point is not None:
            values = values - zero_point.astype(np.float32).reshape(shape)
        return values * scale.astype(np.float32).reshape(shape)
    return values


def _constant(node: ir.Node, index: int) -> np.ndarray | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def _transposed_convolution(node: ir.Node, values: np.ndarray) -> np.ndarray:
    """(in, out/groups, k...) -> (out, in/groups·k): groups lie along the input axis here."""
    attribute = node.attributes.get("group")
    groups = attribute.as_int() if attribute is not None else 1
    inputs, outputs = values.shape[0], values.shape[1]
    split = values.reshape(groups, inputs // groups, outputs, *values.shape[2:])
    return np.swapaxes(split, 1, 2).reshape(groups * outputs, -1)
