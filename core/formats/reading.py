"""What the checks look at in a graph, taken out of protobuf once: each look there takes its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import onnx

from core.errors import OpenError, UnsupportedModelError
from core.formats.safety import shown
from core.values import Text, text

MOST_NODES = 100_000
"""Nodes, those of bodies and of unfolded functions included. More are refused before any work on them: each
stage of opening takes time by the node, and the largest networks that people export have some 20,000."""


class ReadNode(NamedTuple):
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    bodies: list[ReadGraph]
    tensors: list[onnx.TensorProto]
    """Of its attributes."""


@dataclass(frozen=True)
class ReadGraph:
    graph: onnx.GraphProto
    nodes: list[ReadNode]

    def graphs(self) -> Iterator[ReadGraph]:
        """Itself and the bodies in it."""
        yield self
        for node in self.nodes:
            for body in node.bodies:
                yield from body.graphs()


def read_graph(graph: onnx.GraphProto, path: Path) -> ReadGraph:
    """Return the graph's nodes, those of bodies too.

    Raises UnsupportedModelError for more than `MOST_NODES`, before they are read, and OpenError for a name
    that is not UTF-8: protobuf hands it out as bytes.
    """
    return _Reader(path, MOST_NODES).graph(graph)


def read_function(function: onnx.FunctionProto, path: Path) -> list[ReadNode]:
    """Return the function's nodes. Raises OpenError for a name that is not UTF-8."""
    return _Reader(path, None).nodes(function.node)


class _Reader:
    def __init__(self, path: Path, most: int | None) -> None:
        self._path = path
        self._most = most
        self._count = 0

    def graph(self, graph: onnx.GraphProto) -> ReadGraph:
        self._count += len(graph.node)
        if self._most is not None and self._count > self._most:
            raise UnsupportedModelError(
                text("The model '{name}' is too large to open.", name=shown(self._path)),
                text(
                    "It has at least {count} operations; {limit} are the limit.",
                    count=self._count,
                    limit=self._most,
                ),
                text("Export it without unrolled loops, or in parts that are opened one by one."),
            )
        nodes = self.nodes(graph.node)
        values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
        if not all(isinstance(value.name, str) for value in values):
            raise unreadable(self._path)
        return ReadGraph(graph, nodes)

    def nodes(self, protos: Iterable[onnx.NodeProto]) -> list[ReadNode]:
        nodes: list[ReadNode] = []
        for node in protos:
            inputs, outputs = tuple(node.input), tuple(node.output)
            operator, domain = node.op_type, node.domain
            names = [node.name, operator, domain, *inputs, *outputs]
            bodies: list[ReadGraph] = []
            tensors: list[onnx.TensorProto] = []
            for attribute in node.attribute:
                names.append(attribute.name)
                # whatever kind it says it is: others may go by what it holds
                if attribute.HasField("t"):
                    tensors.append(attribute.t)
                if more := attribute.tensors:
                    tensors.extend(more)
                if attribute.HasField("g"):
                    bodies.append(self.graph(attribute.g))
                if graphs := attribute.graphs:
                    bodies.extend(map(self.graph, graphs))
            try:
                "".join(names)
            except TypeError:
                raise unreadable(self._path) from None
            nodes.append(ReadNode(operator, domain, inputs, outputs, bodies, tensors))
        return nodes


def unreadable(path: Path) -> OpenError:
    return invalid(path, text("A name in it is not readable text."))


def invalid(path: Path, why: Text) -> OpenError:
    """The error for a graph that is none."""
    return OpenError(
        text("The graph in '{name}' is invalid.", name=shown(path)),
        why,
        text("The file is damaged or was not written correctly: export the model again."),
    )
