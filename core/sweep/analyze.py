"""Curves of damage for every layer: an estimate of all within seconds, then measurements as they come.

The estimate takes each layer's own second-order error for the shape of its curves and one short run of the
network for each kind of change for their height. A measurement runs the network from the changed layer on,
from kept values, on as many samples as its interval needs. What the store holds is not measured again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import data_key
from core.errors import PlanError
from core.evaluate.judge import Judge
from core.graph.opened import OpenedModel
from core.methods.resolve import Step
from core.predict import bent
from core.sweep.crew import Crew
from core.sweep.figures import Figures
from core.sweep.link import PRIOR, prior_link
from core.sweep.runs import Runs, Work
from core.sweep.samples import draw
from core.sweep.settings import Setting, steps_of
from core.values import (
    DamageLink,
    Layer,
    Measurement,
    Plan,
    SensitivityPoint,
    digest,
    text,
)

VERSION = 10
"""Part of every key: measurements of an older way to measure are made anew."""

_MOST_DAMAGE = 2.5
"""Nats at which estimated curves level out: the answers then have nothing to do with the original's."""


def analyze(
    opened: OpenedModel,
    judge: Judge,
    settings: Sequence[Setting],
    samples: int,
    layers: Sequence[str],
    store: MeasurementStore | None,
    context: Context,
    plan: Plan | None = None,
    first: Sequence[str] = (),
    estimated: Callable[[], None] = lambda: None,
) -> tuple[tuple[SensitivityPoint, ...], DamageLink]:
    """One point for each layer (those named, or all, largest first) and setting that it allows; and the link.

    `plan` says how a run would adjust pruned and rounded layers. Each point is published the moment it
    exists, estimates first; with a store it is kept there, and found there the next time. On the first
    `samples` judging samples, or a part of them where that says as much. Layers that share a weight change
    together and get the same figures. Layers in `first` are measured before the others. `estimated` is called
    once, when all estimates are told and before anything is measured: for what can wait so long.

    Raises PlanError for an unknown layer, and Cancelled at the next batch; what was measured is kept.
    """
    plan = plan or Plan()
    chosen = chosen_layers(opened, layers)
    sweep = _Sweep(opened, judge, plan, samples, store, context)
    work: Work = []
    missing: Work = []
    for layer in chosen:
        steps, left = [], []
        for setting in settings:
            context.check()
            for known in steps_of(opened, layer, [setting], plan):
                steps.append(known)
                if not sweep.kept(layer, *known):
                    left.append(known)
        work.append((layer, steps))
        if left:
            missing.append((layer, left))
    if missing:
        missing.sort(key=lambda pair: pair[0].id not in first)
        sweep.runs.start(work, samples, {layer.id for layer, _ in missing})
        missing.sort(key=lambda pair: sweep.runs.group_of(pair[0]) or 0)
        sweep.estimate(missing)
    estimated()
    if missing:
        sweep.measure(missing)
    link = sweep.link()
    context.publish(link)
    points = [sweep.points[layer.id, setting] for layer, steps in work for setting, _ in steps]
    return tuple(points), link


def chosen_layers(opened: OpenedModel, names: Sequence[str]) -> list[Layer]:
    """Return the layers of these ids, or all with weights that can be changed, largest first."""
    known = {layer.id: layer for layer in opened.info.layers}
    for name in names:
        if name not in known:
            raise PlanError(
                text("The model has no layer '{layer}'.", layer=name),
                next_step=text("Open the model again and choose from the layers in the table."),
            )
    layers = [known[name] for name in names] or list(known.values())
    return sorted(layers, key=lambda layer: -layer.bytes)


