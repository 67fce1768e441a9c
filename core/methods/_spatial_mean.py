"""ReduceMean over all of an image is GlobalAveragePool, which has an integer kernel; ReduceMean has none."""

from __future__ import annotations

import onnx_ir as ir

from core.methods._edit import attribute_int, constant, make_node

_FIRST_INPUT = {"Relu", "Clip", "LeakyRelu", "BatchNormalization", "MaxPool", "AveragePool", "Dropout"}
"""Operators whose output has the rank of their first input."""

_ALL_INPUTS = {"Add", "Mul", "Concat"}
"""Operators whose output has the rank that all inputs have."""


def pool_spatial_means(model: ir.Model) -> None:
    """Replace each ``ReduceMean(axes=2..rank-1)`` of the main graph by GlobalAveragePool (and Flatten).

    Only where the rank is known, from shapes or from the convolutions behind, so that the axes are
    surely all those after batch and channel.
    """
    ranks: dict[int, int] = {}
    for node in list(model.graph):
        if node.domain not in ("", "ai.onnx") or not node.inputs:
            continue
        rank = _rank(node, ranks)
        for value in node.outputs:
            ranks[id(value)] = rank
        if node.op_type == "ReduceMean" and _is_spatial(node, _of(node.inputs[0], ranks)):
            _replace(model, node)


def _rank(node: ir.Node, ranks: dict[int, int]) -> int:
    """Number of dimensions of the node's first output, 0 if not known."""
    if node.op_type == "Conv":
        weight = node.inputs[1]
        shape = weight.shape if weight is not None else None
        return len(shape) if shape is not None else 0
    known = {_of(value, ranks) for value in node.inputs if value is not None}
    if node.op_type in _ALL_INPUTS and len(known) == 1:
        return known.pop()
    return _of(node.inputs[0], ranks) if node.op_type in _FIRST_INPUT else 0


def _of(value: ir.Value | None, ranks: dict[int, int]) -> int:
    if value is None:
        return 0
    return len(value.shape) if value.shape is not None else ranks.get(id(value), 0)


def _is_spatial(node: ir.Node, rank: int) -> bool:
    value = node.inputs[0]
    if rank < 3 or value is None or value.dtype not in (None, ir.DataType.FLOAT):
        return False
    if "axes" in node.attributes:
        axes = list(node.attributes["axes"].as_ints())
    else:
        given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
        if given is None:
            return False
        axes = [int(axis) for axis in given.reshape(-1)]
    return sorted(axis % rank for axis in axes) == list(range(2, rank))


def _replace(model: ir.Model, node: ir.Node) -> None:
    result = node.outputs[0]
    name = result.name or ""
    keep = bool(attribute_int(node, "keepdims", 1))
    pooled_name = name if keep else f"{name}_pooled"
    new = [make_node("GlobalAveragePool", [node.inputs[0]], pooled_name)]
    new[0].name = node.name
    if not keep:
        new.append(make_node("Flatten", [new[0].outputs[0]], name))
    model.graph.insert_before(node, new)
    final = new[-1].outputs[0]
    final.shape = result.shape
    result.replace_all_uses_with(final, replace_graph_outputs=True)
    result.name = f"{name}_mean"
    model.graph.remove(node, safe=True)
    final.name = name
