"""How two plans differ, in sentences: layers that change alike stand together, then the steps' settings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLocale

from core.values import FLOAT_BITS, Catalogue, LayerPlan, ModelInfo, Parameter, Plan, Text
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.models.choices import bits_name, scales_of, weight_bits_name
from gui.models.method_values import values_of
from gui.models.step_order import usual

MOST_NAMES = 4
"""Layers that are named before the rest is counted."""
MOST_SENTENCES = 40


def plan_difference(before: Plan, after: Plan, model: ModelInfo, catalogue: Catalogue) -> list[str]:
    """Sentences that lead from one plan to the other; [] where both come to the same."""
    groups: dict[tuple[str, ...], list[str]] = {}
    concerned = [layer for layer in model.layers if layer.prunable or layer.quantizable]
    for layer in concerned:
        changes = tuple(_layer_changes(before.layer(layer.id), after.layer(layer.id)))
        if changes:
            groups.setdefault(changes, []).append(layer.label)
    # what concerns most layers comes first
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    sentences = [
        tr("{layers}: {changes}").format(layers=_names(names, len(concerned)), changes=tr(", ").join(changes))
        for changes, names in ordered
    ]
    sentences += _step_changes(before, after, catalogue)
    if before.order != after.order:
        sentences.append(tr("Order of the steps: {order}").format(order=_order(after, catalogue)))
    return sentences[:MOST_SENTENCES]


def _names(names: Sequence[str], of: int) -> str:
    if len(names) == of:
        return tr("All {n} layers").format(n=of) if of > 1 else names[0]
    if len(names) == 1:
        return names[0]
    shown = tr(", ").join(name[:60] for name in names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        return tr("{n} layers ({names} and others)").format(n=len(names), names=shown)
    return tr("{n} layers ({names})").format(n=len(names), names=shown)


def _layer_changes(one: LayerPlan, other: LayerPlan) -> list[str]:
    """Each setting that differs, as 'what: from → to'."""
    if bool(one.keep) != bool(other.keep):
        return [tr("left as it is") if other.keep else tr("no longer left as it is")]
    pairs = [
        (tr("weights"), _weights(one), _weights(other)),
        (tr("activations"), _activations(one), _activations(other)),
        (tr("zeros"), _zeros(one), _zeros(other)),
    ]
    if _rounds(one) and _rounds(other):
        pairs.append((tr("scales by"), _scales(one), _scales(other)))
    return [
        tr("{what} {before} → {after}").format(what=what, before=before, after=after)
        for what, before, after in pairs
        if before != after
    ]


def _rounds(plan: LayerPlan) -> bool:
    return (plan.weight_bits or FLOAT_BITS) < 16 and not plan.clusters


def _weights(plan: LayerPlan) -> str:
    if plan.clusters:
        return tr("{n} shared values").format(n=plan.clusters)
    return weight_bits_name(plan.weight_bits or FLOAT_BITS)


def _activations(plan: LayerPlan) -> str:
    return bits_name(plan.activation_bits or FLOAT_BITS)


def _zeros(plan: LayerPlan) -> str:
    if plan.threshold:
        return tr("below {threshold}").format(threshold=fmt.short(plan.threshold))
    if plan.pattern not in (None, "unstructured"):
        return str(plan.pattern)
    return fmt.percent(plan.sparsity or 0.0)


def _scales(plan: LayerPlan) -> str:
    names = {"tensor": tr("tensor"), "channel": tr("channel")}
    scales = scales_of(plan)
    words = names.get(scales) or tr("block of {n}").format(n=scales.removeprefix("block "))
    return words if plan.symmetric is not False else tr("{scale} with zero point").format(scale=words)


def _step_changes(before: Plan, after: Plan, catalogue: Catalogue) -> list[str]:
    sentences = []
    for step in catalogue.methods:
        one, other = values_of(step, before), values_of(step, after)
        changes = [
            tr("{what} {before} → {after}").format(
                what=tr_text(parameter.label),
                before=_value(parameter, one[parameter.name]),
                after=_value(parameter, other[parameter.name]),
            )
            for parameter in step.parameters
            if one[parameter.name] != other[parameter.name]
        ]
        if changes:
            sentences.append(
                tr("{layers}: {changes}").format(layers=tr_text(step.label), changes=tr(", ").join(changes))
            )
    return sentences


def _value(parameter: Parameter, value: str | int | float | bool) -> str:
    if parameter.kind == "switch":
        return tr("on") if value else tr("off")
    if parameter.kind == "choice":
        known = next((choice for choice in parameter.choices if choice.name == value), None)
        return tr_text(known.label) if known is not None else str(value)
    if not isinstance(value, int | float):
        return str(value)
    return f"{QLocale().toString(float(value), 'g', 6)} {tr_text(Text(parameter.unit))}".strip()


def _order(plan: Plan, catalogue: Catalogue) -> str:
    labels = {step.name: tr_text(step.label) for step in catalogue.steps}
    names = plan.order or tuple(usual(catalogue))
    return " → ".join(labels.get(name, name) for name in names)