@dataclass
class _Sweep:
    opened: OpenedModel
    judge: Judge
    plan: Plan
    count: int
    store: MeasurementStore | None
    context: Context
    points: dict[tuple[str, Setting], SensitivityPoint] = field(default_factory=dict)
    _shared: dict[tuple[object, ...], SensitivityPoint] = field(default_factory=dict)
    _link: DamageLink | None = None

    def __post_init__(self) -> None:
        self.runs = Runs(self.opened, self.judge, self.plan, self.context)

    # ------------------------------------------------------------ what is known

    def kept(self, layer: Layer, setting: Setting, step: Step) -> bool:
        """Whether the point is in the store; it is published then."""
        group = (layer.weights, step.weight_key, step.activation_bits)
        point = self._shared.get(group)
        if point is None:
            value = self.store.get(self._key(layer, step)) if self.store is not None else None
            if value is None:
                return False
            try:
                point = msgspec.msgpack.decode(value, type=SensitivityPoint)
            except msgspec.DecodeError:
                return False  # written by another version: measured again
        self._take(layer, setting, step, point)
        return True

    def _take(self, layer: Layer, setting: Setting, step: Step, point: SensitivityPoint) -> None:
        self._shared[layer.weights, step.weight_key, step.activation_bits] = point
        point = msgspec.structs.replace(point, layer_id=layer.id)
        self.points[layer.id, setting] = point
        self.context.publish(point)

    def _key(self, layer: Layer, step: Step) -> str:
        """What the figure depends on: model, samples and how they are read, layer, setting, version."""
        methods = {name: dict(self.plan.methods[name]) for name in sorted(self.plan.methods) if name in _USED}
        return digest("sweep", VERSION, *self._about, layer.id, step.key, methods)

    @property
    def _about(self) -> tuple[object, ...]:
        sha256, spec = data_key(self.judge.data)
        return self.opened.info.sha256, sha256, spec, min(self.count, self.judge.count)

    def link(self) -> DamageLink:
        """The link, bent to what was measured."""
        if self._link is None:
            key = digest("link", VERSION, *self._about)
            value = self.store.get(key) if self.store is not None else None
            if value is not None:
                self._link = msgspec.msgpack.decode(value, type=DamageLink)
            else:
                drawn = self.runs.samples or draw(self.judge, self.count)
                self._link = prior_link(self.judge, drawn)
                if self.store is not None:
                    self.store.put(key, msgspec.msgpack.encode(self._link))
        measured = [p for p in self.points.values() if not p.estimate and p.damage is not None]
        return bent(self._link, [(p.damage or 0.0, p.loss) for p in measured], PRIOR)

    # ------------------------------------------------------------ the work

    def estimate(self, work: Work) -> None:
        """Publish what the layers' own errors say, with one short run for each kind of change."""
        link = self.link()
        self.context.publish(link)
        baseline = self.judge.baseline_of(min(self.count, self.judge.count))[0]
        known = [pair for pair in work if pair[0].id in self.runs.errors]
        total = len(known)
        with Crew[Layer, list[_Estimate]](self.runs.hands) as crew:
            while known or crew.tags:
                while known and not crew.full and self._side_by_side(crew.tags, known[0][0]):
                    layer, steps = known.pop(0)
                    crew.put(layer, partial(self._estimated, layer, steps))
                done = total - len(known) - len(crew.tags)
                self.context.report(text("Estimating layer '{layer}'", layer=crew.tags[0].label), done, total)
                layer, damages = crew.take()
                self.runs.let_go(layer)
                for setting, damage, shift in damages:
                    if (layer.id, setting) not in self.points:
                        self._publish_estimate(layer, setting, damage, shift, link, baseline)

    def _side_by_side(self, under_way: Sequence[Layer], layer: Layer) -> bool:
        """Whether the layer may be run beside these: values at the borders are kept for one group only."""
        return all(self.runs.group_of(other) == self.runs.group_of(layer) for other in under_way)

    def _estimated(self, layer: Layer, steps: list[tuple[Setting, Step]]) -> list[_Estimate]:
        """By setting the damage, and which way it goes; in any thread."""
        made = [(setting, step, self.runs.candidate(layer, setting, step)) for setting, step in steps]
        found: list[_Estimate] = []
        for kind in (True, False):
            alike = [each for each in made if each[1].prunes is kind]
            if not alike:
                continue
            # a setting in the middle: small ones drown in rounding, large ones are at the end of the scale
            ordered = sorted(alike, key=lambda each: each[2].error or 0.0)
            setting, step, candidate = ordered[(2 * len(ordered)) // 3 if len(ordered) > 2 else -1]
            look = self.runs.first_look(layer, setting, step, candidate)
            height = _steeper(look.damage) / candidate.error if candidate.error else 0.0
            found += [
                (each, _levelled(height * (other.error or 0.0)), look.shift) for each, _, other in alike
            ]
        return found

    def _publish_estimate(
        self,
        layer: Layer,
        setting: Setting,
        damage: float,
        shift: bytes | None,
        link: DamageLink,
        baseline: Measurement,
    ) -> None:
        loss = link.loss(damage)
        value = baseline.after(loss)
        if baseline.unit == "dB":
            value = -10 * math.log10(max(damage, 1e-15))
        self.context.publish(
            _point(
                layer,
                setting,
                Figures(
                    msgspec.structs.replace(
                        baseline, value=value, low=None, high=None, count=0, estimate=True
                    ),
                    loss,
                    None,
                    None,
                    damage,
                    0.5 * damage,
                    2.0 * damage,
                    bool(self.judge.subject.classes),
                    False,
                    shift,
                ),
            )
        )

    def measure(self, work: Work) -> None:
        """Measure what is missing: of each layer the settings in the middle first, then the others.

        Layers that the person turns to meanwhile come next.
        """
        borders = self.runs.borders
        assert borders is not None
        rounds = (True, False) if len(borders.groups) == 1 else (None,)
        left: list[tuple[Layer, list[tuple[Setting, Step]]]] = []
        for middle in rounds:
            for layer, steps in work:
                own = [each for each in steps if middle is None or _in_the_middle(each[0], steps) is middle]
                if own:
                    left.append((layer, own))
        total = sum(len(steps) for _, steps in left)
        with Crew[_WhatIf, Figures](self.runs.hands) as crew:
            while left or crew.tags:
                while left and not crew.full:
                    turned_to = _wanted(left, self.context.preferred)
                    if turned_to is not None and turned_to[0] is not left[0][0]:
                        left = [turned_to, *(pair for pair in left if pair is not turned_to)]
                    layer, steps = left[0]
                    what_if = (layer, *steps[0])
                    if not self._may_go(crew.tags, what_if):
                        break
                    steps.pop(0)
                    left = [pair for pair in left if pair[1]]
                    if not self.kept(*what_if):  # with a layer that shares its weights
                        crew.put(what_if, partial(self._measured, *what_if))
                if not crew.tags:
                    continue
                done = total - sum(len(steps) for _, steps in left) - len(crew.tags)
                self.context.report(
                    text("Measuring layer '{layer}'", layer=crew.tags[0][0].label), done, total
                )
                (layer, setting, step), figures = crew.take()
                if not any(other is layer for other, *_ in crew.tags):
                    self.runs.let_go(layer)
                point = _point(layer, setting, figures)
                if self.store is not None:
                    self.store.put(self._key(layer, step), msgspec.msgpack.encode(point))
                self._take(layer, setting, step, point)

    def _may_go(self, under_way: Sequence[_WhatIf], what_if: _WhatIf) -> bool:
        """Whether it may be run beside these; what-ifs of the same weights in another layer give the same."""
        layer = what_if[0]
        others = [other for other, *_ in under_way]
        twins = any(other.weights == layer.weights and other.id != layer.id for other in others)
        return not twins and self._side_by_side(others, layer)

    def _measured(self, layer: Layer, setting: Setting, step: Step) -> Figures:
        """In any thread."""
        return self.runs.figures(layer, setting, step, self.runs.candidate(layer, setting, step))


_WhatIf = tuple[Layer, Setting, Step]
_Estimate = tuple[Setting, float, bytes | None]


def _wanted(
    left: Sequence[tuple[Layer, list[tuple[Setting, Step]]]], preferred: Sequence[str]
) -> tuple[Layer, list[tuple[Setting, Step]]] | None:
    """What of the preferred layers is still to be measured, the first one's first."""
    for name in preferred:
        for pair in left:
            if pair[0].id == name and pair[1]:
                return pair
    return None


_USED = ("compensate", "quantize_weights", "prune_weights", "calibrate")
"""Steps whose parameters change what a layer becomes."""


def _levelled(damage: float) -> float:
    return _MOST_DAMAGE * -math.expm1(-damage / _MOST_DAMAGE)


def _steeper(damage: float) -> float:
    """The inverse of `_levelled`."""
    return -_MOST_DAMAGE * math.log1p(-min(damage / _MOST_DAMAGE, 0.95))


def _in_the_middle(setting: Setting, steps: Sequence[tuple[Setting, Step]]) -> bool:
    alike = [
        each
        for each, _ in steps
        if bool(each.sparsity or each.pattern) is bool(setting.sparsity or setting.pattern)
    ]
    return setting == alike[len(alike) // 2]


def _point(layer: Layer, setting: Setting, figures: Figures) -> SensitivityPoint:
    kl = figures.damage if figures.divergence else None
    return SensitivityPoint(
        layer_id=layer.id,
        sparsity=setting.sparsity,
        weight_bits=setting.weight_bits,
        activation_bits=setting.activation_bits,
        pattern=setting.pattern,
        measurement=figures.measurement,
        loss=figures.loss,
        loss_low=figures.loss_low,
        loss_high=figures.loss_high,
        kl=kl,
        damage=figures.damage,
        damage_low=figures.damage_low,
        damage_high=figures.damage_high,
        shift=figures.shift,
    )
