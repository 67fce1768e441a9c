"""Advice on what stands in the way: layers that cannot change, that cost most, kernels that are slow."""

from __future__ import annotations

from core.advice.facts import Facts, percent, same_for_all, share_of
from core.values import FLOAT_BITS, text
from core.values.advice import Advice

BLOCKED_SHARE = 0.1
"""Of the layers' bytes: less that cannot be compressed is not worth a word."""
CULPRIT_SHARE = 0.25
"""Of a plan's damage by one layer."""
NOTABLE_LOSS = 1.0
"""Points lost that a person would want back."""


def blocked(facts: Facts) -> Advice | None:
    """Layers that nothing can be done to, where they are a good part of the file."""
    fixed = [layer for layer in facts.layers if not layer.prunable and not layer.quantizable]
    share = share_of(fixed, facts.layers)
    if share < BLOCKED_SHARE:
        return None
    worst = max(fixed, key=lambda layer: layer.bytes)
    reason = worst.why_not[0] if worst.why_not else text("No method fits this kind of layer.")
    return Advice(
        name="blocked",
        text=text(
            "{share} % of the bytes cannot be compressed, most of them in '{layer}'.",
            share=percent(share),
            layer=worst.label,
        ),
        evidence=reason,
        button=text("Show the layer"),
        layer_id=worst.id,
        weight=50,
    )


def culprit(facts: Facts) -> Advice | None:
    """One layer does a good part of the damage."""
    if facts.measured is None or not facts.blame or facts.measured.damage <= 0:
        return None
    worst = facts.blame[0]
    share = worst.damage / facts.measured.damage
    own = facts.plan.layer(worst.layers[0])
    if share < CULPRIT_SHARE or ((own.weight_bits or FLOAT_BITS) >= 8 and not own.zeros):
        return None
    plan = facts.plan
    for layer_id in worst.layers:
        plan = plan.with_layer(
            layer_id, weight_bits=8, sparsity=0.0, pattern="unstructured", threshold=None, clusters=None
        )
    label = next(layer.label for layer in facts.layers if layer.id == worst.layers[0])
    return Advice(
        name="culprit",
        text=text("Give '{layer}' 8 bits and its zeros back: it costs more than any other.", layer=label),
        evidence=text(
            "Measured here: left as it was, {share} % of the damage is gone (on {count} samples).",
            share=percent(min(share, 1.0)),
            count=worst.count,
        ),
        button=text("8 bits for this layer"),
        plan=plan,
        layer_id=worst.layers[0],
        weight=80,
    )


def who_is_to_blame(facts: Facts) -> Advice | None:
    """A plan that costs something, and nobody knows where."""
    loss = facts.loss
    if loss is None or loss < NOTABLE_LOSS or facts.blame:
        return None
    return Advice(
        name="who_is_to_blame",
        text=text("Find out which layers the loss comes from before giving any of them up."),
        evidence=text("This plan loses {n} points, measured.", n=round(loss, 1)),
        button=text("Measure"),
        command="blame",
        weight=65,
    )


def slower(facts: Facts) -> Advice | None:
    """The file takes longer than the original: keep what saves space and computes in float."""
    if facts.result is None or not facts.result.slower:
        return None
    return Advice(
        name="slower",
        text=text("It became slower: keep activations in float, then it runs at about the original's speed."),
        evidence=facts.result.slower[0],
        button=text("Float activations"),
        plan=same_for_all(facts.plan.with_defaults(activation_bits=FLOAT_BITS), "activation_bits"),
        weight=85,
    )
