"""The rest of a network from some layers on: what to feed it, and a graph that computes only that.

A what-if of one layer changes nothing before that layer. So the values at the border are computed once and
fed to all what-ifs, which then cost only what lies behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass


@dataclass(frozen=True)
class Suffix:
    """A private graph with one output; its inputs are border values and weights that may be fed anew."""

    model: ir.Model
    border: tuple[str, ...]
    """Values of the whole network to feed, by name: network inputs or results of nodes before the layers."""
    own: dict[str, str]
    """Input of this graph -> border value, where only a changed layer reads it (asked for by `apart`)."""


def border(model: ir.Model, layers: Sequence[str], output: int | Sequence[int]) -> tuple[str, ...] | None:
    """The values that the network behind these nodes reads from before them, for its outputs number `output`.

    An output of several that does not depend on the nodes is itself such a value. None if none depends on
    them. Raises KeyError for an unknown node.
    """
    affected = _behind([_outermost(model, name) for name in layers])
    results = [model.graph.outputs[place] for place in _places(output)]
    needed = _needed_by(results, affected)
    if not needed:
        return None
    values = [*_border(needed, affected), *_unaffected(results, affected)]
    return tuple(dict.fromkeys(value.name or "" for value in values))


def suffix(
    model: ir.Model,
    layers: Sequence[str],
    output: int | Sequence[int],
    weights: Sequence[str],
    like: Mapping[str, np.ndarray],
    apart: bool = False,
    private: bool = False,
) -> Suffix | None:
    """The network behind these nodes (by name), them included, up to its outputs number `output`, in order.

    `weights` are initializers that a run may override; `like` holds what the `border` values look like.
    `apart`: each layer's first input becomes an input of its own, so that it can be rounded for that layer
    and not for others that read it. None if the output does not depend on the layers. `model` stays as it
    is unless it is `private`, the caller's own copy to be cut up. Raises KeyError for an unknown node.
    """
    twin = model if private else model.clone()
    changed = [_outermost(twin, name) for name in layers]
    affected = _behind(changed)
    results = [twin.graph.outputs[place] for place in _places(output)]
    needed = _needed_by(results, affected)
    if not needed:
        return None
    passed = _unaffected(results, affected)
    inputs = {value: _input(value.name or "", like) for value in [*_border(needed, affected), *passed]}
    apart_inputs: list[ir.Value] = []
    own: dict[str, str] = {}
    for node in changed if apart else ():
        first = node.inputs[0] if node.inputs else None
        if first in inputs and first is not None:
            name = f"{first.name}_for_{node.name}"
            apart_inputs.append(_input(name, {name: like[first.name or ""]}))
            node.replace_input_with(0, apart_inputs[-1])
            own[name] = first.name or ""
    for node in needed.values():
        for each in (node, *_inner(node)):
            for index, value in enumerate(each.inputs):
                if value in inputs:
                    each.replace_input_with(index, inputs[value])
    kept = [node for node in twin.graph if id(node) in needed]
    twin.graph.outputs.clear()
    twin.graph.inputs.clear()
    for node in list(twin.graph):
        twin.graph.remove(node)
    twin.graph.extend(kept)
    for result in results:
        if result in passed:
            # handed through: onnxruntime wants a node between an input and an output
            node = ir.Node("", "Identity", [inputs[result]], outputs=[ir.Value(name=f"{result.name}_passed")])
            twin.graph.append(node)
            result = node.outputs[0]
        twin.graph.outputs.append(result)
    used = [value for value in inputs.values() if value.uses()]
    twin.graph.inputs.extend([*used, *apart_inputs, *(twin.graph.initializers[name] for name in weights)])
    for name, value in list(twin.graph.initializers.items()):
        if not any(use.node.graph is not None for use in value.uses()) and name not in weights:
            del twin.graph.initializers[name]
    return Suffix(twin, tuple(value.name or "" for value in used), own)


def prefix(model: ir.Model, names: Sequence[str]) -> ir.Model:
    """A private graph that computes these values of the main graph (results of nodes), in this order."""
    twin = model.clone()
    made = {value.name: value for node in twin.graph for value in node.outputs}
    wanted = []
    for name in names:
        # a copy under a name of its own: the value may be an output already, and may have no type yet
        copy = ir.Node("", "Identity", [made[name]], outputs=[ir.Value(name=f"{name}_at_border")])
        twin.graph.append(copy)
        wanted.append(copy.outputs[0])
    twin.graph.outputs.clear()
    twin.graph.outputs.extend(wanted)
    RemoveUnusedNodesPass()(twin)
    return twin


def before_selection(model: ir.Model) -> ir.Model:
    """A network that gives what a detector selects its boxes from: so many numbers for any picture.

    Scores and boxes that the last NonMaxSuppression reads, flattened side by side, the boxes in sizes of the
    picture where that is known. Any other network is returned as it is.
    """
    if not any(node.op_type == "NonMaxSuppression" for node in model.graph):
        return model
    twin = model.clone()
    *_, last = (node for node in twin.graph if node.op_type == "NonMaxSuppression")
    boxes, scores = last.inputs[:2]
    assert boxes is not None and scores is not None, "it needs both"
    shape = twin.graph.inputs[0].shape if twin.graph.inputs else None
    known = [size for size in shape or () if isinstance(size, int)]
    parts = []
    for value, unit in ((scores, 1.0), (boxes, 1.0 / max([1, *known]))):
        flat = ir.Node("", "Flatten", [value], outputs=[ir.Value(name=f"{value.name}_flat")])
        scale = ir.Value(name=f"{value.name}_unit", const_value=ir.tensor(np.float32(unit)))
        twin.graph.register_initializer(scale)
        scaled = ir.Node("", "Mul", [flat.outputs[0], scale], outputs=[ir.Value(name=f"{value.name}_scaled")])
        twin.graph.extend([flat, scaled])
        parts.append(scaled.outputs[0])
    joined = ir.Node("", "Concat", parts, [ir.AttrInt64("axis", 1)], outputs=[ir.Value(name="selected_from")])
    # an axis more: one row of numbers would be taken for the scores of one choice
    target = ir.Value(name="selected_from_shape", const_value=ir.tensor(np.array([0, 1, -1], np.int64)))
    twin.graph.register_initializer(target)
    typed = ir.Value(name="before_selection", type=ir.TensorType(ir.DataType.FLOAT))
    twin.graph.extend([joined, ir.Node("", "Reshape", [joined.outputs[0], target], outputs=[typed])])
    twin.graph.outputs.clear()
    twin.graph.outputs.append(typed)
    RemoveUnusedNodesPass()(twin)
    return twin


def _places(output: int | Sequence[int]) -> tuple[int, ...]:
    return (output,) if isinstance(output, int) else tuple(output)


def _needed_by(results: Sequence[ir.Value], affected: dict[int, ir.Node]) -> dict[int, ir.Node]:
    """The affected nodes that any of the results is computed from."""
    found: dict[int, ir.Node] = {}
    for result in results:
        found |= _needed(result, affected)
    return found


def _unaffected(results: Sequence[ir.Value], affected: Mapping[int, ir.Node]) -> list[ir.Value]:
    """The results that the layers have no part in."""
    return [value for value in results if value.producer() is None or id(value.producer()) not in affected]


def _border(needed: Mapping[int, ir.Node], affected: Mapping[int, ir.Node]) -> list[ir.Value]:
    found: dict[ir.Value, None] = {}
    for node in needed.values():
        for value in _read(node):
            producer = value.producer()
            inside = producer is not None and id(producer) in affected
            if not inside and not value.is_initializer() and value.const_value is None:
                found[value] = None
    return list(found)


def _outermost(model: ir.Model, name: str) -> ir.Node:
    """The node of the main graph that is, or holds, the node of this name."""
    for node in model.graph:
        if node.name == name or any(inner.name == name for inner in _inner(node)):
            return node
    raise KeyError(name)


def _inner(node: ir.Node) -> Iterator[ir.Node]:
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield from attribute.as_graph().all_nodes()
        elif attribute.type == ir.AttributeType.GRAPHS:
            for graph in attribute.as_graphs():
                yield from graph.all_nodes()


def _read(node: ir.Node) -> Iterator[ir.Value]:
    """What a node of the main graph reads from it, by its bodies too."""
    own: set[ir.Value] = set()
    inner = list(_inner(node))
    for each in inner:
        own.update(each.outputs)
        if each.graph is not None:
            own.update(each.graph.inputs)
    for each in (node, *inner):
        for value in each.inputs:
            if value is not None and value not in own:
                yield value


def _behind(nodes: Sequence[ir.Node]) -> dict[int, ir.Node]:
    """These nodes and all that depend on them, by identity."""
    main = {}
    graph = nodes[0].graph
    assert graph is not None
    holders: dict[int, ir.Node] = {}
    for node in graph:
        main[id(node)] = node
        for each in _inner(node):
            holders[id(each)] = node
    found: dict[int, ir.Node] = {}
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        for value in node.outputs:
            for use in value.uses():
                todo.append(main.get(id(use.node)) or holders[id(use.node)])
    return found


def _needed(result: ir.Value, affected: dict[int, ir.Node]) -> dict[int, ir.Node]:
    """Those of the affected nodes that this value is computed from."""
    found: dict[int, ir.Node] = {}
    todo = [result]
    while todo:
        node = todo.pop().producer()
        if node is None or id(node) not in affected or id(node) in found:
            continue
        found[id(node)] = node
        todo.extend(_read(node))
    return found


def _input(name: str, like: Mapping[str, np.ndarray]) -> ir.Value:
    array = like[name]
    # a picture's sizes let onnxruntime choose its fast layouts; sequences may differ from batch to batch
    sizes: list[int | None] = list(array.shape) if array.ndim > 3 else [None] * array.ndim
    shape = ir.Shape([None, *sizes[1:]]) if array.ndim else ir.Shape([])
    return ir.Value(name=name, type=ir.TensorType(ir.DataType.from_numpy(array.dtype)), shape=shape)
