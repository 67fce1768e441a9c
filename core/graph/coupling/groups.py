"""From coupled atoms to groups of units that can be removed, or the reason why not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from core.graph.coupling.atoms import Coupling, Role, UnknownShapeError, Use, node_text
from core.graph.coupling.registry import rule_of
from core.graph.opened import OpenedModel
from core.graph.static_sizes import fold_static_sizes
from core.values import Text, text


@dataclass(frozen=True)
class Slice:
    """Which positions along an axis of a stored tensor belong to each unit of a group."""

    weight: str
    """Name of the initializer."""
    axis: int
    role: Role
    """'out': outputs of `layer`, to be scored; 'in': inputs of `layer`, to be repaired; 'along': the rest
    (biases, parameters of normalisations, constants). A tensor that two layers share comes up for both."""
    layer: str
    """Name of the node that uses it so; empty for 'along'."""
    index: np.ndarray
    """int (units, positions of one unit)."""


@dataclass(frozen=True)
class ChannelGroup:
    """Units that can each be removed everywhere at once: a channel, a neuron, an attention head."""

    id: str
    """The first layer whose outputs these are; with a number behind it if it has several groups."""
    members: tuple[str, ...]
    """Layers (node names) whose outputs are cut, in the network's order."""
    consumers: tuple[str, ...]
    """Layers whose inputs are cut."""
    size: int
    """Number of units."""
    unit: int
    """Outputs of the widest member that make one unit: the size of a head, 1 for plain channels."""
    slices: tuple[Slice, ...]
    why_fixed: Text | None = None
    """None: units can be removed."""
    summed: bool = False
    """Something adds the units up without weights, so that one cannot stand for two that are alike."""
    notes: tuple[Text, ...] = ()
    """Set where removing units that are zero changes the result all the same."""

    @property
    def removable(self) -> bool:
        return self.why_fixed is None


@dataclass(frozen=True)
class Coupled:
    """A model's groups, and what the surgery needs to remove units of them."""

    coupling: Coupling
    labels: np.ndarray
    """Component of each atom."""
    groups: tuple[ChannelGroup, ...]
    components: dict[str, np.ndarray]
    """Group id -> component of each unit."""


def channel_groups(source: OpenedModel | ir.Model) -> tuple[ChannelGroup, ...]:
    """Return every group of coupled output channels of a normalised model, in the network's order.

    Groups with `why_fixed` cannot be cut; their reason names the operator or the interface that holds them.
    The model is not changed.
    """
    return couple(prepared(source.model if isinstance(source, OpenedModel) else source)).groups


def prepared(model: ir.Model) -> ir.Model:
    """Return a copy that is ready to be coupled: sizes that never change are constants in it."""
    copy = model.clone()
    fold_static_sizes(copy)
    return copy


def couple(model: ir.Model) -> Coupled:
    """Find the groups of a `prepared` model, with what `core.graph.surgery` needs. Changes nothing."""
    coupling = Coupling(model)
    for value in model.graph.inputs:
        coupling.pin_value(value, text("They are the model's input '{name}'.", name=value.name or ""))
    for value in model.graph.outputs:
        coupling.pin_value(value, text("They are the model's output '{name}'.", name=value.name or ""))
    for node in model.graph.all_nodes():
        _state(coupling, node)
    coupling.settle()
    labels, number = coupling.components()
    groups, components = _groups(coupling, labels, number)
    return Coupled(coupling, labels, groups, components)


def _state(coupling: Coupling, node: ir.Node) -> None:
    rule = rule_of(node)
    reason: Text | None = None
    if rule is None:
        reason = text(
            "'{node}' ({operator}) is an operator whose channels cannot be followed.",
            node=node.name or "",
            operator=f"{node.domain}.{node.op_type}" if node.domain else node.op_type,
        )
    else:
        try:
            rule(coupling, node)
        except UnknownShapeError:
            reason = text("The size of what '{node}' takes in is not known beforehand.", node=node.name or "")
        except (ValueError, IndexError, KeyError, AssertionError):
            # a graph that breaks its operator's own rules, or a form of it that is not written down here
            reason = node_text(node)
    if reason is not None:
        inner = (value for body in _bodies(node) for value in (*body.inputs, *body.outputs))
        for value in (*node.inputs, *node.outputs, *inner):
            coupling.pin_value(value, reason)


