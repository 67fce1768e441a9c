"""The importance of channels, neurons and heads: a score's channel form, summed over what is coupled."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.data.dataset import DataSet
from core.graph.cost import costs
from core.graph.coupling import ChannelGroup
from core.graph.layers import find_layers
from core.graph.opened import OpenedModel
from core.importance import SCORES
from core.methods._channel_curves import Curve, by_importance, magnitude, most_of
from core.methods.prune_channels import Units
from core.scoring import Scoring, score_named


def units_by(opened: OpenedModel, data: DataSet | None, name: str, seed: int, context: Context) -> Units:
    """What `prune_channels` asks for the order in which units go, by the importance score `name`.

    It may be asked several times, each time of the network as it is then. Raises what `Scoring.measure` does.
    """

    def curves(model: ir.Model, groups: Sequence[ChannelGroup]) -> dict[str, Curve]:
        layers = find_layers(model, costs(model).macs)
        info = msgspec.structs.replace(opened.info, layers=layers)
        scoring = Scoring(dataclasses.replace(opened, info=info, model=model), data)
        known = {layer.id for layer in layers}
        members = {part.layer for group in groups for part in group.slices if part.role == "out"} & known
        scoring.measure(sorted(members), name, context)
        return {group.id: _curve(model, group, scoring, name, seed, known) for group in groups}

    return curves


def unit_scores(
    group: ChannelGroup, scoring: Scoring, name: str, seed: int, known: set[str]
) -> np.ndarray | None:
    """The score of each unit of a group, (units,); None if no member has this score.

    Scores of the whole network's answers add up as they are; of others each member's are shares of its own.
    """
    total, found = np.zeros(group.size), False
    for part in group.slices:
        if part.role != "out" or part.layer not in known:
            continue
        scored = scoring.scored(part.layer, name, seed)
        if score_named(name).why_not(scored) is not None:
            continue
        per_position = _along(scoring, part.layer, part.weight, part.axis, name, seed)
        if part.index.max(initial=-1) >= len(per_position):
            continue
        units = per_position[part.index].sum(axis=1)
        total += units if SCORES.get(name).of_network else units / max(float(units.sum()), 1e-30)
        found = True
    return total if found else None


def _along(scoring: Scoring, layer_id: str, weight: str, axis: int, name: str, seed: int) -> np.ndarray:
    """The channel form at each position of the weight's output axis; where channels lie over several axes
    (groups of a transposed convolution, directions of a recurrent layer) the sum of the weights' scores."""
    scored = scoring.scored(layer_id, name, seed)
    place = scored.layer.weights.index(weight) if weight in scored.layer.weights else 0
    shape = scored.model.graph.initializers[scored.layer.weights[place]].const_value.shape  # type: ignore[union-attr]
    if len(scored.matrix) == shape[axis]:
        return score_named(name).channels(scored).values.astype(np.float64)
    values, _ = scoring.weights(layer_id, name, seed)
    moved = np.moveaxis(values[place], axis, 0)
    return moved.reshape(moved.shape[0], -1).sum(axis=1, dtype=np.float64)


def _curve(
    model: ir.Model, group: ChannelGroup, scoring: Scoring, name: str, seed: int, known: set[str]
) -> Curve:
    units = unit_scores(group, scoring, name, seed, known)
    if units is None:
        return by_importance(group, magnitude(model, group))
    if not SCORES.get(name).of_network:
        return by_importance(group, units)
    order = np.argsort(units, kind="stable")[: most_of(group.size)]
    return Curve(order, np.concatenate([[0.0], np.cumsum(units[order])]))
