"""Plain words about a box of the graph, for its tooltip and for screen readers."""

from __future__ import annotations

from collections.abc import Mapping

from core.values import Graph, GraphNode, Layer
from gui import format as fmt
from gui.i18n import tr
from gui.models.group_tree import GroupTree
from gui.models.rollup import Rolled
from gui.views.graph_figures import figure_name
from gui.views.graph_scales import Figures


def why_empty(graph: Graph) -> str:
    """Why a graph that is laid out has no boxes."""
    if graph.too_many:
        words = tr("{n} operations are too many to draw. The table lists the layers.")
        return words.format(n=fmt.count(graph.too_many))
    return tr("This model has no operations to draw.")


def describe_layer(layer: Layer, figures: Figures, figure: str, coupled: bool) -> str:
    """Full name, kind, shape, parameters, the painted figure."""
    shape = " × ".join(str(size) for size in layer.shape)
    lines = [
        layer.id,
        tr("{kind} · weights {shape}").format(kind=fmt.layer_kind(layer.kind), shape=shape),
        tr("{n} parameters · {size}").format(n=fmt.large(layer.params), size=fmt.size(layer.bytes)),
    ]
    value = figures.texts.get(layer.id, tr("not measured yet"))
    lines.append(tr("{figure}: {value}").format(figure=figure_name(figure), value=value))
    if coupled:
        lines.append(tr("Shares its weights: changed together with other layers"))
    return "\n".join(lines)


def describe_group(
    node: GraphNode,
    tree: GroupTree,
    rolled: Rolled | None,
    figures: Figures,
    figure: str,
    layers: Mapping[str, Layer],
) -> str:
    """What a closed group holds, how often it comes, the figure of it all and the layer that stands out."""
    group = tree.by_id[node.id]
    inside, alike = fmt.count(len(tree.layers(node.id))), tree.count_alike(node.id)
    lines = [
        group.label,
        tr("{n} operations, {layers} of them layers").format(n=fmt.count(group.count), layers=inside),
    ]
    if group.repeats:
        lines.append(tr("{n} identical blocks in a row").format(n=fmt.count(group.repeats)))
    elif alike > 1:
        lines.append(tr("one of {n} identical blocks").format(n=fmt.count(alike)))
    if rolled is not None and rolled.known:
        together = {
            "sum": tr("{figure}: {value} together"),
            "mean": tr("{figure}: {value} on average over the weights"),
            "worst": tr("{figure}: {value} at most"),
        }[figures.rule]
        lines.append(together.format(figure=figure_name(figure), value=rolled.text))
        strongest = layers[rolled.strongest]
        value = figures.texts.get(strongest.id, "")
        lines.append(tr("Strongest: {layer}, {value}").format(layer=strongest.label, value=value))
    lines.append(tr("Enter or a double click opens it"))
    return "\n".join(lines)
