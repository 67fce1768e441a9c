"""Where values change their precision on the way through a network: on names alone, for engine and window."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.kernel_model import FLOAT, INT8, INT8_SHIFTED, INT16, setting_of
from core.values import FLOAT_BITS, Plan, Wiring
from core.wiring import integer_parts

Switches = dict[tuple[str, str], tuple[int, ...]]
"""(source, target) -> the bits that a value has along this edge, one after the other, at least two."""

_INTEGER = (INT8, INT8_SHIFTED, INT16)


def planned_precision(wiring: Wiring, plan: Plan) -> dict[str, int]:
    """Bits of the integers that nodes compute on under `plan`, 8 or 16, by name; others compute in float."""
    settings = {
        node.name: setting
        for node in wiring.nodes
        if node.kind == "layer" and (setting := setting_of(node, plan)) != FLOAT
    }
    chosen = {
        name: 16 if setting == INT16 else 8 for name, setting in settings.items() if setting in _INTEGER
    }
    if not chosen:
        return dict(wiring.stored)
    # what lies between layers takes the most of all, so that both ends of a sum agree
    between = max(chosen.values())
    places, _ = integer_parts(wiring.nodes, chosen)
    names = [wiring.nodes[place].name for place in places]
    return {**wiring.stored, **{name: chosen.get(name, between) for name in names}}


def switches(wiring: Wiring, boxes: Collection[str], precision: Mapping[str, int]) -> Switches:
    """Return the edges between `boxes` along which values are converted.

    `boxes` are ids of a drawn graph: names of nodes, 'input:NAME' and 'output:NAME'. Nodes that are not drawn
    lie along the edges. What bodies of If and Loop do is not followed.
    """
    shown = frozenset(boxes)
    found: Switches = {}
    # value -> box that it comes from -> bits along the way
    ways: dict[str, dict[str, tuple[int, ...]]] = {
        box.removeprefix("input:"): {box: (FLOAT_BITS,)} for box in shown if box.startswith("input:")
    }
    for node in wiring.nodes:
        bits = precision.get(node.name, FLOAT_BITS)
        come = _joined([ways[value] for value in node.inputs if value in ways], bits)
        if node.name in shown:
            _note(found, come, node.name)
            come = {node.name: (bits,)}
        if node.tail in shown:
            _note(found, come, node.tail)
            come = {node.tail: (bits,)}
        for value in (node.output, *node.others):
            ways[value] = come
    for value in wiring.outputs:
        box = f"output:{value}"
        if box in shown and value in ways:
            _note(found, _joined([ways[value]], FLOAT_BITS), box)
    return found


def _joined(ways: list[dict[str, tuple[int, ...]]], bits: int) -> dict[str, tuple[int, ...]]:
    """All ways that lead here, this node's bits at their ends; of two from one box that with more changes."""
    result: dict[str, tuple[int, ...]] = {}
    for one in ways:
        for box, way in one.items():
            longer = way if way[-1] == bits else (*way, bits)
            if box not in result or len(longer) > len(result[box]):
                result[box] = longer
    return result


def _note(found: Switches, come: Mapping[str, tuple[int, ...]], target: str) -> None:
    for box, way in come.items():
        if len(way) > 1:
            found[box, target] = way
