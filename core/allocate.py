"""Which layer bears how much: shares of zeros, and which layers keep 8 bits, for the least damage overall.

Damage of a setting: the layer's own second-order error Δ(c) of the compensated weights, times what the
network makes of it, g = KL/Δ, from one real probe of the whole network per layer. The sum of g·Δ under a
limit is a multiple-choice knapsack, solved by dynamic programming. No labels are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import DataSet, data_key
from core.evaluate.answers import find_subject
from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.graph.suffix import before_selection
from core.graph.weights import set_weight
from core.methods import METHODS, setting
from core.methods._factor import factorise
from core.methods._matrices import Form, form_of, patches, places
from core.methods._pieces import Feeds
from core.methods._sparse import obs_scores, refit, select
from core.methods._sweep import sweep
from core.methods._taps import Tap, node_named
from core.methods._wanted import wanted_of
from core.methods.hessian import Moments, Quadratic, inverse
from core.methods.prune_weights import LAYER
from core.methods.resolve import Step, base_model, resolve
from core.methods.sequential import distance
from core.values import Described, LayerPlan, Parameter, Plan, digest, text

VERSION = 2

SPARSITIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
BUCKETS = 10_000
_PROBE_SAMPLES = 64
_PROBE_MACS = 2e12
"""Multiply-accumulates that all probes together may take: large networks are probed on fewer samples."""
_MOMENT_BYTES = 512 << 20
"""Hessians held at once; more layers take another pass over the samples."""
_BATCH = 32
_REFIT_ROUNDS = 20
_POSITIONS = 30


@dataclass(frozen=True)
class Choice:
    """One setting of a layer: what it does to the network's answers, and what it uses of the limit."""

    damage: float
    cost: float
    value: float
    """The setting itself: a share of zeros, or bits."""


def knapsack(choices: Sequence[Sequence[Choice]], limit: float, buckets: int = BUCKETS) -> list[int] | None:
    """One choice for each layer with the least sum of damages, costs summing to at most `limit`.

    Costs are rounded up to limit/buckets, so the limit holds. None if nothing fits.
    """
    freely = [int(np.argmin([option.damage for option in options])) for options in choices]
    if sum(options[i].cost for options, i in zip(choices, freely, strict=True)) <= limit:
        return freely
    unit = max(limit, 1e-12) / buckets
    best = np.zeros(buckets + 1)
    picks: list[np.ndarray] = []
    for options in choices:
        sums = np.full(buckets + 1, np.inf)
        pick = np.zeros(buckets + 1, dtype=np.int16)
        for index, option in enumerate(options):
            used = int(np.ceil(option.cost / unit - 1e-9))
            if used > buckets:
                continue
            candidate = np.full(buckets + 1, np.inf)
            candidate[used:] = best[: buckets + 1 - used] + option.damage
            better = candidate < sums
            sums[better], pick[better] = candidate[better], index
        best = sums
        picks.append(pick)
    at = int(np.argmin(best))
    if not np.isfinite(best[at]):
        return None
    result = []
    for options, pick in zip(reversed(choices), reversed(picks), strict=True):
        chosen = int(pick[at])
        result.append(chosen)
        at -= int(np.ceil(options[chosen].cost / unit - 1e-9))
    return result[::-1]


def allocate(
    opened: OpenedModel, data: DataSet, plan: Plan, store: MeasurementStore | None, context: Context
) -> Plan:
    """The plan with the defaults' share of zeros and bits spread over the layers that follow the defaults.

    The share of zeros over all these layers stays (a pattern or threshold fixes it, then nothing is moved);
    of layers below 8 bits those keep 8 that gain most by it, up to the step's share of their weights.
    Layers with settings of their own are left alone. Raises what measuring raises, and Cancelled.
    """
    steps = [step for step in resolve(opened, plan) if step.changes]
    free = [step for step in steps if _is_free(opened, plan, step)]
    if not free:
        return plan
    # one threshold over the network decides by itself how much each layer loses
    shares = setting(plan, "prune_weights", "scope") == LAYER
    shares = shares and any(step.sparsity and not step.pattern for step in free)
    eight = float(setting(plan, "allocate", "eight")) / 100.0
    bits = eight > 0 and any(step.weight_bits < 8 for step in free)
    if not shares and not bits:
        return plan
    key = _key(opened, data, plan, free)
    kept = store.get(key) if store is not None else None
    if kept is not None:
        curves = msgspec.msgpack.decode(kept, type=dict[str, Curve])
    else:
        curves = measure(opened, data, free, context)
        if store is not None:
            store.put(key, msgspec.msgpack.encode(curves))
    free = [step for step in free if step.layer.id in curves]
    if shares:
        plan = _spread_zeros(plan, free, curves)
    if bits:
        plan = _keep_eight(plan, free, curves, eight)
    return plan