def _bodies(node: ir.Node) -> list[ir.Graph]:
    found = []
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            found.append(attribute.as_graph())
        elif attribute.type == ir.AttributeType.GRAPHS:
            found.extend(attribute.as_graphs())
    return found


def _groups(
    coupling: Coupling, labels: np.ndarray, number: int
) -> tuple[tuple[ChannelGroup, ...], dict[str, np.ndarray]]:
    uses = dict(coupling.uses)
    stated = {(use.weight, use.axis) for use in uses}
    for value, axis in coupling.constants():
        if value.is_initializer() and (value.name or "", axis) not in stated:
            uses[Use(value.name or "", axis, "along", "")] = value
    listed = list(uses.items())
    # the positions of each component along each of these axes
    places: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)
    for position, (use, value) in enumerate(listed):
        own = labels[coupling.axis(value, use.axis)]
        if not own.size:
            continue  # an input that is there but empty, such as the regions of a Resize
        order = np.argsort(own, kind="stable")
        found, starts = np.unique(own[order], return_index=True)
        for component, part in zip(found, np.split(order, starts[1:]), strict=True):
            places[int(component)].append((position, part))
    reasons = coupling.reasons(labels, number)
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for component, parts in places.items():
        if any(listed[position][0].role == "out" for position, _ in parts):
            shape = tuple((position, part.size) for position, part in parts)
            alike[(shape, reasons[component] is None)].append(component)
    noted = _notes(coupling, labels)
    summed = {int(label) for atoms in coupling.summed for label in labels[atoms]}
    nodes = {node.name or "": place for place, node in enumerate(coupling.model.graph.all_nodes())}
    drafts = []
    for members in alike.values():
        own = [places[component] for component in members]
        uses_here = [listed[position][0] for position, _ in own[0]]
        main = min(
            (i for i, use in enumerate(uses_here) if use.role == "out"),
            key=lambda i: nodes[uses_here[i].layer],
        )
        order = np.argsort([part[main][1][0] for part in own], kind="stable")
        units, own = [members[i] for i in order], [own[i] for i in order]
        drafts.append((nodes[uses_here[main].layer], int(own[0][main][1][0]), uses_here, own, units))
    groups: list[ChannelGroup] = []
    components: dict[str, np.ndarray] = {}
    for _, _, uses_here, own, units in sorted(drafts, key=lambda draft: draft[:2]):
        group = _group(uses_here, own, units, reasons, noted, nodes, set(components))
        if summed.intersection(units):
            group = replace(group, summed=True)
        groups.append(group)
        components[group.id] = np.array(units)
    return tuple(groups), components


def _group(
    uses: list[Use],
    parts: list[list[tuple[int, np.ndarray]]],
    members: list[int],
    reasons: list[Text | None],
    noted: dict[int, list[Text]],
    nodes: dict[str, int],
    taken: set[str],
) -> ChannelGroup:
    slices = tuple(
        Slice(use.weight, use.axis, use.role, use.layer, np.stack([part[i][1] for part in parts]))
        for i, use in enumerate(uses)
    )
    producers, consumers = (
        tuple(sorted({use.layer for use in uses if use.role == role}, key=lambda name: nodes[name]))
        for role in ("out", "in")
    )
    why = reasons[members[0]]
    if why is None and len(members) == 1:
        why = text("They can only be removed all at once.")
    name, count = producers[0], 1
    while name in taken:
        count += 1
        name = f"{producers[0]}:{count}"
    notes: dict[str, Text] = {str(note): note for component in members for note in noted.get(component, ())}
    return ChannelGroup(
        id=name,
        members=producers,
        consumers=consumers,
        size=len(members),
        unit=max(item.index.shape[1] for item in slices if item.role == "out"),
        slices=slices,
        why_fixed=why,
        notes=tuple(notes.values()),
    )


def _notes(coupling: Coupling, labels: np.ndarray) -> dict[int, list[Text]]:
    noted: dict[int, list[Text]] = defaultdict(list)
    for atoms, note in coupling.notes:
        for component in np.unique(labels[atoms]):
            noted[int(component)].append(note)
    return noted
