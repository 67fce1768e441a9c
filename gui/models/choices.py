"""What may be chosen for a layer: bits and patterns, said once for every menu, box and bar of the window."""

from __future__ import annotations

from core.values import FLOAT_BITS, HALF_BITS, Catalogue, LayerPlan, Plan, stored_bits
from core.values.plan import parse_pattern, place_bits
from gui import format as fmt
from gui.i18n import tr, tr_text

WEIGHT_BITS = (8, 6, 5, 4, 3, 2)
"""Of integers. 7 gains nothing over 8: it is kept in as many bytes and zips hardly better."""
ACTIVATION_BITS = (8, 16)
"""Besides float."""
SCALES = ("tensor", "channel", "block 16", "block 32", "block 64", "block 128", "block 256")
"""What shares a scale, with the size of a block."""
DEFAULT_BLOCK = 32
SYMMETRIES = (True, False)
SHARED = (256, 64, 32, 16, 8, 4)
"""How many values a layer's weights may share instead of evenly spaced steps."""
STEPS = (*SYMMETRIES, *SHARED)
ANYWHERE = "unstructured"
PATTERNS = (ANYWHERE, "2:4", "4:8", "1:4")
BY_MAGNITUDE = ("automatic", "magnitude", "l2")
"""Scores in whose order a magnitude parts what stays from what goes."""


def weight_bits_name(bits: int) -> str:
    return tr("float16") if bits == HALF_BITS else bits_name(bits)


def bits_name(bits: int) -> str:
    return tr("{n} bits").format(n=bits) if bits < FLOAT_BITS else tr("float")


def bits_help(bits: int) -> str:
    """What is special about weights of so many bits, for a tooltip; empty if nothing is."""
    if bits == HALF_BITS:
        return tr(
            "Floats of half the size, for half the download with answers that hardly change. Needs no "
            "samples; it still computes as the original does, so it gets no faster."
        )
    stored = stored_bits(bits)
    if bits >= FLOAT_BITS or stored == bits:
        return ""
    return tr(
        "Numbers of {bits} bits are kept in {stored} bits each: "
        "the zipped file shrinks, the file itself does not."
    ).format(bits=bits, stored=stored)


def takes_integers(plan: LayerPlan) -> bool:
    """Whether the weights become integers, so that the activations may be integers too."""
    return bool(plan.clusters) or (plan.weight_bits or FLOAT_BITS) < HALF_BITS


def float_reason(plan: LayerPlan) -> str:
    """Why the activations' bits cannot be chosen; empty if they can."""
    if takes_integers(plan):
        return ""
    if plan.weight_bits == HALF_BITS:
        return tr("float16 weights compute in float: integer activations need weights of 8 bits or fewer.")
    return tr("Integer activations need weights of 8 bits or fewer.")


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


def steps_of(plan: LayerPlan) -> bool | int:
    """Whether the weights' steps are symmetric, or the number of values that they share instead."""
    return plan.clusters or plan.symmetric is not False


def steps_settings(steps: bool | int) -> dict[str, object]:
    """The settings that give a layer these steps; shared values bring the bits that they take."""
    if isinstance(steps, bool):
        return {"symmetric": steps, "clusters": 0}
    return bits_settings(place_bits(steps)) | {"clusters": steps}


def steps_name(steps: bool | int) -> str:
    if isinstance(steps, bool):
        return tr("Symmetric") if steps else tr("Zero point")
    return tr("{n} shared values").format(n=steps)


def steps_short_name(steps: bool | int) -> str:
    """Where there is little room; the tooltip says more."""
    return steps_name(steps) if isinstance(steps, bool) else tr("{n} values").format(n=steps)


def steps_help(steps: bool | int) -> str:
    """What these steps are good for, in plain words."""
    if not isinstance(steps, bool):
        bits = place_bits(steps)
        return tr(
            "Every weight becomes one of {n} values found for its layer: {stored} bits each in the file, and "
            "closer to the original than evenly spaced steps of {bits} bits. For few bits at low loss; a "
            "zipped file gains little by it."
        ).format(n=steps, bits=bits, stored=stored_bits(bits))
    if steps:
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

    Float weights with integer activations would gain nothing, and the engine refuses them: both go together.
    """
    whole = bits is not None and bits >= HALF_BITS
    return {
        "weight_bits": bits,
        "clusters": None,
        "activation_bits": FLOAT_BITS if whole else None,
        "keep": None,
    }


def default_settings(name: str, value: object) -> dict[str, object]:
    """The settings of the plan's defaults that a choice stands for.

    `name` is a setting of `LayerPlan`, 'scales' or 'steps'. Bits and shared values exclude each other.
    """
    if name == "scales":
        return scales_settings(str(value))
    if name == "steps" and isinstance(value, bool):
        return {"symmetric": value, "clusters": None}
    if name == "steps" and isinstance(value, int):
        return {"clusters": value, "weight_bits": place_bits(value)}
    return {name: value, "clusters": None} if name == "weight_bits" else {name: value}


def without_idle_activations(plan: Plan) -> Plan:
    """The plan without integer activations beside float weights, which the engine refuses.

    They would stay behind where the weights' bits are changed in another place: a layer's own activations
    beside defaults of float16, or a preset's beside a layer's own float weights.
    """
    if plan.defaults.activation_bits not in (None, FLOAT_BITS) and not takes_integers(plan.defaults):
        plan = plan.with_defaults(activation_bits=FLOAT_BITS)
    for name, own in plan.exceptions.items():
        resolved = plan.layer(name)
        if resolved.activation_bits != FLOAT_BITS and not takes_integers(resolved):
            follows = own.weight_bits is None and not own.clusters
            plan = plan.with_layer(name, activation_bits=None if follows else FLOAT_BITS)
    return plan
