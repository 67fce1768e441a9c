"""Sentences about what ties a layer to others: channels that go as one, changes of precision on its edges."""

from __future__ import annotations

from core.values import GraphNode
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.models.graph_items import GraphItems
from gui.models.switch_marks import SwitchMarks, switch_text
from gui.session import Session

MOST_NAMED = 4
"""Layers or neighbours that are named."""


def switch_lines(items: GraphItems, marks: SwitchMarks | None, node: GraphNode) -> list[str]:
    """'32→8 bits on the way from conv1': a line for each neighbour where the precision changes."""
    if marks is None:
        return []
    lines = []
    for index in marks.into(node.id)[:MOST_NAMED]:
        name = items.nodes[items.by_id[items.edges[index].source]].label
        bits = switch_text(marks.by_edge[index])
        lines.append(tr("{bits} bits on the way from {name}").format(bits=bits, name=name))
    for index in marks.out_of(node.id)[:MOST_NAMED]:
        name = items.nodes[items.by_id[items.edges[index].target]].label
        bits = switch_text(marks.by_edge[index])
        lines.append(tr("{bits} bits on the way to {name}").format(bits=bits, name=name))
    return lines


def coupling_lines(session: Session, layer_id: str | None) -> list[str]:
    """Which layers lose a channel where this one does, or why none can go."""
    if layer_id is None or session.model is None:
        return []
    if session.couplings.why_not is not None:
        return [tr_text(session.couplings.why_not)]
    fixed = session.couplings.why_fixed(layer_id)
    if fixed is not None:
        return [tr("No channel of it can go. {why}").format(why=tr_text(fixed))]
    mates = session.couplings.mates(layer_id)
    if not mates:
        return []
    labels = {layer.id: layer.label for layer in session.model.layers}
    named = fmt.listed(labels.get(mate, mate) for mate in mates[:MOST_NAMED])
    more = len(mates) - MOST_NAMED
    if more > 0:
        words = tr("Its channels go together with those of {names} and {n} more")
        return [words.format(names=named, n=fmt.count(more))]
    return [tr("Its channels go together with those of {names}").format(names=named)]
