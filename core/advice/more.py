"""Advice on what would help more: shares by layer, layers that can spare more, training."""

from __future__ import annotations

from core.advice.facts import Facts, four_bit_point, percent, share_of, with_step
from core.advice.hindrance import BLOCKED_SHARE, NOTABLE_LOSS
from core.predict import predicted_of
from core.values import text
from core.values.advice import Advice

SPARE_LOSS = 0.2
"""Points that layers together may lose, by the curves, to be called spare."""


def not_analyzed(facts: Facts) -> Advice | None:
    if facts.data is None or facts.points:
        return None
    return Advice(
        name="not_analyzed",
        text=text("Analyze the model: then each layer gets what it can bear instead of the same."),
        evidence=text(
            "With shares by layer, 75 % zeros lost 2.3 points on a depthwise network instead of 7.7, "
            "and 1.7 instead of 2.1 on ResNet-20."
        ),
        button=text("Analyze"),
        command="analyze",
        weight=45,
    )


def spare_layers(facts: Facts) -> Advice | None:
    """Layers at 8 bits or more that were measured to lose next to nothing at 4."""
    if facts.link is None:
        return None
    summed, taken = 0.0, []
    known = []
    for layer in facts.layers:
        point = four_bit_point(facts.points.get(layer.id, ()))
        if point is not None and layer.quantizable and facts.bits(layer) >= 8:
            known.append((point.damage or 0.0, layer))
    for damage, layer in sorted(known, key=lambda pair: pair[0]):
        if predicted_of(summed + damage, 0.0, facts.link).loss > SPARE_LOSS:
            break
        summed += damage
        taken.append(layer)
    if share_of(taken, facts.layers) < BLOCKED_SHARE:
        return None
    plan = facts.plan
    for layer in taken:
        acts = facts.plan.layer(layer.id).activation_bits
        plan = plan.with_layer(layer.id, weight_bits=4, activation_bits=acts)
    return Advice(
        name="spare_layers",
        text=text(
            "{count} layers with {share} % of the bytes can go to 4 bits.",
            count=len(taken),
            share=percent(share_of(taken, facts.layers)),
        ),
        evidence=text(
            "Measured here one by one; together they are predicted to lose {n} points (estimate).",
            n=round(predicted_of(summed, 0.0, facts.link).loss, 2),
        ),
        button=text("4 bits for these layers"),
        plan=plan,
        weight=62,
    )


def training(facts: Facts) -> Advice | None:
    """With labels the last points come back by training; without them it was not measured."""
    data, loss = facts.data, facts.loss
    if data is None or data.task == "unlabelled" or loss is None or loss < NOTABLE_LOSS:
        return None
    if facts.setting("finetune", "seconds") > 0:
        return None
    return Advice(
        name="training",
        text=text("Train for five minutes, towards the labels and the original's answers."),
        evidence=text(
            "This plan loses {n} points, measured. On ResNet-20 with 75 % zeros training took the loss "
            "from 63 to 0.6 points in 204 s of processor time.",
            n=round(loss, 1),
        ),
        button=text("Train for five minutes"),
        plan=with_step(facts.plan, "finetune", seconds=300.0),
        weight=64,
    )
