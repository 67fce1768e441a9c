"""Even out the channels of activations, so that one scale for all of them serves each.

The network is rewritten without changing its answers: a channel times s, its readers' weights on it divided
by s (`core.graph.scaling`). Cross-layer equalisation (Nagel et al. 2019) raises small channels to the
largest; SmoothQuant (Xiao et al. 2023) divides large ones down behind a normalisation, where readers can
bear it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.runner import Runner
from core.graph.scaling import Freedom
from core.graph.suffix import prefix
from core.methods import METHODS
from core.methods._pieces import Feeds
from core.values import Choice, Described, Parameter, text

MOST = 16.0
"""Largest factor, and one over the smallest."""
_TINY = 1e-9


@dataclass(frozen=True)
class Reaches:
    """How far the channels of each value go on the samples."""

    largest: dict[str, np.ndarray]
    """Value -> largest magnitude of each position along the axis that scales, float64."""
    top: dict[str, np.ndarray]
    """What goes into a Clip -> largest value of each position."""


def reaches(model: ir.Model, freedom: Freedom, batches: Iterable[Feeds], context: Context) -> Reaches:
    """Measure on samples, batch by batch. Raises Cancelled."""
    axes = {name: axis for name, (axis, _) in freedom.values.items()}
    clips = {ceiling.value: ceiling.axis for ceiling in freedom.ceilings}
    wanted = list(dict.fromkeys([*axes, *clips]))
    largest: dict[str, np.ndarray] = {}
    top: dict[str, np.ndarray] = {}
    if not wanted:
        return Reaches(largest, top)
    runner = Runner(prefix(model, wanted))
    asked = {item.name for item in runner.inputs}
    for feeds in batches:
        context.check()
        found = runner.run({name: array for name, array in feeds.items() if name in asked})
        for name, array in zip(wanted, found, strict=True):
            values = np.asarray(array, dtype=np.float64)
            if name in axes:
                rows = np.abs(_rows(values, axes[name])).max(axis=1, initial=0.0)
                largest[name] = np.maximum(largest.get(name, 0.0), rows)
            if name in clips:
                rows = _rows(values, clips[name]).max(axis=1, initial=-np.inf)
                top[name] = np.maximum(top.get(name, -np.inf), rows)
    return Reaches(largest, top)


def level(freedom: Freedom, measured: Reaches, strength: float) -> np.ndarray:
    """Factors (count,) that raise each channel towards the largest of its value, 1 for strength 0.

    Where several values share a factor the mean of the logarithms counts.
    """
    logs, count = np.zeros(freedom.count), np.zeros(freedom.count)
    for name, reach in measured.largest.items():
        labels = freedom.values[name][1]
        usable = (labels >= 0) & (reach > _TINY)
        if usable.any():
            np.add.at(logs, labels[usable], np.log(reach[usable].max() / reach[usable]))
            np.add.at(count, labels[usable], 1)
    wanted = np.exp(strength * logs / np.maximum(count, 1))
    return within_ceilings(freedom, measured, wanted)


def smooth(model: ir.Model, freedom: Freedom, measured: Reaches, strength: float) -> np.ndarray:
    """SmoothQuant's factors (count,) for channels behind normalisations: max|W|^(1−α) / max|X|^α.

    Each site's largest factor is 1. Source: Xiao et al. 2023, equation 4 (whose s divides).
    """
    reach, weights = np.zeros(freedom.count), np.zeros(freedom.count)
    born = np.zeros(freedom.count, bool)
    for name, found in measured.largest.items():
        labels = freedom.values[name][1]
        np.maximum.at(reach, labels[labels >= 0], found[labels >= 0])
    for item in freedom.absorbers:
        if item.op == "Diagonal":
            born[item.made[item.made >= 0]] = True
            continue
        usable = item.given >= 0
        if usable.any():
            columns = _column_reach(model, item.weight, item.axis, item.groups, len(item.given))
            np.maximum.at(weights, item.given[usable], columns[usable])
    able = born & (reach > _TINY) & (weights > _TINY)
    factors = np.ones(freedom.count)
    factors[able] = weights[able] ** (1 - strength) / reach[able] ** strength
    for site in freedom.sites():
        own = site[able[site]]
        if own.size:
            factors[own] /= factors[own].max()
    return within_ceilings(freedom, measured, factors)


def within_ceilings(freedom: Freedom, measured: Reaches, factors: np.ndarray) -> np.ndarray:
    """Factors under which no Clip cuts what it let pass, and lets pass nothing that it cut."""
    result = np.clip(factors, 1 / MOST, MOST)
    most, least = np.full(freedom.count, np.inf), np.zeros(freedom.count)
    for ceiling in freedom.ceilings:
        top = np.maximum(measured.top.get(ceiling.value, np.full(len(ceiling.made), np.inf)), _TINY)
        usable = ceiling.made >= 0
        labels, own = ceiling.made[usable], top[usable]
        reached = own >= ceiling.high
        np.minimum.at(most, labels, np.where(reached, 1.0, ceiling.high / own))
        np.maximum.at(least, labels, np.where(reached, 1.0, 0.0))
    return np.minimum(np.maximum(result, least), most)


def _rows(values: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def _column_reach(model: ir.Model, name: str, axis: int, groups: int, inputs: int) -> np.ndarray:
    """max|W| over everything that reads each input channel, (inputs,)."""
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    moved = np.abs(np.moveaxis(tensor.numpy().astype(np.float64), axis, 0))
    # (outputs, inputs of the output's group, kernel ...)
    by_input = moved.reshape(groups, moved.shape[0] // groups, moved.shape[1], -1).max(axis=(1, 3))
    return np.asarray(by_input.reshape(-1)[:inputs])


STRENGTHS: Mapping[str, Sequence[float]] = {"level": (0.5, 1.0), "smooth": (0.5, 0.75)}
"""What 'automatic' tries of each way."""

METHODS.add(
    Described(
        name="equalize",
        label=text("Equalise channels"),
        help=text(
            "Evens out channels of very different size before numbers get fewer bits; the float network's "
            "answers stay the same. For depthwise networks, transformers and chips with one scale per tensor."
        ),
        parameters=(
            Parameter(
                name="on",
                label=text("Equalise"),
                help=text("Kept only where held-out answers come nearer to the original's."),
                kind="switch",
                default=False,
            ),
            Parameter(
                name="how",
                label=text("How"),
                help=text("Which channels are evened out."),
                kind="choice",
                default="automatic",
                choices=(
                    Choice(
                        name="automatic",
                        label=text("Automatic"),
                        help=text("Tries both ways at several strengths and keeps what is best."),
                    ),
                    Choice(
                        name="level",
                        label=text("Across layers"),
                        help=text("Small channels are raised, their readers' weights lowered."),
                    ),
                    Choice(
                        name="smooth",
                        label=text("Behind normalisations"),
                        help=text("A transformer's large channels move into the weights that read them."),
                    ),
                ),
            ),
        ),
    ),
    level,
)
