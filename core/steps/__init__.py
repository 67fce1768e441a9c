"""The steps of a run: one file each, carried out in the plan's order, or in the usual one.

Adding a step is adding a file here that ends with ``register(WholeStep(StepInfo(...), run))``. Its parameters
are those of methods in `core.methods`, as for everything that has a form in the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import onnx_ir as ir

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import DataSet
from core.errors import PlanError
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods.resolve import resolve
from core.registry import discover
from core.steps._rounded import Refined, Rounded

__all__ = ["BITS", "STEPS", "Done", "Refined", "Rounded", "Task", "WholeStep", "asked", "ordered", "register"]
from core.values import FLOAT_BITS, LayerPlan, Plan, StepInfo, Text, text

BITS = "quantize"
"""The step in which the layers take their bits, one after the other: `core.compress`."""


@dataclass(frozen=True)
class Task:
    """What a step gets besides the network."""

    original: OpenedModel
    """As it was opened: what the answers are held against, and who teaches."""
    data: DataSet | None
    plan: Plan
    store: MeasurementStore | None
    context: Context
    share: float = 1.0
    """Of what the plan allows in all, where a step comes several times."""


@dataclass(frozen=True)
class Done:
    """What a step made of the network."""

    model: ir.Model
    did: tuple[Text, ...] = ()
    """In words, for the log."""
    layers: dict[str, LayerPlan] = field(default_factory=dict)
    """What layers get from here on, by id, whatever the plan said before."""
    methods: dict[str, dict[str, str | int | float | bool]] = field(default_factory=dict)
    """Parameters that hold from here on."""


@dataclass(frozen=True)
class WholeStep:
    """A step: what it is, how it is done, and what decides its result.

    run: (network as it is, task) -> Done; must not change the network that it gets. None for the bits.
    refine: (layers with their bits, task) -> Refined, where it comes after the bits; None: it cannot.
    about: plan -> everything in it, besides the parameters of `info.methods`, that decides the result.
    """

    info: StepInfo
    run: Callable[[OpenedModel, Task], Done] | None
    refine: Callable[[Rounded, Task], Refined] | None = None
    about: Callable[[Plan], object] | None = None
    version: int = 1
    """Raise it when the same plan gives another network."""

    @property
    def name(self) -> str:
        return self.info.name

    def asked(self, opened: OpenedModel, plan: Plan) -> bool:
        """Whether the plan wants anything of this step."""
        if any(float(setting(plan, method, name)) > 0 for method, name in self.info.asked_by):
            return True
        if self.info.asked_by_layers == "zeros":
            return any(step.prunes for step in resolve(opened, plan))
        if self.info.asked_by_layers == "bits":
            return any(step.weight_bits != FLOAT_BITS for step in resolve(opened, plan))
        return False

    def settings(self, plan: Plan) -> dict[str, dict[str, str | int | float | bool]]:
        """The parameters that decide its result, those at their default left out."""
        return {method: plan.methods[method] for method in self.info.methods if method in plan.methods}


STEPS: dict[str, WholeStep] = {}
"""Every step by name, in the usual order."""


def register(step: WholeStep) -> None:
    """Raises ValueError for a name that is taken."""
    if step.name in STEPS:
        raise ValueError(f"'{step.name}' is registered already")
    known = sorted([*STEPS.values(), step], key=lambda each: (each.info.place, each.name))
    STEPS.clear()
    STEPS.update((each.name, each) for each in known)


def ordered(plan: Plan) -> tuple[WholeStep, ...]:
    """The steps in the order of `plan`, whether it asks for them or not.

    Raises PlanError, saying which step is in the way, for an order that cannot be.
    """
    if not plan.order:
        return tuple(STEPS.values())
    for name in plan.order:
        if name not in STEPS:
            raise PlanError(
                text("There is no step '{name}'.", name=name),
                next_step=text("Choose from: {names}.", names=", ".join(STEPS)),
            )
    for name in plan.order:
        if plan.order.count(name) > 1 and not STEPS[name].info.repeats:
            raise PlanError(
                text("The step '{name}' comes twice in the order.", name=name),
                text("It is done once and for all."),
                text("Leave one of the two out."),
            )
    if BITS in plan.order:
        for name in plan.order[: plan.order.index(BITS)]:
            if STEPS[name].info.only_after_bits:
                raise PlanError(
                    text("The step '{name}' cannot come before '{bits}'.", name=name, bits=BITS),
                    text("It works on the bits that layers have got."),
                    text("Move it behind '{bits}'.", bits=BITS),
                )
        for name in plan.order[plan.order.index(BITS) + 1 :]:
            if not STEPS[name].info.may_follow_bits:
                raise PlanError(
                    text("The step '{name}' cannot come after '{bits}'.", name=name, bits=BITS),
                    text("It changes numbers for which the bits were chosen."),
                    text("Move it before '{bits}'.", bits=BITS),
                )
    return tuple(STEPS[name] for name in plan.order)


def asked(opened: OpenedModel, plan: Plan) -> tuple[WholeStep, ...]:
    """The steps that the plan asks for, in its order.

    Raises PlanError for an impossible order, and if it leaves out a step that the plan asks for.
    """
    order = ordered(plan)
    bits = STEPS[BITS]
    if BITS in plan.order and plan.order[-1] != BITS and not bits.asked(opened, plan):
        behind = [step for step in order[plan.order.index(BITS) + 1 :] if not step.info.only_after_bits]
        late = [step for step in behind if step.asked(opened, plan)]
        if late:
            raise PlanError(
                text(
                    "The step '{name}' comes after '{bits}', but no layer gets bits.",
                    name=late[0].name,
                    bits=BITS,
                ),
                text("There is no grid then that it could hold."),
                text("Move it before '{bits}', or set bits.", bits=BITS),
            )
    for step in STEPS.values():
        idle = step.info.only_after_bits and not STEPS[BITS].asked(opened, plan)
        if step not in order and step.asked(opened, plan) and not idle:
            raise PlanError(
                text("The plan asks for the step '{name}', but its order leaves it out.", name=step.name),
                next_step=text("Add it to the order, or take back what asks for it."),
            )
    found = [step for step in order if step.asked(opened, plan)]
    with_bits = any(step.name == BITS for step in found)
    return tuple(step for step in found if with_bits or not step.info.only_after_bits)


discover(__name__, __path__)
