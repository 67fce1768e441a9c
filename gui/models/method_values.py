"""The plan's methods against the catalogue: what holds, what was changed, which preset it comes to."""

from __future__ import annotations

from core.values import NO_CHANGE, Catalogue, Described, Plan, Preset

Setting = str | int | float | bool


def values_of(step: Described, plan: Plan) -> dict[str, Setting]:
    """Every parameter of a step as the plan has it, else as the step declares it."""
    own = plan.methods.get(step.name, {})
    return {parameter.name: own.get(parameter.name, parameter.default) for parameter in step.parameters}


def changed_of(step: Described, plan: Plan) -> frozenset[str]:
    """Names of the parameters that differ from what the step declares."""
    values = values_of(step, plan)
    return frozenset(
        parameter.name for parameter in step.parameters if values[parameter.name] != parameter.default
    )


def changed_count(catalogue: Catalogue, plan: Plan) -> int:
    return sum(len(changed_of(step, plan)) for step in catalogue.methods) + bool(plan.order)


def preset_of(catalogue: Catalogue, plan: Plan) -> Preset | None:
    """The preset that the plan's defaults and settings come to, whatever single layers were given."""
    for preset in catalogue.presets:
        theirs = Plan(defaults=preset.defaults, methods=preset.methods)
        same = preset.defaults.over(NO_CHANGE) == plan.defaults.over(NO_CHANGE) and preset.order == plan.order
        if same and all(values_of(step, theirs) == values_of(step, plan) for step in catalogue.methods):
            return preset
    return None
