"""Small edits of an onnx_ir graph that the compression steps share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir


def add_initializer(
    model: ir.Model, name: str, array: np.ndarray, bits: int = 8, signed: bool = True
) -> ir.Value:
    """Put a constant into the main graph under a free name like `name`. 4 or 2 `bits`: integers, packed."""
    taken = model.graph.initializers
    free, count = name, 0
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    tensor: ir.TensorProtocol
    if bits in (2, 4):
        packed, dtype = (pack_int4, ir.DataType.INT4) if bits == 4 else (pack_int2, ir.DataType.INT2)
        if not signed:
            dtype = ir.DataType.UINT4 if bits == 4 else ir.DataType.UINT2
        tensor = ir.PackedTensor(packed(array), dtype, shape=ir.Shape(array.shape), name=free)
    else:
        # not ascontiguousarray, which makes an array of one dimension out of a scalar
        tensor = ir.Tensor(np.asarray(array, order="C"), name=free)
    value = ir.Value(
        name=free, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    model.graph.register_initializer(value)
    return value


def pack_int4(array: np.ndarray) -> np.ndarray:
    """Integers in -8..7 (uint4: 0..15) -> bytes with two each, the first in the low half, as in ONNX."""
    flat = array.reshape(-1).astype(np.int8)
    if flat.size % 2:
        flat = np.append(flat, np.int8(0))
    low, high = flat[0::2] & 0x0F, flat[1::2] & 0x0F
    return (low | (high << 4)).astype(np.uint8)


def pack_int2(array: np.ndarray) -> np.ndarray:
    """int8 values in -2..1 -> bytes with four each, the first in the lowest bits, as ONNX stores int2."""
    flat = array.reshape(-1).astype(np.int8)
    quarters = (np.pad(flat, (0, -flat.size % 4)) & 0x03).astype(np.uint8).reshape(-1, 4)
    return np.asarray(quarters[:, 0] | quarters[:, 1] << 2 | quarters[:, 2] << 4 | quarters[:, 3] << 6)


def make_node(
    op_type: str,
    inputs: Sequence[ir.Value | None],
    output: str,
    attributes: Mapping[str, int | float | str | Sequence[int]] | None = None,
    dtype: ir.DataType = ir.DataType.FLOAT,
    shape: ir.Shape | None = None,
) -> ir.Node:
    """A node of the standard domain with one output of that name, type and shape."""
    attrs = [ir.convenience.convert_attribute(key, value) for key, value in (attributes or {}).items()]
    result = ir.Value(name=output, type=ir.TensorType(dtype), shape=shape)
    return ir.Node("", op_type, inputs, attrs, outputs=[result])


def replace_input(node: ir.Node, old: ir.Value, new: ir.Value) -> None:
    """Make every input of this node that was `old` be `new`."""
    for index, value in enumerate(node.inputs):
        if value is old:
            node.replace_input_with(index, new)


def drop_unused_initializers(model: ir.Model) -> None:
    """Remove constants that no node reads any more; those that are graph outputs stay."""
    for name, value in list(model.graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del model.graph.initializers[name]


def attribute_int(node: ir.Node, name: str, default: int) -> int:
    attribute = node.attributes.get(name)
    return attribute.as_int() if attribute is not None else default


def attribute_float(node: ir.Node, name: str, default: float) -> float:
    attribute = node.attributes.get(name)
    return attribute.as_float() if attribute is not None else default


def constant(value: ir.Value | None) -> np.ndarray | None:
    """The array of a constant input, None for a computed one."""
    if value is None or value.is_graph_input():
        return None
    if value.const_value is not None:
        return value.const_value.numpy()
    producer = value.producer()
    if producer is not None and producer.op_type == "Constant" and "value" in producer.attributes:
        return producer.attributes["value"].as_tensor().numpy()
    return None
