"""Sizes that a graph reads from its tensors although they never change become constants.

Exporters write x.shape[2] as Shape and Gather, which then decide how attention heads are split. Which sizes
never change is found by working out all shapes three times, with the inputs' open sizes once, twice and three
times as large.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.graph.fold import fold_constants
from core.graph.names import free_name, taken_names
from core.graph.shapes import Shape, infer_shapes, sample_inputs

_FACTORS = (1, 2, 3)


def fold_static_sizes(model: ir.Model) -> int:
    """Replace what is read of such sizes by constants, in place; return how many places."""
    readers = [
        (node, use.node)
        for node in model.graph.all_nodes()
        if node.op_type == "Shape" and node.domain in ("", "ai.onnx")
        for use in node.outputs[0].uses()
        if use.idx == 0 and use.node.op_type == "Gather" and not use.node.outputs[0].is_graph_output()
    ]
    if not readers:
        return 0
    shapes = [infer_shapes(model, _scaled(model, factor)) for factor in _FACTORS]
    taken = taken_names(model)
    count = 0
    for shape_node, gather in readers:
        given, index = shape_node.inputs[0], gather.inputs[1]
        known = [found.get(given.name or "") if given is not None else None for found in shapes]
        if index is None or index.const_value is None or any(size is None for size in known):
            continue
        start, end = (shape_node.attributes.get(name) for name in ("start", "end"))
        part = slice(start.as_int() if start else None, end.as_int() if end else None)
        picked = [np.array(size, np.int64)[part][index.const_value.numpy()] for size in known]
        if not all(np.array_equal(picked[0], other) for other in picked[1:]):
            continue
        name = free_name(f"{gather.name}.size", taken)
        taken.add(name)
        array = np.asarray(picked[0], np.int64)
        constant = ir.Value(
            name=name,
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.INT64),
            const_value=ir.Tensor(array, name=name),
        )
        model.graph.register_initializer(constant)
        gather.outputs[0].replace_all_uses_with(constant)
        count += 1
    if count:
        RemoveUnusedNodesPass()(model)
        fold_constants(model)
        RemoveUnusedNodesPass()(model)
    return count


def _scaled(model: ir.Model, factor: int) -> dict[str, Shape]:
    """The inputs' shapes for one sample, open sizes so many times as large."""
    inputs, _ = sample_inputs(model)
    scaled: dict[str, Shape] = {}
    for value in model.graph.inputs:
        if value.shape is not None and value.name in inputs:
            fixed = [isinstance(dim, int) and dim > 0 for dim in value.shape]
            sizes = zip(inputs[value.name], fixed, strict=True)
            scaled[value.name] = tuple(size if stays else size * factor for size, stays in sizes)
    return scaled
