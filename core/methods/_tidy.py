"""Take out of a finished graph what costs bytes and serves nobody."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"


def tidy(model: ir.Model) -> None:
    """Short names for inner values; no shapes of inner values, no doc strings, no exporter's notes.

    Inputs, outputs, nodes and constants keep their names: by these a program or a report finds its way.
    """
    model.doc_string = None
    model.metadata_props.clear()
    graphs = [model.graph, *model.graph.subgraphs()]
    fixed = {value.name for graph in graphs for value in (*graph.inputs, *graph.outputs)}
    fixed |= set(model.graph.initializers)
    names = (name for name in _short_names() if name not in fixed)
    for graph in graphs:
        graph.doc_string = None
        graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.doc_string = None
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
            # by itself, not by name: an inner value may be called as a new constant is
            if value.is_graph_output():
                continue
            if value.name:
                value.name = next(names)
            # a written shape would only repeat what shape inference knows
            value.shape = None
            value.type = None


def _short_names() -> Iterator[str]:
    """a, b, ... 9, aa, ab, ..."""
    names = [""]
    while True:
        names = [prefix + digit for prefix in names for digit in _DIGITS]
        yield from names