class Curve(msgspec.Struct, frozen=True):
    """Damage of one layer's settings to the network's answers (nats or relative square)."""

    weights: int
    zeros: dict[float, float]
    """By share of zeros."""
    bits: dict[int, float]


def measure(opened: OpenedModel, data: DataSet, steps: Sequence[Step], context: Context) -> dict[str, Curve]:
    """The curves of these layers, by id; layers that have no matrix form are left out."""
    base = base_model(opened, tuple(steps))
    forms = {}
    for step in steps:
        block = step.layout(step.layer.shape).block
        form = form_of(node_named(base, step.layer.id), block) if _in_main(base, step) else None
        if form is not None and len(step.layer.weights) == 1:
            forms[step.layer.id] = form
    chosen = [step for step in steps if step.layer.id in forms]
    macs = max(1, opened.info.macs or 1)
    samples = int(np.clip(_PROBE_MACS / (max(1, len(chosen)) * macs), 8, _PROBE_SAMPLES))
    probe = _Probe(base, data, samples)
    curves: dict[str, Curve] = {}
    for group in _groups(chosen, forms):
        for step, quadratic in _quadratics(base, data, group, forms, context):
            context.report(
                text("Measuring what layer '{layer}' can bear", layer=step.layer.label),
                len(curves),
                len(chosen),
            )
            curves[step.layer.id] = _curve(base, step, quadratic, probe)
    return curves


def _curve(base: ir.Model, step: Step, quadratic: Quadratic, probe: _Probe) -> Curve:
    tensor = base.graph.initializers[step.layer.weights[0]].const_value
    assert tensor is not None
    weight = tensor.numpy()
    form = quadratic.form
    matrices = form.matrices(weight)
    hessian = quadratic.hessian
    wide = matrices.astype(hessian.dtype)
    zeros = {0.0: 0.0}
    bits: dict[int, float] = {}
    made: dict[str, np.ndarray] = {}
    if step.sparsity:
        scores = obs_scores(wide, inverse(hessian))
        for share in SPARSITIES[1:]:
            keep = select(scores, share, None, 1)
            pruned = refit(wide, hessian, keep, rounds=_REFIT_ROUNDS)
            zeros[share] = quadratic.error(wide, pruned)
            if share == 0.5:
                made["zeros"] = pruned
    if step.weight_bits < 8:
        triangular = factorise(hessian)
        for width in (step.weight_bits, 8):
            # with room for no factors eight bits have a scale per channel
            at = step
            if width == 8:
                at = replace(
                    step, weight_bits=8, clusters=0, block=0 if step.factors else step.block, factors=0
                )
            rounded = sweep(wide, triangular, wanted_of(at, form).grid(matrices))
            bits[width] = quadratic.error(wide, rounded)
            made.setdefault("bits", rounded)
    for name, result in made.items():
        own = zeros[0.5] if name == "zeros" else bits[step.weight_bits]
        changed = form.weight(result).astype(weight.dtype)
        factor = probe.distance(step.layer.weights[0], changed) / own if own > 0 else 0.0
        if name == "zeros":
            zeros = {share: factor * error for share, error in zeros.items()}
        else:
            bits = {width: factor * error for width, error in bits.items()}
    return Curve(weights=int(weight.size), zeros=zeros, bits=bits)


def _spread_zeros(plan: Plan, steps: Sequence[Step], curves: Mapping[str, Curve]) -> Plan:
    """Shares of zeros by layer, in all as many as planned."""
    layers = [step for step in steps if step.sparsity and step.pattern is None]
    kept_weights = sum((1.0 - step.sparsity) * curves[step.layer.id].weights for step in layers)
    choices = [_zero_choices(curves[step.layer.id]) for step in layers]
    picked = knapsack(choices, kept_weights)
    if picked is None:
        return plan
    for step, options, index in zip(layers, choices, picked, strict=True):
        plan = plan.with_layer(step.layer.id, sparsity=options[index].value)
    return plan


def _zero_choices(curve: Curve) -> list[Choice]:
    """The measured shares and, between them, shares in steps of 1/40 on the logarithm's line."""
    known = sorted(curve.zeros.items())
    shares = np.array([share for share, _ in known])
    logs = np.log(np.maximum([damage for _, damage in known], 1e-12))
    fine = np.unique(np.concatenate([shares, np.arange(0.1, 0.95, 0.025)]))
    damages = np.exp(np.interp(fine, shares, logs))
    damages[0] = 0.0
    return [
        Choice(float(damage), (1.0 - float(share)) * curve.weights, round(float(share), 4))
        for share, damage in zip(fine, damages, strict=True)
    ]


