"""The jobs behind the drawn graph: open a model, lay it out, look at its weights, hold another beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterator
from typing import Literal

import msgspec

from core import messages as m
from core.context import Context
from core.convert.conversion import resolve
from core.expected import expected
from core.files import write_whole
from core.graph.counterparts import counterparts
from core.graph.coupling import channel_groups
from core.graph.drawing import Drawing
from core.graph.light_copy import light_copy
from core.graph.opened import OpenedModel
from core.kernels.nodes import wiring
from core.values import CoupledChannels, Couplings, Foreign, Graph, ModelInfo, SideBySide, WeightFigures, text
from core.weight_figures import weight_figures
from core.workspace import Workspace

DETAILS: tuple[Literal["layers", "nodes"], ...] = ("layers", "nodes")
MOST_COUPLED = 30_000
"""Operations up to which coupled channels are looked for."""
MANY_NODES = 1500
"""As in the window's panel for Netron."""


def open_model(request: m.OpenModel, workspace: Workspace, context: Context) -> ModelInfo | Foreign:
    """Publishes the ModelInfo at once and each laid-out Graph, then its groups, as they are ready.

    A file of another framework is converted first, or comes back with what must be said about it.
    """
    found = resolve(request.model, request.recipe, workspace.cache_dir, context)
    if isinstance(found, Foreign):
        return found
    with _without_collector():
        opened = workspace.opened(str(found), context)
        light_path = workspace.run_dir() / f"{opened.info.sha256[:24]}.light.onnx"
        info = msgspec.structs.replace(opened.info, light_path=str(light_path))
        # a viewer takes a large graph on request only: its copy has time until the graph is drawn
        at_once = info.node_count <= MANY_NODES
        if at_once:
            write_whole(light_path, light_copy(opened))
        context.publish(info)
        context.report(text("Drawing the graph"))
        details = sorted(DETAILS, key=lambda detail: detail != request.first)
        for detail in details:
            context.publish(workspace.drawing(opened, detail).whole())
        if not at_once:
            write_whole(light_path, light_copy(opened))
        for detail in details:
            drawing = workspace.drawing(opened, detail)
            if drawing.drawable:
                context.publish(drawing.groups)
        context.publish(wiring(opened))
    return info


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of objects come that stay: walking them again and again takes a seventh of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def lay_out(request: m.LayOut, workspace: Workspace, context: Context) -> Graph:
    opened = expected(request, workspace, context)
    return workspace.drawing(opened, request.detail).closed(request.closed)


def compare_graphs(request: m.CompareGraphs, workspace: Workspace, context: Context) -> SideBySide:
    """Raises OpenError if the compressed file is gone."""
    opened = expected(request, workspace, context)
    return side_by_side(opened, workspace.opened_beside(request.compressed, context), request.detail)


def side_by_side(opened: OpenedModel, other: OpenedModel, detail: Literal["layers", "nodes"]) -> SideBySide:
    """Draw the compressed network: its layers are those of the original, however their weights are stored."""
    own = {layer.id: layer for layer in other.info.layers}
    # called as in the original: a weight that is computed from fewer bits has no name of its own
    layers = tuple(
        msgspec.structs.replace(own.get(layer.id, layer), label=layer.label) for layer in opened.info.layers
    )
    drawn = dataclasses.replace(other, info=msgspec.structs.replace(other.info, layers=layers))
    return SideBySide(
        sha256=other.info.sha256,
        graph=Drawing(drawn, detail).whole(),
        wiring=wiring(drawn),
        counterparts=counterparts(opened.model, other.model),
    )


def couple_layers(request: m.CoupleLayers, workspace: Workspace, context: Context) -> Couplings:
    opened = expected(request, workspace, context)
    count = opened.info.node_count
    if count > MOST_COUPLED:
        why = text("Too many operations ({n}) to follow which channels go together.", n=count)
        return Couplings(groups=(), why_not=why)
    return Couplings(
        groups=tuple(
            CoupledChannels(layers=group.members, channels=group.size, why_fixed=group.why_fixed)
            for group in channel_groups(opened)
        )
    )


def weigh_layers(request: m.WeighLayers, workspace: Workspace, context: Context) -> WeightFigures:
    return weight_figures(expected(request, workspace, context), request.plan, context)
