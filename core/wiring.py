"""Which nodes compute on integers when some layers do: on names alone, for the engine and for the window."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Literal, Protocol


class Wired(Protocol):
    """A node with the activation function that its kernel takes in."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Literal["layer", "between", "other"]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def output(self) -> str: ...
    @property
    def conv(self) -> bool: ...


def integer_parts(nodes: Sequence[Wired], chosen: Container[str]) -> tuple[list[int], dict[str, None]]:
    """(places of the nodes that compute on integers, values that become integers), in the graph's order.

    `chosen` are names of layers. Their inputs become integers, the outputs of convolutions, and everything
    between two such values that only passes through nodes of kind 'between'.
    """
    layers = [place for place, node in enumerate(nodes) if node.kind == "layer" and node.name in chosen]
    needed: dict[str, None] = {}
    for place in layers:
        needed[nodes[place].inputs[0]] = None
        if nodes[place].conv:
            needed[nodes[place].output] = None
    reachable = set(needed)
    ours = set(layers)
    eligible: list[int] = []
    for place, node in enumerate(nodes):
        if place in ours:
            reachable.add(node.output)
        elif node.kind == "between" and all(value in reachable for value in node.inputs):
            eligible.append(place)
            reachable.add(node.output)
    for place in reversed(eligible):
        if nodes[place].output in needed:
            needed.update(dict.fromkeys(nodes[place].inputs))
    return layers + [place for place in eligible if nodes[place].output in needed], needed
