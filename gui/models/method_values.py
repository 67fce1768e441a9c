"""The plan's methods against the catalogue: what holds, what was changed, which preset it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from core.values import NO_CHANGE, Catalogue, Described, LayerPlan, Plan, Preset

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


MOST_CHANGED = 6
"""With more settings changed a plan is no longer told as a changed preset."""


def differences(catalogue: Catalogue, preset: Preset, plan: Plan) -> int:
    """In how many settings a plan differs from a preset, whatever single layers were given."""
    theirs = Plan(defaults=preset.defaults, methods=preset.methods)
    here, there = plan.defaults.over(NO_CHANGE), preset.defaults.over(NO_CHANGE)
    count = sum(getattr(here, name) != getattr(there, name) for name in LayerPlan.__struct_fields__)
    for step in catalogue.methods:
        own, wanted = values_of(step, plan), values_of(step, theirs)
        count += sum(own[name] != wanted[name] for name in own)
    return count + (preset.order != plan.order)


def layer_by_layer(plan: Plan, layers: Sequence[str]) -> bool:
    """Whether most layers have settings of their own, as in a plan that was searched for.

    No preset then tells what the plan does.
    """
    return 2 * sum(layer in plan.exceptions for layer in layers) > len(layers) > 0


def nearest_preset(catalogue: Catalogue, plan: Plan) -> tuple[Preset | None, int]:
    """The preset that the plan comes to or was made of, and in how many settings it was changed."""
    ranked = [(differences(catalogue, preset, plan), preset) for preset in catalogue.presets]
    if not ranked:
        return None, 0
    count, preset = min(ranked, key=lambda each: each[0])
    return (preset, count) if count <= MOST_CHANGED else (None, count)
