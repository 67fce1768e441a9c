"""The command line's goals: how much may be lost, how large and how slow the result may be."""

from __future__ import annotations

import argparse
import re
from typing import cast

from core.cli_analysis import pattern_of
from core.console import human_bytes
from core.errors import PlanError
from core.values import BestPlan, BestPlans, Goal, LayerPlan, text
from core.values.best import Profile

_BYTES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
PROFILES = ("cpu", "accelerator", "download", "microcontroller")


def add_goal_options(parser: argparse.ArgumentParser) -> None:
    """--max-loss, --max-size, --max-latency, --speedup, --target, --keep."""
    goal = parser.add_argument_group("a goal, instead of settings: the best plan for it is looked for")
    goal.add_argument("--max-loss", type=float, metavar="POINTS", help="lose at most so many points")
    goal.add_argument(
        "--max-size", metavar="SIZE", help="at most so large, such as 5MB (zipped for 'download')"
    )
    goal.add_argument("--max-latency", metavar="TIME", help="at most so long a run, such as 3ms")
    goal.add_argument("--speedup", type=float, metavar="N", help="N times faster than the original")
    goal.add_argument(
        "--target", choices=PROFILES, default="cpu", help="what it will run on (default: this computer)"
    )
    goal.add_argument(
        "--keep", action="append", default=[], metavar="LAYER", help="leave this layer alone; may be repeated"
    )
    goal.add_argument(
        "--zeros-in", metavar="N:M", help="zeros stand in this pattern, such as 2:4 (target 'download')"
    )
    goal.add_argument("--keep-channels", action="store_true", help="remove no whole channels")


def goal_of(options: argparse.Namespace) -> Goal | None:
    """The goal that was asked for; None if there is none. Raises PlanError for what is no size or time."""
    asked = (options.max_loss, options.max_size, options.max_latency, options.speedup)
    if all(value is None for value in asked):
        return None
    return Goal(
        max_loss=options.max_loss,
        max_size_bytes=None if options.max_size is None else bytes_of(options.max_size),
        max_latency_ms=None if options.max_latency is None else milliseconds_of(options.max_latency),
        speedup=options.speedup,
        profile=cast(Profile, options.target),
        channels=not options.keep_channels,
        pattern=pattern_of(options.zeros_in),
        locks={name: LayerPlan(keep=True) for name in options.keep},
    )


def bytes_of(size: str) -> int:
    """'5MB' -> 5000000; also kB, KiB, MiB and plain bytes. Raises PlanError."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", size)
    unit = _BYTES.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise PlanError(
            text("'{size}' is no size.", size=size), next_step=text("Write it like 5MB, 900kB or 1.5MiB.")
        )
    return int(float(found[1]) * unit)


def milliseconds_of(time: str) -> float:
    """'3ms' -> 3.0; also '0.5s' and plain milliseconds. Raises PlanError."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(ms|s|)\s*", time.lower())
    if found is None:
        raise PlanError(text("'{time}' is no time.", time=time), next_step=text("Write it like 3ms or 0.5s."))
    return float(found[1]) * (1000.0 if found[2] == "s" else 1.0)


def lines_of(found: BestPlans) -> list[str]:
    """What was found, for the terminal."""
    lines = [str(note) for note in found.notes]
    if found.chosen is not None:
        how = "best plan" if found.reached else "closest plan (the goal is not reached)"
        lines.append(f"{how}: {line_of(found.chosen)}")
    return lines


def line_of(plan: BestPlan) -> str:
    """One plan on one line; what is predicted says so."""
    if plan.measured is None:
        parts = [
            f"{plan.loss:.2f} points lost, likely {plan.loss_low:.2f} to {plan.loss_high:.2f} (estimate)"
        ]
        parts.append(f"about {human_bytes(plan.size_bytes)} ({human_bytes(plan.zipped_bytes)} zipped)")
        return ", ".join(parts)
    outcome = plan.measured.outcome
    primary = outcome.primary
    count = f" on {primary.count} samples it has not seen" if primary is not None else ""
    parts = [f"{plan.measured.loss:.2f} points lost{count}"]
    parts.append(f"{human_bytes(outcome.size_bytes)} ({human_bytes(outcome.zipped_bytes)} zipped)")
    if outcome.latency is not None:
        parts.append(f"{outcome.latency.median_ms:.3f} ms a sample")
    return ", ".join(parts)
