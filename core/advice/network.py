"""Advice on kinds of network: depthwise convolutions, matrix products."""

from __future__ import annotations

from core.advice.facts import Facts, damage_of, percent, share_of, with_step
from core.values import FLOAT_BITS, text
from core.values.advice import Advice


def depthwise(facts: Facts) -> Advice | None:
    """Few weights a channel: coarse settings hurt there first, and hardly save anything."""
    kinds = [layer for layer in facts.layers if layer.kind.startswith("Depthwise")]
    coarse = [layer for layer in kinds if facts.bits(layer) < 8 or facts.plan.layer(layer.id).zeros > 0]
    if not coarse or facts.plan.methods.get("allocate", {}).get("on"):
        return None
    plan = with_step(facts.plan, "allocate", on=True)
    share = share_of(kinds, facts.layers)
    own = damage_of(facts, coarse)
    others = damage_of(facts, [layer for layer in facts.layers if layer not in kinds])
    evidence = text(
        "Depthwise layers hold {share} % of the bytes. On a depthwise network half zeros lost 1.1 "
        "points with the same share everywhere and 0.2 with shares of their own.",
        share=percent(share),
    )
    if own is not None and others is not None and own > others:
        evidence = text(
            "Measured here: a depthwise layer does {times} times the damage of another at the same "
            "setting, and they hold {share} % of the bytes.",
            times=round(own / max(others, 1e-12), 1),
            share=percent(share),
        )
    return Advice(
        name="depthwise",
        text=text("Spread zeros and bits by what each layer bears: the depthwise ones bear least."),
        evidence=evidence,
        button=text("Spread over the layers"),
        plan=plan,
        weight=70,
    )


def transformer(facts: Facts) -> Advice | None:
    """Matrix products: weights in blocks, computed as they are stored where that is faster here."""
    products = [layer for layer in facts.layers if layer.op == "MatMul" and layer.quantizable]
    if share_of(products, facts.layers) < 0.5 or facts.profile not in ("cpu", "download"):
        return None
    if any(facts.bits(layer) <= 4 for layer in products):
        return None
    plan = facts.plan.with_defaults(
        weight_bits=4, activation_bits=FLOAT_BITS, granularity="block", block_size=32
    )
    return Advice(
        name="transformer",
        text=text(
            "Most of this model is matrix products: give their weights 4 bits in blocks, activations in"
            " float."
        ),
        evidence=text(
            "{share} % of the bytes. A small transformer lost nothing at 0.18 of its size; a product of"
            " one row ran 1.5 to 2.7 times as fast, one of 128 rows slower, so a run measures each "
            "shape and takes what is faster.",
            share=percent(share_of(products, facts.layers)),
        ),
        button=text("4 bits in blocks"),
        plan=plan,
        weight=60,
    )
