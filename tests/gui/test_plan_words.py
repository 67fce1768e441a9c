"""Two plans told apart in words: layers that change alike together, steps by their names."""

from __future__ import annotations

import pytest
from shell_values import make_model

from core.values import Catalogue, Choice, Described, LayerPlan, Parameter, Plan, StepInfo, text
from gui.models.plan_words import plan_difference

CATALOGUE = Catalogue(
    methods=(
        Described(
            name="prune_channels",
            label=text("Remove channels"),
            help=text("Help"),
            parameters=(
                Parameter(name="macs", label=text("Work"), help=text("H"), kind="number", default=0.0,
                          unit="%"),
                Parameter(name="by", label=text("By"), help=text("H"), kind="choice", default="a",
                          choices=(Choice("a", text("First")), Choice("b", text("Second")))),
                Parameter(name="repair", label=text("Repair"), help=text("H"), kind="switch", default=True),
            ),
        ),
    ),
    steps=(
        StepInfo(name="channels", label=text("Channels"), help=text("H"), place=1),
        StepInfo(name="bits", label=text("Bits"), help=text("H"), place=2),
    ),
)  # fmt: skip
EIGHT = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))


def told(before: Plan, after: Plan) -> list[str]:
    return plan_difference(before, after, make_model(), CATALOGUE)


@pytest.mark.usefixtures("qapp")
def test_layers_that_change_alike_stand_together() -> None:
    assert told(EIGHT, EIGHT) == []
    assert told(EIGHT, EIGHT.with_defaults(weight_bits=4)) == ["All 3 layers: weights 8 bits → 4 bits"]
    two = EIGHT.with_layer("stem", sparsity=0.5).with_layer("head", sparsity=0.5)
    assert told(EIGHT, two) == ["2 layers (stem, head): zeros 0 % → 50 %"]
    both = EIGHT.with_layer("middle", weight_bits=4, granularity="block", block_size=32)
    assert told(EIGHT, both) == ["middle: weights 8 bits → 4 bits, scales by channel → block of 32"]
    assert told(two, EIGHT.with_layer("head", keep=True)) == [
        "stem: zeros 50 % → 0 %",
        "head: left as it is",
    ]
    assert told(EIGHT, EIGHT.with_defaults(clusters=16)) == [
        "All 3 layers: weights 8 bits → 16 shared values"
    ]
    assert told(EIGHT, EIGHT.with_layer("stem", pattern="2:4")) == ["stem: zeros 0 % → 2:4"]


@pytest.mark.usefixtures("qapp")
def test_a_layer_that_follows_other_defaults_but_comes_to_the_same_is_no_difference() -> None:
    own = Plan(defaults=LayerPlan(weight_bits=4, activation_bits=8))
    for name in ("stem", "middle", "head"):
        own = own.with_layer(name, weight_bits=8)
    assert told(EIGHT, own) == []


@pytest.mark.usefixtures("qapp")
def test_steps_and_their_order() -> None:
    other = Plan(
        defaults=EIGHT.defaults,
        methods={"prune_channels": {"macs": 30.0, "by": "b", "repair": False}},
        order=("bits", "channels"),
    )
    assert told(EIGHT, other) == [
        "Remove channels: Work 0 % → 30 %, By First → Second, Repair on → off",
        "Order of the steps: Bits → Channels",
    ]
