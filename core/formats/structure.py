"""Checks that a graph is one: no cycle, no missing or doubled value, no function that calls itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnx

from core.errors import UnsupportedModelError
from core.formats.reading import MOST_NODES, ReadGraph, ReadNode, invalid, unreadable
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import text

_MAX_DEPTH = 32


def check_graph(read: ReadGraph, path: Path, outer: frozenset[str] = frozenset(), depth: int = 0) -> None:
    """Raises OpenError if the nodes of the graph or of a body in it cannot be put in an order.

    `outer`: names that the graphs around this one provide.
    """
    if depth > _MAX_DEPTH:
        raise invalid(
            path, text("Its If and Loop bodies are nested more than {depth} deep.", depth=_MAX_DEPTH)
        )
    graph, nodes = read.graph, read.nodes
    given = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    given |= {sparse.values.name for sparse in graph.sparse_initializer}
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.outputs:
            if not name:
                continue
            if name in producers or name in given:
                raise invalid(path, text("The value '{value}' is made twice.", value=clean(name)))
            producers[name] = index
    inside = frozenset(producers) | given
    everything = outer | inside if outer else inside
    for index, node in enumerate(nodes):
        for name in node.inputs:
            if name and name not in everything:
                raise invalid(
                    path,
                    text(
                        "Node '{node}' reads '{value}', which nothing makes.",
                        node=_name(graph.node[index]),
                        value=clean(name),
                    ),
                )
    for value in graph.output:
        if value.name not in everything:
            raise invalid(path, text("Its output '{value}' is made by nothing.", value=clean(value.name)))
    reads = [_reads(node, inside) if node.bodies else node.inputs for node in nodes]
    _check_order(graph, path, producers, reads)
    for node in nodes:
        for body in node.bodies:
            check_graph(body, path, everything, depth + 1)


def check_functions(proto: onnx.ModelProto, path: Path) -> None:
    """Raises OpenError for a function that calls itself, UnsupportedModelError for one that explodes."""
    if not all(isinstance(function.name, str) for function in proto.functions):
        raise unreadable(path)
    functions = {(function.domain, function.name): function for function in proto.functions}
    if not functions:
        return
    calls = {key: _calls(function, functions) for key, function in functions.items()}
    sizes: dict[tuple[str, str], int] = {}
    active: set[tuple[str, str]] = set()
    for start in functions:
        stack = [(start, False)]
        while stack:
            key, finished = stack.pop()
            if finished:
                active.discard(key)
                sizes[key] = len(functions[key].node) + sum(
                    sizes[callee] * n for callee, n in calls[key].items()
                )
            elif key not in sizes:
                if key in active:
                    raise invalid(
                        path, text("Its function '{function}' calls itself.", function=clean(key[1]))
                    )
                active.add(key)
                stack.append((key, True))
                for callee in calls[key]:
                    if callee in active:
                        raise invalid(
                            path, text("Its function '{function}' calls itself.", function=clean(callee[1]))
                        )
                    stack.append((callee, False))
    total = len(proto.graph.node) + sum(sizes[key] * n for key, n in _calls(proto.graph, functions).items())
    if total > MOST_NODES:
        raise UnsupportedModelError(
            text("The model '{name}' is too large to open.", name=shown(path)),
            text(
                "Its functions unfold to {count} nodes; {limit} are the limit.",
                count=min(total, 10**18),
                limit=MOST_NODES,
            ),
            text("Export the model without functions, or get it from a source that you trust."),
        )


def _calls(
    graph: onnx.GraphProto | onnx.FunctionProto, functions: dict[tuple[str, str], onnx.FunctionProto]
) -> Counter[tuple[str, str]]:
    """How often each function is called from here, bodies included."""
    counts: Counter[tuple[str, str]] = Counter()
    stack = [graph]
    while stack:
        for node in stack.pop().node:
            if (node.domain, node.op_type) in functions:
                counts[node.domain, node.op_type] += 1
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    stack.append(attribute.g)
                stack.extend(attribute.graphs)
    return counts


def _reads(node: ReadNode, inside: frozenset[str]) -> set[str]:
    """Names of this graph that a node needs, directly or within its bodies."""
    names = set(node.inputs)
    graphs = list(node.bodies)
    while graphs:
        read = graphs.pop()
        made = {name for inner in read.nodes for name in inner.outputs}
        made |= {value.name for value in read.graph.input}
        for inner in read.nodes:
            names.update(name for name in inner.inputs if name not in made)
            graphs += inner.bodies
        names.update(value.name for value in read.graph.output if value.name not in made)
    return names & inside


def _check_order(
    graph: onnx.GraphProto, path: Path, producers: dict[str, int], reads: Sequence[Iterable[str]]
) -> None:
    """Kahn's algorithm: whatever is left over stands in a cycle or behind one."""
    needs = [{producers[name] for name in names if name in producers} for names in reads]
    if all(source < index for index, indices in enumerate(needs) for source in indices):
        return  # as nearly every exporter writes it
    waiting = [len(indices) for indices in needs]
    users: list[list[int]] = [[] for _ in waiting]
    for index, indices in enumerate(needs):
        for source in indices:
            users[source].append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    done = 0
    while ready:
        done += 1
        for user in users[ready.pop()]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if done < len(waiting):
        stuck = next(index for index, count in enumerate(waiting) if count)
        raise invalid(
            path,
            text(
                "It runs in a circle: node '{node}' waits for its own result.", node=_name(graph.node[stuck])
            ),
        )


def _name(node: onnx.NodeProto) -> str:
    return clean(node.name or (node.output[0] if node.output else "") or node.op_type)
