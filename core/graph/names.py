"""Give every node and value of a graph, bodies included, a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

EXPORTED_NAME = "exported name"
"""Key of a renamed node's `meta`: what the file calls it, for its label."""


def unique_names(model: ir.Model) -> None:
    """Name what has no name, and rename what shares one; the same file always gets the same names.

    The names of the model's inputs and outputs stay, and the first bearer of a name keeps it. A node
    without a name is called after its operator and its place: 'Conv_12'.
    """
    interface = {value.name for value in (*model.graph.inputs, *model.graph.outputs) if value.name}
    fixed = {id(value) for value in (*model.graph.inputs, *model.graph.outputs)}
    taken = set(interface)
    renamed: list[tuple[ir.Value, str]] = []
    for value in _values(model.graph):
        if id(value) in fixed:
            continue
        name = free_name(value.name or "value", taken)
        taken.add(name)
        if name != value.name:
            renamed.append((value, name))
    for value, name in renamed:
        value.name = name
    nodes: set[str] = set()
    for index, node in enumerate(model.graph.all_nodes()):
        exported = node.name or ""
        node.name = free_name(exported or f"{node.op_type}_{index}", nodes)
        nodes.add(node.name)
        if node.name != exported:
            node.meta.setdefault(EXPORTED_NAME, exported)


def taken_names(model: ir.Model) -> set[str]:
    """Return the names of all values of the model, bodies included."""
    return {value.name for value in _values(model.graph) if value.name}


def free_name(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, with a number behind it if it is taken."""
    name, count = wanted, 1
    while name in taken:
        name = f"{wanted}_{count}"
        count += 1
    return name


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    """Every value that the graph or a body in it defines, each once."""
    yield from graph.inputs
    for value in graph.initializers.values():
        if not value.is_graph_input():
            yield value
    for node in graph:
        yield from node.outputs
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                yield from _values(attribute.as_graph())
            elif attribute.type == ir.AttributeType.GRAPHS:
                for body in attribute.as_graphs():
                    yield from _values(body)
