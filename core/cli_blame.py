"""The command 'blame': which layers a plan's damage comes from, and the fewest to give back for a goal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core import messages as m
from core.cli_output import print_json, write
from core.cli_project import make_project
from core.console import Console
from core.context import Context
from core.method_options import add_method_options
from core.options import add_plan_options, data_spec, plan_of
from core.values import Blame, Rescue


def blame_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """A line for each layer, what costs most first; with --max-loss what to give back. Raises as the jobs."""
    from core import jobs
    from core.workspace import Workspace

    make_project(options.project)
    asked = {
        "model": options.model,
        "data": data_spec(options),
        "plan": plan_of(options),
        "project": options.project,
    }
    if options.samples is not None:
        asked["samples"] = options.samples
    request = (
        m.BlamePlan(**asked) if options.max_loss is None else m.RescuePlan(max_loss=options.max_loss, **asked)
    )
    workspace = Workspace()
    found = jobs.perform(request, workspace, context)
    assert isinstance(found, Blame | Rescue)
    console.end()
    if isinstance(found, Rescue) and options.out:
        write(Path(options.out), msgspec.json.format(msgspec.json.encode(found.after.plan), indent=2))
    if options.json:
        print_json(msgspec.to_builtins(found))
        return 0 if isinstance(found, Blame) or found.reached else 1
    labels = {layer.id: layer.label for layer in workspace.opened(options.model, context).info.layers}
    if isinstance(found, Rescue):
        print(rescue_line(found, labels))
        if options.out:
            print(f"plan written to {options.out}")
        return 0 if found.reached else 1
    for line in lines_of(found, labels):
        print(line)
    return 0


def rescue_line(found: Rescue, labels: dict[str, str]) -> str:
    """'give back 2 layers: conv3, fc (milder): 0.90 instead of 2.30 points lost ...'."""
    primary = found.after.outcome.primary
    count = f" on {primary.count} samples it has not seen" if primary is not None else ""
    if not found.layers:
        return f"nothing to give back: {found.after.loss:.2f} points lost{count}"
    names = ", ".join(
        name_of(ids, labels) + (" (milder)" if ids in found.milder else "") for ids in found.layers
    )
    start = "give back" if found.reached else "the goal is not reached; closest: give back"
    lost = f"{found.after.loss:.2f} instead of {found.before.loss:.2f} points lost{count}"
    return f"{start} {len(found.layers)} of the layers: {names}: {lost}"


def lines_of(found: Blame, labels: dict[str, str]) -> list[str]:
    """What was found, for the terminal."""
    plan = found.plan
    primary = plan.outcome.primary
    count = f" on {primary.count} samples" if primary is not None else ""
    lines = [f"{plan.loss:.2f} points lost{interval(plan.loss_low, plan.loss_high)}{count}"]
    width = max((len(name_of(back.layers, labels)) for back in found.layers), default=5)
    lines.append(f"{'left as it was':{width}} {'points that come back':>26} {'of the damage':>14}")
    for back in found.layers:
        points = f"{back.points:.2f}{interval(back.low, back.high)}"
        share = f"{100 * back.damage / plan.damage:.1f} %" if plan.damage > 0 else "-"
        lines.append(f"{name_of(back.layers, labels):{width}} {points:>26} {share:>14}")
    return lines


def name_of(layers: tuple[str, ...], labels: dict[str, str]) -> str:
    return " + ".join(labels.get(layer_id, layer_id) for layer_id in layers)


def interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"


def add_blame_command(
    commands: argparse._SubParsersAction, parents: Sequence[argparse.ArgumentParser]
) -> None:
    blame = commands.add_parser(
        "blame", parents=list(parents), help="which layers a plan's damage comes from, measured"
    )
    add_plan_options(blame)
    add_method_options(blame)
    blame.add_argument("--samples", type=int, metavar="N", help="judging samples")
    blame.add_argument(
        "--max-loss",
        type=float,
        metavar="POINTS",
        help="look for the fewest layers to give back, to the original or milder, so that no more is lost",
    )
    blame.add_argument("--out", metavar="PLAN.json", help="with --max-loss: write the plan found here")
    blame.add_argument("--json", action="store_true")
    blame.set_defaults(command=blame_command)
