"""Sizes that a graph reads from its tensors although they never change become constants.

Exporters write x.shape[2] as Shape and Gather, compute with it, and reshape to what comes of it: attention
heads, channel groups. Which sizes never change is found by working out all shapes three times, with the
inputs' open sizes once, twice and three times as large.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.graph.fold import fold_constants
from core.graph.names import free_name, taken_names
from core.graph.roles import STANDARD
from core.graph.shapes import Shape, Sizes, scaled_inputs, work_out

_FACTORS = (1, 2, 3)
_READERS = ("Shape", "Size")


def fold_static_sizes(model: ir.Model) -> int:
    """Replace what is computed of such sizes by constants, in place; return how many places.

    The target of a Reshape becomes a constant too where at most one of its sizes follows the input in a
    way of its own: that one is -1 then, and a size that is the input's at the same place 0.
    """
    if not any(node.op_type in _READERS and node.domain in STANDARD for node in model.graph.all_nodes()):
        return 0
    known = [work_out(model, scaled_inputs(model, factor)) for factor in _FACTORS]
    editor = Editor(model)
    for node in list(model.graph.all_nodes()):
        for output in node.outputs:
            contents = [sizes.contents.get(output.name or "") for sizes in known]
            first = contents[0]
            if first is not None and all(_equal(first, other) for other in contents[1:]):
                editor.replace(output, first)
    for node in list(model.graph.all_nodes()):
        if node.op_type == "Reshape" and node.domain in STANDARD:
            target = _target(node, known)
            if target is not None:
                node.replace_input_with(1, editor.constant(f"{node.name}.target", target))
                editor.count += 1
    if editor.count:
        RemoveUnusedNodesPass()(model)
        fold_constants(model)
        RemoveUnusedNodesPass()(model)
    return editor.count


class Editor:
    """Puts constants into a model."""

    def __init__(self, model: ir.Model) -> None:
        self._model = model
        self._taken = taken_names(model)
        self.count = 0

    def constant(self, wanted: str, array: np.ndarray) -> ir.Value:
        name = free_name(wanted, self._taken)
        self._taken.add(name)
        tensor = ir.Tensor(array, name=name)
        value = ir.Value(
            name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self._model.graph.register_initializer(value)
        return value

    def replace(self, value: ir.Value, array: np.ndarray) -> None:
        """Every reader of the value gets the constant; an output of a graph stays computed."""
        if not value.uses():
            return
        value.replace_all_uses_with(self.constant(f"{value.name}.size", np.array(array)))
        self.count += 1


def _equal(a: np.ndarray, b: np.ndarray | None) -> bool:
    return b is not None and a.dtype == b.dtype and np.array_equal(a, b)


def _target(node: ir.Node, known: Sequence[Sizes]) -> np.ndarray | None:
    """The constant that a Reshape's computed target may be replaced by."""
    given, target = node.inputs[0], node.inputs[1]
    allows_zero = node.attributes.get("allowzero")
    if given is None or target is None or target.const_value is not None:
        return None
    if allows_zero is not None and allows_zero.as_int():
        return None
    before = [sizes.shapes.get(given.name or "") for sizes in known]
    after = [sizes.shapes.get(node.outputs[0].name or "") for sizes in known]
    if any(shape is None or 0 in shape for shape in (*before, *after)):
        return None
    rows = []
    for axis in range(len(after[0] or ())):
        sizes = _along(after, axis)
        if len(set(sizes)) == 1:
            rows.append(sizes[0])
        elif all(axis < len(shape or ()) for shape in before) and _along(before, axis) == sizes:
            rows.append(0)
        else:
            rows.append(-1)
    return np.array(rows, np.int64) if rows.count(-1) <= 1 else None


def _along(shapes: Sequence[Shape | None], axis: int) -> list[int]:
    return [shape[axis] for shape in shapes if shape is not None]
