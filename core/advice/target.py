"""Advice on what the file is for: speed or a small download."""

from __future__ import annotations

from core.advice.facts import Facts, same_for_all, share_of, with_step
from core.advice.samples import FEW_SAMPLES
from core.values import FLOAT_BITS, text
from core.values.advice import Advice


def zeros_for_speed(facts: Facts) -> Advice | None:
    """Zeros save nothing unless the file is packed."""
    zeros = [layer for layer in facts.changed if facts.plan.layer(layer.id).zeros > 0]
    if not zeros or facts.profile == "download" or facts.setting("prune_channels", "macs") > 0:
        return None
    plan = facts.plan.with_defaults(sparsity=0.0, pattern="unstructured", threshold=None)
    plan = same_for_all(plan, "sparsity", "pattern", "threshold")
    return Advice(
        name="zeros_for_speed",
        text=text(
            "For speed remove whole channels, not single weights: zeros are multiplied like any number."
        ),
        evidence=text(
            "{count} layers get zeros, which only a zipped file feels. Half of the channels gone made a"
            " ResNet-50 3.4 times as fast; half of the work gone cost ResNet-20 3.9 points without "
            "training, a depthwise network 0.8.",
            count=len(zeros),
        ),
        button=text("Half of the work in channels"),
        plan=with_step(plan, "prune_channels", macs=50.0),
        weight=55,
    )


def float_activations(facts: Facts) -> Advice | None:
    """Weights of few bits alone save space; the integer kernels need 8-bit activations."""
    if facts.profile == "download" or facts.data is None:
        return None
    alone = [
        layer
        for layer in facts.changed
        if facts.bits(layer) <= 8
        and (facts.plan.layer(layer.id).activation_bits or FLOAT_BITS) == FLOAT_BITS
        and layer.op in ("Conv", "Gemm")
    ]
    if not alone or share_of(alone, facts.layers) < 0.5:
        return None
    return Advice(
        name="float_activations",
        text=text("Round activations to 8 bits too: only then the layers run on integers."),
        evidence=text(
            "{count} layers have few bits and float activations: the original's speed at best. With "
            "8-bit activations ResNet-20 ran 1.8 times as fast and lost 0.04 points, a depthwise "
            "network 1.6 times.",
            count=len(alone),
        ),
        button=text("8-bit activations"),
        plan=same_for_all(facts.plan.with_defaults(activation_bits=8), "activation_bits"),
        weight=58,
    )


def smaller_download(facts: Facts) -> Advice | None:
    """Zeros and few bits together pack best."""
    if facts.profile != "download" or facts.data is None or facts.data.calibration_count < FEW_SAMPLES:
        return None
    if any(facts.plan.layer(layer.id).zeros > 0 for layer in facts.layers):
        return None
    plan = facts.plan.with_defaults(sparsity=0.5, weight_bits=4, activation_bits=8)
    return Advice(
        name="smaller_download",
        text=text("For a small download combine half zeros with 4-bit weights."),
        evidence=text(
            "Zipped, ResNet-20 takes 129 kB at 4 bits and 111 kB with half zeros too, for 0.4 points "
            "more; a depthwise network 139 and 121 kB for hardly any."
        ),
        button=text("Half zeros and 4 bits"),
        plan=with_step(plan, "allocate", on=True),
        weight=57,
    )
