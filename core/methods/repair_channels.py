"""Closed-form repair after channels have gone: the layers that are left make good what is missing.

For each layer in the network's order the weights of least squared error are solved for,
Ŵ = W_K + E[r x̂ᵀ](E[x̂x̂ᵀ] + λI)⁻¹, where x̂ are its inputs in the network as cut and repaired so far and r is
what its outputs lack against the original's. With x̂ the original's kept inputs this is
W·H_{:,K}(H_KK + λI)⁻¹. Where a residual addition follows, the sum is what is brought back to the
original's. Each repair stays only if held-out samples are answered more like the original.
Source: He et al. 2017 (channel pruning), section 3.1.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.answers import find_subject, predicted_classes
from core.evaluate.runner import Runner
from core.graph.coupling import couple, prepared
from core.graph.suffix import before_selection
from core.graph.surgery import Cuts, cut_of
from core.graph.weights import set_weight
from core.methods import METHODS
from core.methods._bias import read_bias, set_bias
from core.methods._matrices import form_of, outputs_at, patches, places
from core.methods._pieces import VALUE_BYTES, Feeds, fitting
from core.methods._taps import Tap, joined, node_named
from core.methods.hessian import Moments, Quadratic
from core.methods.sequential import distance
from core.values import Described, Parameter, text

REPAIRING = text("Repairing the layers that are left")
SHARES = (1.0, 0.5)
"""How much of the solved correction is tried, the whole first."""


@dataclass(frozen=True)
class Repair:
    """What became of one layer."""

    layer: str
    kept: bool
    before: float
    after: float
    """Distance of the network's answers from the original's on held-out samples."""


class Answers:
    """The original's answers to held-out samples, and how far other networks are from them."""

    def __init__(self, original: ir.Model, feeds: Sequence[Feeds]) -> None:
        self._feeds = list(feeds)
        runner = Runner(before_selection(original))
        results = [runner.run(item) for item in self._feeds]
        self._subject = find_subject(results[0], "unlabelled", None) if results else None
        self._wanted = [result[self._subject.output] for result in results] if self._subject else []

    def distance(self, model: ir.Model) -> float:
        """Mean KL divergence in nats for a classifier, else square error relative to the answers' square."""
        runner = Runner(before_selection(model))
        found: list[float] = []
        counts: list[int] = []
        subject = self._subject
        if subject is None:
            return 0.0
        for feeds, wanted in zip(self._feeds, self._wanted, strict=True):
            answers = runner.run(feeds)[subject.output]
            counts.append(len(wanted) if wanted.ndim else 1)
            found.append(distance(wanted, answers, subject))
        mean = float(np.average(found, weights=counts))
        return mean if np.isfinite(mean) else float("inf")

    def changed(self, model: ir.Model) -> float:
        """The share of samples that a classifier puts into another class than the original does, 0..1; else
        the root of the square error relative to the answers' square."""
        if self._subject is None:
            return 0.0
        if not self._subject.classes:
            return float(np.sqrt(self.distance(model)))
        runner = Runner(before_selection(model))
        differ = []
        for feeds, wanted in zip(self._feeds, self._wanted, strict=True):
            answers = runner.run(feeds)[self._subject.output]
            differ.append(
                predicted_classes(answers, self._subject) != predicted_classes(wanted, self._subject)
            )
        return float(np.concatenate(differ).mean())


def repair(
    original: ir.Model,
    model: ir.Model,
    cuts: Cuts,
    batches: Callable[[], Iterable[Feeds]],
    held_out: Sequence[Feeds],
    context: Context,
    positions: int = 50,
    damping: float = 0.01,
    rounds: int = 1,
) -> tuple[ir.Model, tuple[Repair, ...]]:
    """Repair every layer of `model`, which is `original` without the units of `cuts`; both stay as given.

    `batches` starts the fitting samples anew, `held_out` are others. At most `positions` random
    places of each image are looked at. Raises PlanError for impossible cuts, Cancelled.
    """
    original = prepared(original)
    coupled = couple(original)
    cut = cut_of(coupled, cuts)
    answers = Answers(original, held_out)
    current = answers.distance(model)
    log: list[Repair] = []
    left = {node.name for node in model.graph}
    names = [node.name or "" for node in original.graph if node.name in left and form_of(node) is not None]
    for turn in range(rounds):
        for place, name in enumerate(names):
            context.report(REPAIRING, turn * len(names) + place, rounds * len(names))
            twin = node_named(original, name)
            keep = cut.keep(twin.outputs[0], -1 if twin.op_type == "MatMul" else 1)
            quadratic = _measure(original, model, name, keep, batches, context, positions, damping)
            if quadratic is None:
                continue
            before = current
            for candidate in _candidates(model, name, quadratic):
                found = answers.distance(candidate)
                if found < current:
                    model, current = candidate, found
            log.append(Repair(name, current < before, before, current))
    return model, tuple(log)


