"""Which constant nodes may be folded without the file growing, decided before anything is computed."""

from __future__ import annotations

from collections.abc import Hashable
from math import prod

import onnx
import onnx_ir as ir

GROWTH_BYTES = 64 * 1024
"""A folded result may always be this large; larger ones must replace weights of their size."""

PEEK_BYTES = 1024
"""Constants up to this size are compared, and shown to shape inference, by content."""


def affordable(group: list[ir.Node], inferred: onnx.ModelProto) -> list[ir.Node]:
    """Return the nodes of `group` (in order of the graph) to fold; `inferred` holds their shapes.

    Nodes that hang together through a large weight are judged together: the slices and joins that an
    exporter puts around an LSTM's weight only pay as a whole, because the weight then goes.
    """
    sizes = _sizes(inferred)
    known = _closed(group, lambda node: all(_out_bytes(node, sizes)))
    kept: set[int] = set()
    for component in _components(known):
        if _pays(component, sizes):
            kept.update(id(node) for node in component)
    small = lambda node: all(size <= GROWTH_BYTES + 1 for size in _out_bytes(node, sizes))  # noqa: E731
    return _closed(known, lambda node: id(node) in kept or small(node))


def _closed(group: list[ir.Node], allowed) -> list[ir.Node]:  # type: ignore[no-untyped-def]
    """The allowed nodes whose inputs are made by allowed nodes only."""
    dropped: set[int] = set()
    kept = []
    for node in group:
        if allowed(node) and not any(id(value) in dropped for value in node.inputs if value is not None):
            kept.append(node)
        else:
            dropped.update(id(output) for output in node.outputs)
    return kept


def _out_bytes(node: ir.Node, sizes: dict[str, int]) -> list[int]:
    """Bytes of each output plus one, 0 where unknown."""
    return [sizes.get(output.name or "", -1) + 1 for output in node.outputs if output.name]


def _components(group: list[ir.Node]) -> list[list[ir.Node]]:
    """Nodes joined by values between them or by a large constant that they share."""
    parent = list(range(len(group)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[int, int] = {}
    for index, node in enumerate(group):
        for value in (*node.inputs, *node.outputs):
            if value is None or (value.const_value is not None and value.const_value.nbytes <= PEEK_BYTES):
                continue
            parent[root(index)] = root(first.setdefault(id(value), index))
    parts: dict[int, list[ir.Node]] = {}
    for index, node in enumerate(group):
        parts.setdefault(root(index), []).append(node)
    return list(parts.values())


def _pays(component: list[ir.Node], sizes: dict[str, int]) -> bool:
    """Whether the results that stay are no larger than the weights that go."""
    inside = {id(node) for node in component}
    weights = {
        id(value): value
        for node in component
        for value in node.inputs
        if value is not None and value.const_value is not None
    }
    present = sum(value.const_value.nbytes for value in weights.values() if value.const_value is not None)
    freed = sum(
        value.const_value.nbytes
        for value in weights.values()
        if value.const_value is not None and all(id(use.node) in inside for use in value.uses())
    )
    results: dict[Hashable, int] = {}
    identity: dict[int, Hashable] = {}
    for node in component:
        key = _key(node, identity)
        for position, output in enumerate(node.outputs):
            size = sizes.get(output.name or "", 0)
            if size > 4 * max(GROWTH_BYTES, present):
                return False
            identity[id(output)] = (key, position)
            if any(id(use.node) not in inside for use in output.uses()):
                results[key, position] = size
    return sum(size for size in results.values() if size > GROWTH_BYTES) <= freed + GROWTH_BYTES


def _key(node: ir.Node, identity: dict[int, Hashable]) -> Hashable:
    """Equal for nodes that compute the same: the bodies of an If often prepare one weight twice."""
    inputs: list[Hashable] = []
    for value in node.inputs:
        if value is None:
            inputs.append(None)
        elif value.const_value is not None and value.const_value.nbytes <= PEEK_BYTES:
            inputs.append((str(value.const_value.dtype), value.const_value.tobytes()))
        else:
            inputs.append(identity.get(id(value), id(value)))
    attributes = tuple(sorted((key, str(attribute.value)) for key, attribute in node.attributes.items()))
    return node.op_type, tuple(inputs), attributes


def _sizes(inferred: onnx.ModelProto) -> dict[str, int]:
    """Bytes of every value whose shape is known; eight an element where the type is not simple."""
    sizes: dict[str, int] = {}
    for info in inferred.graph.value_info:
        tensor_type = info.type.tensor_type
        dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor_type.shape.dim]
        if tensor_type.HasField("shape") and all(dim >= 0 for dim in dims):
            four = tensor_type.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.INT32)
            sizes[info.name] = prod(dims) * (4 if four else 8)
    return sizes
