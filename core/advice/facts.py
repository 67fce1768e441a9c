"""What is known when advice is asked for, and the figures and plans that rules are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from core.predict import Curve
from core.values import (
    FLOAT_BITS,
    DamageLink,
    DataInfo,
    GiveBack,
    Layer,
    LayerPlan,
    ModelInfo,
    Plan,
    PlanMeasured,
    Result,
    SensitivityPoint,
)
from core.values.best import Profile


@dataclass(frozen=True)
class Facts:
    """What is known when advice is asked for; everything but model and plan may be missing."""

    model: ModelInfo
    plan: Plan
    data: DataInfo | None = None
    profile: Profile = "cpu"
    points: Mapping[str, tuple[SensitivityPoint, ...]] = field(default_factory=dict)
    link: DamageLink | None = None
    measured: PlanMeasured | None = None
    """The plan, measured before a run."""
    result: Result | None = None
    """The last run, of this plan."""
    blame: tuple[GiveBack, ...] = ()
    """Of this plan, what costs most first."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.model.layers

    @cached_property
    def changed(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if self.plan.changes(layer.id))

    @property
    def loss(self) -> float | None:
        """Points that the plan loses, measured; None: not measured."""
        return self.measured.loss if self.measured is not None else None

    def bits(self, layer: Layer) -> int:
        return self.plan.layer(layer.id).weight_bits or FLOAT_BITS

    def setting(self, step: str, name: str) -> float:
        return float(self.plan.methods.get(step, {}).get(name, 0.0))


def with_step(plan: Plan, step: str, **settings: str | float | bool) -> Plan:
    methods = {**plan.methods, step: {**plan.methods.get(step, {}), **settings}}
    return msgspec.structs.replace(plan, methods=methods)


def share_of(some: Sequence[Layer], layers: Sequence[Layer]) -> float:
    """Of the bytes of all layers, 0..1."""
    total = sum(layer.bytes for layer in layers)
    return sum(layer.bytes for layer in some) / total if total else 0.0


def percent(share: float) -> int:
    return max(round(100 * share), 1) if share > 0 else 0


def damage_of(facts: Facts, layers: Sequence[Layer]) -> float | None:
    """Mean damage of these layers as planned, from what was measured of each alone; None: of none."""
    known = []
    for layer in layers:
        measured = tuple(point for point in facts.points.get(layer.id, ()) if not point.estimate)
        damage = Curve(measured).damage(facts.plan.layer(layer.id)) if measured else None
        if damage is not None:
            known.append(damage[0])
    return sum(known) / len(known) if known else None


def four_bit_point(points: tuple[SensitivityPoint, ...]) -> SensitivityPoint | None:
    return next(
        (
            point
            for point in points
            if not point.estimate
            and point.weight_bits == 4
            and point.sparsity == 0
            and point.activation_bits == FLOAT_BITS
            and point.damage is not None
        ),
        None,
    )


def same_for_all(plan: Plan, *names: str) -> Plan:
    """`plan` without the layers' own settings of these names: the defaults hold everywhere."""
    none = dict.fromkeys(names)
    cleared = {layer_id: msgspec.structs.replace(own, **none) for layer_id, own in plan.exceptions.items()}
    left = {layer_id: own for layer_id, own in cleared.items() if own != LayerPlan()}
    return msgspec.structs.replace(plan, exceptions=left)