def _measure(
    original: ir.Model,
    model: ir.Model,
    name: str,
    keep: np.ndarray,
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    positions: int,
    damping: float,
) -> Quadratic | None:
    """Stream the samples through both networks; None if the layer misses nothing or cannot be repaired."""
    form = form_of(node_named(model, name))
    if form is None:
        return None
    moments = _streamed(original, model, name, keep, batches, context, positions)
    if moments is None:
        return None
    # by now both sessions are gone, and what they computed
    centred = read_bias(node_named(model, name), form.channels) is not None
    return moments.quadratic(damping, centred, last=True)


def _streamed(
    original: ir.Model,
    model: ir.Model,
    name: str,
    keep: np.ndarray,
    batches: Callable[[], Iterable[Feeds]],
    context: Context,
    positions: int,
) -> Moments | None:
    """Of what the layer reads and what it misses; None as above."""
    here, there = model.clone(), original.clone()
    node, twin = node_named(here, name), node_named(there, name)
    form = form_of(node)
    assert form is not None
    join, join_twin = joined(node), joined(twin)
    if join is None or join_twin is None or join[0].name != join_twin[0].name:
        join = join_twin = None
    axis = -1 if node.op_type == "MatMul" else 1
    inputs_of = [node.inputs[0], node.outputs[0], *([join[1]] if join else [])]
    tap = Tap(here, [value for value in inputs_of if value is not None])
    aim = Tap(there, [join_twin[0].outputs[0] if join_twin else twin.outputs[0]])
    # of a layer in blocks the bias alone is put right, for which means are enough
    moments = Moments(form, second=not form.blocks)
    rng = np.random.default_rng(len(name))
    missed = total = 0.0
    for feeds in fitting(batches(), tap.run, VALUE_BYTES):
        context.check()
        inputs, outputs, *other = tap.run(feeds)
        wanted = np.compress(keep, aim.run(feeds)[0], axis=axis)
        if other:
            wanted = wanted - other[0]
        if wanted.shape != outputs.shape:
            return None
        at = places(form, outputs.shape, positions, rng)
        target = outputs_at(form, wanted, at)
        residual = target - outputs_at(form, outputs, at)
        missed += float(np.square(residual, dtype=np.float64).sum())
        total += float(np.square(target, dtype=np.float64).sum())
        moments.add(patches(form, inputs, outputs.shape[2:], at), residual)
    if not moments.count or missed <= 1e-10 * total:
        return None
    return moments


def _candidates(model: ir.Model, name: str, quadratic: Quadratic) -> Iterable[ir.Model]:
    """The network with this layer solved for, by parts, and with its bias alone corrected."""
    node = node_named(model, name)
    value = node.inputs[1]
    assert value is not None and value.const_value is not None
    bias = read_bias(node, quadratic.form.channels)
    solvable = quadratic.cross is not None and len(value.uses()) == 1
    for share in SHARES if solvable else ():
        weight = value.const_value.numpy()
        matrices = quadratic.form.matrices(weight)
        solved = quadratic.best(matrices, share)
        result = model.clone()
        set_weight(result, value.name or "", quadratic.form.weight(solved).astype(weight.dtype))
        if bias is not None:
            moved = bias + quadratic.bias_shift(matrices, solved)
            set_bias(result, node_named(result, name), moved.astype(np.float32))
        # as large as the layer, each of them, which whoever tries the network has no use for
        del matrices, solved
        yield result
        del result
    if bias is not None:
        # the weights as they are: all that the outputs lack on average is the bias's
        result = model.clone()
        set_bias(result, node_named(result, name), (bias + quadratic.missed).astype(np.float32))
        yield result


METHODS.add(
    Described(
        name="repair_channels",
        label=text("Repair after removing channels"),
        help=text(
            "Solves for the weights that are left so that each layer's outputs are the original's again."
        ),
        parameters=(
            Parameter(
                name="positions",
                label=text("Positions per picture"),
                help=text("How many random positions of each picture a convolution is fitted to."),
                kind="integer",
                default=50,
                low=10,
                high=1000,
            ),
            Parameter(
                name="rounds",
                label=text("Rounds"),
                help=text("How often all layers are gone through."),
                kind="integer",
                default=1,
                low=0,
                high=5,
            ),
        ),
    ),
    repair,
)
