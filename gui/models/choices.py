"""What may be chosen for a layer: bits and patterns, said once for every menu, box and bar of the window."""

from __future__ import annotations

from core.values import FLOAT_BITS, Catalogue, LayerPlan, Plan, stored_bits
from core.values.plan import parse_pattern
from gui import format as fmt
from gui.i18n import tr, tr_text

WEIGHT_BITS = (8, 6, 5, 4, 3, 2)
"""Besides float. 7 gains nothing over 8: it is kept in as many bytes and zips hardly better."""
ACTIVATION_BITS = (8, 16)
"""Besides float."""
SCALES = ("tensor", "channel", "block 16", "block 32", "block 64", "block 128", "block 256")
"""What shares a scale, with the size of a block."""
DEFAULT_BLOCK = 32
SYMMETRIES = (True, False)
ANYWHERE = "unstructured"
PATTERNS = (ANYWHERE, "2:4", "4:8", "1:4")
BY_MAGNITUDE = ("automatic", "magnitude", "l2")
"""Scores in whose order a magnitude parts what stays from what goes."""


def bits_name(bits: int) -> str:
    return tr("{n} bits").format(n=bits) if bits < FLOAT_BITS else tr("float")


def bits_help(bits: int) -> str:
    """What is special about so many bits, for a tooltip; empty if nothing is."""
    stored = stored_bits(bits)
    if bits >= FLOAT_BITS or stored == bits:
        return ""
    return tr(
        "Numbers of {bits} bits are kept in {stored} bits each: "
        "the zipped file shrinks, the file itself does not."
    ).format(bits=bits, stored=stored)


def activation_help(bits: int) -> str:
    """What activations of so many bits are for; empty if nothing is to be said."""
    if bits != 16:
        return ""
    return tr(
        "Almost as exact as float. For accelerators that compute with 16 bits: "
        "on this computer such a network is slower than the original."
    )


def scales_of(plan: LayerPlan) -> str:
    """What shares a scale under this plan, as one of `SCALES`, or 'block N' of another size."""
    granularity = plan.granularity or "channel"
    return f"block {plan.block_size or DEFAULT_BLOCK}" if granularity == "block" else granularity


def scales_settings(scales: str) -> dict[str, object]:
    """The settings that give a layer these scales."""
    granularity, _, size = scales.partition(" ")
    return {"granularity": granularity} | ({"block_size": int(size)} if size else {})


def scales_name(scales: str) -> str:
    if scales == "tensor":
        return tr("Whole layer")
    if scales == "channel":
        return tr("Each channel")
    return tr("Blocks of {n}").format(n=scales.partition(" ")[2])


def scales_help(scales: str) -> str:
    """What these scales are good for, in plain words."""
    if scales == "tensor":
        return tr("One scale for a whole layer: the simplest chips want it so. Costs the most accuracy.")
    if scales == "channel":
        return tr("Each output channel has a scale of its own: right for nearly everything.")
    return tr(
        "Each run of {n} weights has a scale of its own: more exact with few bits, a little larger. Beside "
        "integer activations the scales are whole multiples of the channel's."
    ).format(n=scales.partition(" ")[2])


def symmetry_name(symmetric: bool) -> str:
    return tr("Symmetric") if symmetric else tr("Zero point")


def symmetry_help(symmetric: bool) -> str:
    if symmetric:
        return tr("The steps of weights reach as far below zero as above: the fastest kernels want it so.")
    return tr(
        "The steps of the weights follow their range, for layers whose weights lean to one side. Zeros stay "
        "exact. With 8 bits beside 8-bit activations convolutions become slower."
    )


def pattern_name(pattern: str) -> str:
    return tr("Anywhere") if pattern == ANYWHERE else pattern


def pattern_help(pattern: str) -> str:
    """What a pattern is and what it is good for, in plain words."""
    shape = parse_pattern(pattern)
    if shape is None:
        return tr("Anywhere: the least important weights go, wherever they are. Costs the least accuracy.")
    kept, of = shape
    return tr(
        "{pattern}: of each {of} weights {kept} stay. Accelerators made for this pattern skip the zeros; "
        "elsewhere only the zipped file gets smaller."
    ).format(pattern=pattern, of=of, kept=kept)


def fixes_share(plan: LayerPlan) -> bool:
    """Whether the pattern says how many weights go, so that the sparsity cannot be chosen."""
    return parse_pattern(plan.pattern) is not None


def fixed_reason(plan: LayerPlan) -> str:
    """Why the sparsity cannot be moved; empty if it can."""
    if not fixes_share(plan):
        return ""
    return tr("The pattern {pattern} fixes the share of zeros at {share}.").format(
        pattern=plan.pattern, share=fmt.percent(plan.zeros)
    )


def scored_reason(plan: Plan, catalogue: Catalogue) -> str:
    """Why no magnitude says which weights go; empty if one does."""
    name = plan.methods.get("prune_weights", {}).get("score", BY_MAGNITUDE[0])
    if name in BY_MAGNITUDE:
        return ""
    label = next((tr_text(score.label) for score in catalogue.scores if score.name == name), str(name))
    return tr("The score '{score}' chooses the weights that go, not their magnitude.").format(score=label)


def sparsity_settings(sparsity: float, plan: LayerPlan | None = None) -> dict[str, object]:
    """The settings that give a layer this sparsity, whatever pattern its `plan` has now."""
    settings: dict[str, object] = {"sparsity": sparsity, "threshold": None, "keep": None}
    if plan is not None and fixes_share(plan):
        settings["pattern"] = ANYWHERE
    return settings


def bits_settings(bits: int | None) -> dict[str, object]:
    """The settings that give a layer these weight bits (None: the defaults').

    Float weights with 8-bit activations would gain nothing, and the engine refuses them: both go together.
    """
    return {
        "weight_bits": bits,
        "activation_bits": FLOAT_BITS if bits == FLOAT_BITS else None,
        "keep": None,
    }
