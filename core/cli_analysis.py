"""The command 'analyze': what is tried of each layer."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from core.errors import PlanError
from core.values import Analysis, Value, text
from core.values.plan import parse_pattern

_NAMES = ("sparsities", "weight_bits", "activation_bits", "patterns", "layers")


def add_analysis_options(parser: argparse.ArgumentParser) -> None:
    """What is tried of which layers; where nothing is said, what the window tries."""
    parser.add_argument("--sparsities", type=float, nargs="*", metavar="S", help="shares of zeros, 0 to 1")
    parser.add_argument("--weight-bits", type=int, nargs="*", metavar="B", help="16, or 8 to 2")
    parser.add_argument(
        "--activation-bits", type=int, nargs="*", metavar="B", help="16 or 8, beside 8-bit weights"
    )
    parser.add_argument("--patterns", nargs="*", metavar="N:M", help="zeros in a pattern, such as 2:4")
    parser.add_argument("--layers", nargs="*", metavar="LAYER", help="these layers alone")


def analysed(options: argparse.Namespace) -> dict[str, Any]:
    """Fields of `Analyze` that the options name. Raises PlanError for what is no pattern or no share."""
    asked = {name: tuple(getattr(options, name)) for name in _NAMES if getattr(options, name) is not None}
    for share in asked.get("sparsities", ()):
        if not 0 <= share < 1:
            raise PlanError(
                text("{share} is no share of zeros.", share=share),
                next_step=text("Write a number from 0 to 1, such as 0.5."),
            )
    for pattern in asked.get("patterns", ()):
        pattern_of(pattern)
    return asked


def readable(analysis: Value) -> Value:
    """The analysis without the vectors that only predictions read: a thousand bytes for each point."""
    assert isinstance(analysis, Analysis)
    points = tuple(msgspec.structs.replace(point, shift=None) for point in analysis.points)
    return msgspec.structs.replace(analysis, points=points)


def pattern_of(pattern: str | None) -> str | None:
    """'2:4' as it is, None for no pattern. Raises PlanError for what is no pattern."""
    try:
        return pattern if parse_pattern(pattern) else None
    except ValueError:
        raise PlanError(
            text("'{pattern}' is no pattern.", pattern=str(pattern)), next_step=text("Write it like 2:4.")
        ) from None
