"""The order of a run's steps as the window shows and changes it."""

from __future__ import annotations

from collections.abc import Sequence

from core.values import FLOAT_BITS, Catalogue, ModelInfo, Plan, StepInfo

BITS = "bits"


def usual(catalogue: Catalogue) -> list[str]:
    return [step.name for step in catalogue.steps]


def shown(catalogue: Catalogue, plan: Plan) -> list[str]:
    """The plan's order, and the steps that it leaves out at their usual place among the others."""
    order = [name for name in plan.order if name in usual(catalogue)]
    if not order:
        return usual(catalogue)
    place = {step.name: step.place for step in catalogue.steps}
    for name in usual(catalogue):
        if name not in order:
            later = [index for index, other in enumerate(order) if place[other] > place[name]]
            order.insert(later[0] if later else len(order), name)
    return order


def to_plan(catalogue: Catalogue, order: Sequence[str]) -> tuple[str, ...]:
    """As a plan holds it: () for the usual order."""
    return () if list(order) == usual(catalogue) else tuple(order)


def moved(order: Sequence[str], index: int, by: int) -> list[str]:
    """The order with the step at `index` moved by so many places."""
    result = list(order)
    result.insert(index + by, result.pop(index))
    return result


def possible(catalogue: Catalogue, order: Sequence[str]) -> bool:
    """Whether nothing stands behind the bits that would spoil them, and nothing before that needs them."""
    steps = {step.name: step for step in catalogue.steps}
    first = next((i for i, name in enumerate(order) if steps[name].asked_by_layers == BITS), len(order))
    early = any(steps[name].only_after_bits for name in order[:first])
    return not early and all(steps[name].may_follow_bits for name in order[first + 1 :])


def asked(step: StepInfo, catalogue: Catalogue, plan: Plan, model: ModelInfo | None) -> bool:
    """Whether the plan wants anything of this step."""
    for method, name in step.asked_by:
        declared = [
            parameter.default
            for described in catalogue.methods
            if described.name == method
            for parameter in described.parameters
            if parameter.name == name
        ]
        if float(plan.methods.get(method, {}).get(name, declared[0] if declared else 0.0)) > 0:
            return True
    if model is None or not step.asked_by_layers:
        return False
    if step.asked_by_layers == BITS:
        able = plan.settings_of(layer.id for layer in model.layers if layer.quantizable)
        return any(settings.weight_bits != FLOAT_BITS for settings in able)
    if step.asked_by_layers == "zeros":
        able = plan.settings_of(layer.id for layer in model.layers if layer.prunable)
        return any(settings.zeros > 0 or settings.threshold for settings in able)
    return False
