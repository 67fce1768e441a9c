"""What is drawn of a graph: boxes and the arrows between them, before they have a place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from core.graph.labels import SCOPE_SEPARATOR, clean
from core.graph.nodes import bodies
from core.graph.opened import OpenedModel
from core.values import GraphNode, Layer

LAYER_SIZE = (144.0, 26.0)
SMALL_SIZE = (96.0, 22.0)
GROUP_SIZE = (144.0, 38.0)
"""Width and height of the boxes, in points."""

_SHAPE_OPERATORS = frozenset({"Shape", "Size"})
"""Their results are sizes, not data: no branch of the network runs through them."""

_LABEL_LENGTH = 24
_SMALL_LABEL_LENGTH = 15


@dataclass
class Boxes:
    nodes: list[GraphNode] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    """Index of source and target, each pair once. Never a cycle; sources stand before their targets."""
    made_of: list[ir.Node | None] = field(default_factory=list)
    """The node that each box shows, None for inputs and outputs of the model."""
    bodies: list[str] = field(default_factory=list)
    """The path of the If, Loop or Scan body that holds it, as in `Layer.scope`."""

    def add(self, box: GraphNode, node: ir.Node | None = None, body: str = "") -> int:
        """Return the new box's index."""
        self.nodes.append(box)
        self.made_of.append(node)
        self.bodies.append(body)
        return len(self.nodes) - 1


def boxes(opened: OpenedModel, detail: Literal["layers", "nodes"]) -> Boxes:
    """Return the boxes of every node, or of layers and of what joins their branches.

    The nodes of an If, Loop or Scan body are drawn in front of the node that owns it, fed by what they
    capture: the owner looks like a join of its bodies.
    """
    graph = opened.model.graph
    layers = {layer.id: layer for layer in opened.info.layers}
    entries: dict[int, ir.Value] = {}
    order = _bodies_first(graph, entries)
    facts = _Facts()
    result = Boxes()
    # what a value shows as: indices of the boxes it comes from
    origin: dict[int, frozenset[int]] = {}
    for value in graph.inputs:
        origin[id(value)] = frozenset({result.add(_end("input", value))})
    nothing: frozenset[int] = frozenset()
    for node, body, handed_out in order:
        values = [value for value in (*node.inputs, *handed_out) if value is not None]
        sources = nothing.union(*(_origin(value, origin, entries) for value in values)) if values else nothing
        layer = layers.get(node.name or "")
        if detail == "layers" and layer is None and len(sources) < 2:
            shown = nothing if node.op_type in _SHAPE_OPERATORS else sources
        else:
            index = result.add(_node(node, layer, facts), node, body)
            result.edges.extend((source, index) for source in sorted(sources))
            shown = frozenset({index})
            if detail == "layers" and node.op_type in _SHAPE_OPERATORS:
                shown = nothing
        for output in node.outputs:
            origin[id(output)] = shown
    for value in graph.outputs:
        index = result.add(_end("output", value))
        result.edges.extend((source, index) for source in sorted(_origin(value, origin, entries)))
    return result


def _bodies_first(
    graph: ir.Graph, entries: dict[int, ir.Value], path: str = ""
) -> list[tuple[ir.Node, str, list[ir.Value]]]:
    """All nodes, their bodies' paths, and what bodies hand to them; every source before its targets.

    `entries` gets what a Loop or Scan puts into each input of its body: what stands at the same place.
    """
    order: list[tuple[ir.Node, str, list[ir.Value]]] = []
    for node in graph:
        handed_out: list[ir.Value] = []
        for name, body in bodies(node):
            step = f"{node.name}.{name.removesuffix('_branch')}"
            order.extend(_bodies_first(body, entries, f"{path}{SCOPE_SEPARATOR}{step}" if path else step))
            handed_out.extend(body.outputs)
            for inner, outer in zip(body.inputs, node.inputs, strict=False):
                if outer is not None:
                    entries[id(inner)] = outer
        order.append((node, path, handed_out))
    return order


def body_outputs(node: ir.Node) -> list[ir.Value]:
    """What the bodies of an If, Loop or Scan hand to it; [] for other nodes."""
    return [value for _, body in bodies(node) for value in body.outputs]


def _origin(
    value: ir.Value, origin: dict[int, frozenset[int]], entries: dict[int, ir.Value]
) -> frozenset[int]:
    while id(value) not in origin and id(value) in entries:
        value = entries[id(value)]
    return origin.get(id(value), frozenset())


def _end(kind: Literal["input", "output"], value: ir.Value) -> GraphNode:
    shape = f"{value.shape}" if value.shape is not None else ""
    dtype = value.dtype.name.lower() if value.dtype is not None else ""
    return GraphNode(
        id=f"{kind}:{value.name}",
        label=clean(value.name or kind, _SMALL_LABEL_LENGTH),
        op=kind,
        width=SMALL_SIZE[0],
        height=SMALL_SIZE[1],
        detail=clean(f"{value.name} {dtype}{shape}", 200),
    )


def _node(node: ir.Node, layer: Layer | None, facts: _Facts) -> GraphNode:
    width, height = SMALL_SIZE if layer is None else LAYER_SIZE
    label = layer.label if layer is not None else node.op_type
    return GraphNode(
        id=node.name or "",
        label=clean(label, _SMALL_LABEL_LENGTH if layer is None else _LABEL_LENGTH),
        op=node.op_type,
        layer_id=layer.id if layer is not None else None,
        width=width,
        height=height,
        detail=_detail(node, layer, facts),
    )


def _detail(node: ir.Node, layer: Layer | None, facts: _Facts) -> str:
    """Lines of plain facts: name, kind and shape, attributes."""
    lines = [clean(node.name or "", 200)]
    if layer is not None:
        lines.append(f"{layer.kind} · {'×'.join(map(str, layer.shape))}")
    if node.attributes.data:
        said = facts.of(node)
        if said:
            lines.append(said)
    return "\n".join(lines)


class _Facts:
    """Attributes as text: thousands of nodes share theirs, so most lines are made once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, node: ir.Node) -> str:
        """'' if no attribute is plain. No node may change between two calls."""
        attributes = node.attributes.data.values()
        key = tuple(map(id, attributes))
        if key not in self._known:
            facts = []
            for attribute in attributes:
                if attribute.type in (ir.AttributeType.INT, ir.AttributeType.FLOAT, ir.AttributeType.STRING):
                    facts.append(f"{attribute.name} {attribute.value}")
                elif attribute.type in (ir.AttributeType.INTS, ir.AttributeType.FLOATS):
                    facts.append(f"{attribute.name} {', '.join(map(str, attribute.value[:8]))}")
            self._known[key] = clean(" · ".join(facts), 200)
        return self._known[key]
