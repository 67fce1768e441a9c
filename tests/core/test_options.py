"""From the command line's options to a plan."""

from __future__ import annotations

import pytest

from core.cli import _parser
from core.errors import PlanError
from core.options import plan_of
from core.values import LayerPlan, Plan


def plan(*settings: str) -> Plan:
    return plan_of(
        _parser().parse_args(["compress", "m.onnx", "--data", "random", "--out", "o.onnx", *settings])
    )


def test_without_settings_everything_becomes_eight_bits() -> None:
    assert plan().defaults == LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8)
    assert plan("--asymmetric").defaults == LayerPlan(
        sparsity=0.0, weight_bits=8, activation_bits=8, symmetric=False
    )


def test_a_block_size_says_that_there_are_blocks() -> None:
    found = plan("--weight-bits", "4", "--block-size", "64").defaults
    assert (found.granularity, found.block_size, found.activation_bits) == ("block", 64, 32)
    found = plan("--weight-bits", "4", "--granularity", "block").layer("any")
    assert (found.granularity, found.block_size, found.symmetric) == ("block", 32, True)


def test_settings_go_over_those_of_a_preset() -> None:
    found = plan("--preset", "balanced", "--asymmetric", "--granularity", "block").defaults
    assert (found.weight_bits, found.granularity, found.symmetric) == (4, "block", False)


@pytest.mark.parametrize(
    ("settings", "option"), [(("--asymmetric",), "--asymmetric"), (("--block-size", "16"), "--granularity")]
)
def test_a_plan_and_settings_exclude_each_other(settings: tuple[str, ...], option: str) -> None:
    with pytest.raises(PlanError, match=option):
        plan("--plan", "p.json", *settings)
