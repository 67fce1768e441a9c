"""Advice on the samples: none, hardly any, or without labels."""

from __future__ import annotations

import msgspec

from core.advice.facts import Facts
from core.values import text
from core.values.advice import Advice

FEW_SAMPLES = 66
"""Corrections hold out 64 calibration samples to check themselves: with fewer there is nothing to fit."""


def no_data(facts: Facts) -> Advice | None:
    if facts.data is not None:
        return None
    return Advice(
        name="no_data",
        text=text(
            "Choose samples: without them nothing can be corrected or measured. Labels are not needed."
        ),
        evidence=text(
            "Measured on ResNet-20 and a depthwise network: 3-bit weights lose 21.6 and 6.3 points as "
            "they are rounded, 0.5 and 0.3 when corrected on 256 pictures without labels."
        ),
        button=text("Choose data"),
        command="data",
        weight=100,
    )


def hardly_any_data(facts: Facts) -> Advice | None:
    data = facts.data
    low = [layer for layer in facts.changed if facts.bits(layer) < 8 or facts.plan.layer(layer.id).zeros > 0]
    if data is None or data.calibration_count >= FEW_SAMPLES or not low:
        return None
    plan = facts.plan.with_defaults(weight_bits=8, activation_bits=8, sparsity=0.0, pattern="unstructured")
    return Advice(
        name="hardly_any_data",
        text=text("Stay at 8 bits without zeros: there are too few samples to correct anything coarser."),
        evidence=text(
            "{count} samples calibrate, and corrections hold 64 out to check themselves. Uncorrected, 8"
            " bits lost 0.04 points on ResNet-20, 3 bits 21.6, half zeros 11.8.",
            count=data.calibration_count,
        ),
        button=text("8 bits for all layers"),
        plan=msgspec.structs.replace(plan, exceptions={}),
        weight=90,
    )


def no_labels(facts: Facts) -> Advice | None:
    data = facts.data
    if data is None or data.task != "unlabelled" or data.calibration_count < FEW_SAMPLES:
        return None
    if any(facts.bits(layer) < 8 for layer in facts.layers):
        return None
    return Advice(
        name="no_labels",
        text=text(
            "No labels are needed for 4-bit weights: they are corrected towards the original's answers."
        ),
        evidence=text(
            "Measured without labels: 4-bit weights lost 0.2 points on ResNet-20 and 0.1 on a depthwise"
            " network, zipped in 0.55 and 0.67 of the size of 8 bits."
        ),
        button=text("4-bit weights"),
        plan=facts.plan.with_defaults(weight_bits=4, activation_bits=8),
        weight=40,
    )
