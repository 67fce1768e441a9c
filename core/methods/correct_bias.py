"""Bias correction: each layer's mean outputs become the original's again, one layer after the other.

Rounding shifts what a channel answers on average; the bias takes the shift back (Nagel et al. 2019, section
4.2, on samples). Each layer is looked at with those before it corrected, and keeps its old bias unless
held-out samples are answered more like the original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.graph.roles import GATES
from core.methods import METHODS
from core.methods._bias import read_bias
from core.methods._pieces import Feeds
from core.methods._taps import Tap, node_named
from core.methods.repair_channels import Answers
from core.values import Described, Parameter, text


@dataclass(frozen=True)
class Corrected:
    biases: dict[str, np.ndarray]
    """New biases by layer id, those that stayed left out."""
    before: float
    """Distance of the network's answers from the original's on held-out samples."""
    after: float


def correct_bias(
    original: ir.Model,
    network: Callable[[Mapping[str, np.ndarray]], ir.Model],
    layers: Mapping[str, int],
    biases: Mapping[str, np.ndarray],
    batches: Callable[[], Iterable[Feeds]],
    held_out: Sequence[Feeds],
    context: Context,
) -> Corrected:
    """Correct the layers of `layers` (id -> output channels, in the network's order).

    `network(biases)`: the compressed network with these, a private copy; `biases` are those it has where they
    are not the original's. Raises Cancelled.
    """
    able = [name for name, count in layers.items() if _bias(original, name, count) is not None]
    wanted = _means(original.clone(), able, batches, context)
    answers = Answers(original, held_out)
    now = dict(biases)
    before = current = answers.distance(network(now))
    found: dict[str, np.ndarray] = {}
    for place, name in enumerate(able):
        context.report(text("Correcting biases"), place, len(able))
        there = _means(network(now), [name], batches, context)[name]
        bias = now[name] if name in now else _bias(original, name, layers[name])
        if bias is None or there.shape != wanted[name].shape or there.shape != bias.shape:
            continue
        moved = (bias + wanted[name] - there).astype(np.float32)
        distance = answers.distance(network({**now, name: moved}))
        if distance < current:
            current, now[name], found[name] = distance, moved, moved
    return Corrected(found, before, current)


def _bias(model: ir.Model, name: str, channels: int) -> np.ndarray | None:
    try:
        node = node_named(model, name)
        # a mean of what a recurrent layer puts out is no mean of what its bias adds to
        return None if node.op_type in GATES else read_bias(node, channels)
    except KeyError:
        return None  # inside a branch or loop


def _means(
    model: ir.Model, names: Sequence[str], batches: Callable[[], Iterable[Feeds]], context: Context
) -> dict[str, np.ndarray]:
    """The mean of each output channel over samples and positions, (channels,), by layer id."""
    nodes = [node_named(model, name) for name in names]
    axes = [1 if node.op_type == "Conv" else -1 for node in nodes]
    tap = Tap(model, [node.outputs[0] for node in nodes])
    sums: list[np.ndarray | float] = [0.0] * len(names)
    counts = [0] * len(names)
    for feeds in batches():
        context.check()
        for index, (values, axis) in enumerate(zip(tap.run(feeds), axes, strict=True)):
            rows = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
            sums[index] = sums[index] + rows.sum(axis=0, dtype=np.float64)
            counts[index] += len(rows)
    return {name: np.asarray(sums[i]) / max(1, counts[i]) for i, name in enumerate(names)}


METHODS.add(
    Described(
        name="correct_bias",
        label=text("Correct biases"),
        help=text(
            "Brings each layer's mean outputs back to the original's once all layers have their bits. Helps "
            "most with one scale for each tensor. Needs data, no labels."
        ),
        parameters=(
            Parameter(
                name="on",
                label=text("Correct"),
                help=text("Each correction stays only if held-out samples are answered more like before."),
                kind="switch",
                default=False,
            ),
        ),
    ),
    correct_bias,
)