def _keep_eight(plan: Plan, steps: Sequence[Step], curves: Mapping[str, Curve], share: float) -> Plan:
    layers = [step for step in steps if step.weight_bits < 8]
    total = sum(curves[step.layer.id].weights for step in layers)
    choices = []
    for step in layers:
        curve = curves[step.layer.id]
        low = Choice(curve.bits[step.weight_bits], 0.0, step.weight_bits)
        choices.append([low, Choice(curve.bits[8], float(curve.weights), 8)])
    picked = knapsack(choices, share * total)
    if picked is None:
        return plan
    for step, options, index in zip(layers, choices, picked, strict=True):
        if index:
            settings = {"granularity": "channel"} if step.factors else {}
            plan = plan.with_layer(step.layer.id, weight_bits=int(options[index].value), **settings)
    return plan


def _is_free(opened: OpenedModel, plan: Plan, step: Step) -> bool:
    """Whether nobody set this layer's zeros or bits by hand, and it shares its weights with nobody."""
    own = plan.exceptions.get(step.layer.id, LayerPlan())
    touched = (own.sparsity, own.threshold, own.pattern, own.weight_bits, own.clusters, own.keep)
    return step.layer.group is None and all(value is None for value in touched)


def _in_main(base: ir.Model, step: Step) -> bool:
    return any(node.name == step.layer.id for node in base.graph)


def _groups(steps: Sequence[Step], forms: Mapping[str, Form]) -> Iterator[list[Step]]:
    """Consecutive layers whose Hessians fit into memory together."""
    group: list[Step] = []
    used = 0
    for step in steps:
        form = forms[step.layer.id]
        size = 8 * form.groups * form.columns**2
        if group and used + size > _MOMENT_BYTES:
            yield group
            group, used = [], 0
        group.append(step)
        used += size
    if group:
        yield group


def _quadratics(
    base: ir.Model, data: DataSet, group: Sequence[Step], forms: Mapping[str, Form], context: Context
) -> Iterator[tuple[Step, Quadratic]]:
    model = base.clone()
    nodes = [node_named(model, step.layer.id) for step in group]
    tap = Tap(model, [value for node in nodes for value in (node.inputs[0], node.outputs[0])])  # type: ignore[misc]
    moments = [Moments(forms[step.layer.id]) for step in group]
    rng = np.random.default_rng(0)
    seen, count = 0, data.info.calibration_count
    for batch in data.batches("calibration", _BATCH, count):
        context.report(text("Calibrating on the samples"), seen, count)
        seen += len(batch.indices)
        values = tap.run(batch.feeds)
        for index, (step, gathered) in enumerate(zip(group, moments, strict=True)):
            inputs, outputs = values[2 * index], values[2 * index + 1]
            form = forms[step.layer.id]
            at = places(form, outputs.shape, _POSITIONS, rng)
            gathered.add(patches(form, inputs, outputs.shape[2:], at))
    for step, gathered in zip(group, moments, strict=True):
        yield step, gathered.quadratic()


class _Probe:
    """The network's answers with one weight changed, against the original's."""

    def __init__(self, base: ir.Model, data: DataSet, samples: int) -> None:
        self._base = base
        self._feeds: list[Feeds] = [b.feeds for b in data.batches("calibration", _BATCH, samples)]
        runner = Runner(before_selection(base))
        answers = [runner.run(feeds) for feeds in self._feeds]
        self._subject = find_subject(answers[0], "unlabelled", None)
        self._reference = [each[self._subject.output] for each in answers]

    def distance(self, name: str, weight: np.ndarray) -> float:
        model = self._base.clone()
        set_weight(model, name, weight)
        runner = Runner(before_selection(model))
        found = [
            distance(reference, runner.run(feeds)[self._subject.output], self._subject)
            for feeds, reference in zip(self._feeds, self._reference, strict=True)
        ]
        return float(np.mean(found))


def _grid_of(step: Step) -> tuple[object, ...]:
    return step.channel_axes, step.block, step.symmetric


def _key(opened: OpenedModel, data: DataSet, plan: Plan, steps: Sequence[Step]) -> str:
    about = [
        (step.layer.id, bool(step.sparsity), step.weight_bits, step.clusters, *_grid_of(step))
        for step in steps
    ]
    return digest("allocate", VERSION, opened.info.sha256, data_key(data), about)


METHODS.add(
    Described(
        name="allocate",
        label=text("Spread over layers"),
        help=text(
            "Takes the share of zeros for the whole network, not for each layer: layers that can spare more "
            "bear more. Below 8 bits the layers that matter most keep 8. Needs data, no labels."
        ),
        parameters=(
            Parameter(
                name="on",
                label=text("Spread over layers"),
                help=text("Layers with settings of their own keep them."),
                kind="switch",
                default=False,
            ),
            Parameter(
                name="eight",
                label=text("May stay at 8 bits"),
                help=text("Share of the weights that may keep 8 bits where fewer are planned."),
                kind="number",
                default=10.0,
                low=0.0,
                high=100.0,
                unit="%",
            ),
        ),
    ),
    allocate,
)
