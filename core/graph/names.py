"""Give every node and value of a graph, bodies included, a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from core.graph.nodes import all_nodes, bodies

EXPORTED_NAME = "exported name"
"""Key of a renamed node's `meta`: what the file calls it, for its label."""


def unique_names(model: ir.Model) -> None:
    """Name what has no name, and rename what shares one; the same file always gets the same names.

    The names of the model's inputs and outputs stay, and the first bearer of a name keeps it. A node
    without a name is called after its operator and its place: 'Conv_12'.
    """
    interface = {value.name for value in (*model.graph.inputs, *model.graph.outputs) if value.name}
    fixed = {id(value) for value in (*model.graph.inputs, *model.graph.outputs)}
    values = _Names(interface)
    renamed: list[tuple[ir.Value, str]] = []
    for value in _values(model.graph):
        if id(value) in fixed:
            continue
        name = values.take(value.name or "value")
        if name != value.name:
            renamed.append((value, name))
    for value, name in renamed:
        value.name = name
    nodes = _Names(set())
    for index, node in enumerate(all_nodes(model.graph)):
        exported = node.name or ""
        name = nodes.take(exported or f"{node.op_type}_{index}")
        if name != exported:
            node.name = name
            node.meta.setdefault(EXPORTED_NAME, exported)


class _Names:
    """Gives out each name once, as `free_name` does; a name that all share costs no more than others."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._counts: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        name = wanted
        if name in self._taken:
            count = self._counts.get(wanted, 1)
            while (name := f"{wanted}_{count}") in self._taken:
                count += 1
            self._counts[wanted] = count + 1
        self._taken.add(name)
        return name


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
        if node.attributes.data:
            for _, body in bodies(node):
                yield from _values(body)
