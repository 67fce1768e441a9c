"""Small things that several operators' rules need: attributes, constants, and replacing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from core.graph.names import free_name, taken_names


def integer(node: ir.Node, name: str, default: int) -> int:
    attribute = node.attributes.get(name)
    return attribute.as_int() if attribute is not None else default


def integers(node: ir.Node, name: str) -> list[int] | None:
    attribute = node.attributes.get(name)
    return list(attribute.as_ints()) if attribute is not None else None


def entry(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def constant(value: ir.Value | None) -> np.ndarray | None:
    """The array of a stored tensor that no run can replace."""
    if value is None or value.const_value is None or value.is_graph_input():
        return None
    return value.const_value.numpy()


def numbers(node: ir.Node, index: int, attribute: str) -> list[int] | None:
    """A list of integers that newer opsets take as input and older ones as attribute; None: not known."""
    array = constant(entry(node, index))
    if array is not None:
        return [int(number) for number in array.reshape(-1)]
    return integers(node, attribute) if entry(node, index) is None else None


def set_integer(node: ir.Node, name: str, number: int) -> None:
    node.attributes[name] = ir.AttrInt64(name, number)


def set_integers(node: ir.Node, name: str, values: Sequence[int]) -> None:
    node.attributes[name] = ir.AttrInt64s(name, values)


def add_constant(model: ir.Model, wanted: str, array: np.ndarray) -> ir.Value:
    """A new initializer of the main graph; others may share the old one."""
    name = free_name(wanted, taken_names(model))
    tensor = ir.Tensor(array, name=name)
    value = ir.Value(
        name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    model.graph.register_initializer(value)
    return value


def set_input(node: ir.Node, index: int, value: ir.Value) -> None:
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    node.replace_input_with(index, value)


def overwrite(model: ir.Model, node: ir.Node, index: int, changed: dict[int, int], length: int) -> None:
    """Put other numbers at some places of a vector of `length` integers that the node reads: a shape, mostly.

    A stored vector gets a copy of its own; a computed one is corrected by a Where behind it.
    """
    value = entry(node, index)
    if value is None or not changed:
        return
    stored = constant(value)
    if stored is not None:
        array = stored.reshape(-1).copy()  # Slice takes int32 too, and the same for all its bounds
        for place, number in changed.items():
            array[place] = number
        node.replace_input_with(index, add_constant(model, f"{node.name}.{index}", array))
        return
    mask, numbers_ = np.zeros(length, dtype=bool), np.zeros(length, np.int64)
    for place, number in changed.items():
        mask[place], numbers_[place] = True, number
    taken = taken_names(model)
    output = ir.Value(
        name=free_name(f"{node.name}.{index}.sizes", taken),
        type=ir.TensorType(ir.DataType.INT64),
        shape=ir.Shape([length]),
    )
    where = ir.Node(
        "",
        "Where",
        [
            add_constant(model, f"{node.name}.mask", mask),
            add_constant(model, f"{node.name}.new", numbers_),
            value,
        ],
        outputs=[output],
        name=free_name(f"{node.name}.sizes", {other.name or "" for other in model.graph.all_nodes()}),
    )
    assert node.graph is not None
    node.graph.insert_before(node, where)
    node.replace_input_with(index, output)
