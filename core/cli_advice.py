"""The command 'advise': what would help this model, each with what it rests on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.advice import advise
from core.advice.facts import Facts
from core.cli_goal import PROFILES
from core.cli_output import print_json, write
from core.console import Console
from core.context import Context
from core.method_options import add_method_options
from core.options import add_plan_options, data_spec, plan_of
from core.project import Project
from core.values import DamageLink, GiveBack, PlanMeasured, SensitivityPoint, digest


def advise_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """The most useful first, from what --project has measured. Raises as opening model and data does."""
    from core.workspace import Workspace

    workspace = Workspace()
    opened = workspace.opened(options.model, context)
    plan = plan_of(options)
    data = workspace.data(options.model, data_spec(options), context).info if options.data else None
    points: dict[str, tuple[SensitivityPoint, ...]] = {}
    link, measured, backs = None, None, []
    if options.project and data is not None:
        project = Project(options.project, create=False, read_only=True)
        for value in project.findings.load(opened.info.sha256, data.key)[0]:
            if isinstance(value, SensitivityPoint):
                points[value.layer_id] = (*points.get(value.layer_id, ()), value)
            elif isinstance(value, DamageLink):
                link = value
            elif isinstance(value, PlanMeasured) and value.plan == plan:
                measured = value
            elif isinstance(value, GiveBack) and value.plan_key == digest(plan):
                backs.append(value)
        project.close()
    facts = Facts(
        model=opened.info,
        plan=plan,
        data=data,
        profile=options.target,
        points=points,
        link=link,
        measured=measured,
        blame=tuple(sorted(backs, key=lambda back: -back.damage)),
    )
    found = advise(facts)
    console.end()
    if options.out and found and found[0].plan is not None:
        write(Path(options.out), msgspec.json.format(msgspec.json.encode(found[0].plan), indent=2))
    if options.json:
        print_json(msgspec.to_builtins(found))
        return 0
    for place, advice in enumerate(found, 1):
        print(f"{place}. {advice.text}")
        print(f"   {advice.evidence}")
    if not found:
        print("nothing to advise")
    if options.out and found and found[0].plan is not None:
        print(f"the plan of the first written to {options.out}")
    return 0


def add_advise_command(
    commands: argparse._SubParsersAction, parents: Sequence[argparse.ArgumentParser]
) -> None:
    """`parents`: the options of model and project; samples are optional here."""
    advice = commands.add_parser("advise", parents=list(parents), help="what would help, and why")
    advice.add_argument("--data", metavar="D", help="image folder, .npz, .npy, .csv or 'random'")
    advice.add_argument("--calibration-data", metavar="D", help="separate samples for calibration")
    advice.add_argument("--preprocess", metavar="P", help="JSON object or file; guessed without it")
    advice.add_argument("--label-column", metavar="NAME", help="of a table")
    advice.add_argument("--limit", type=int, metavar="N", help="at most N judging samples")
    advice.add_argument("--calibration-count", type=int, default=256, metavar="N", help="that only calibrate")
    advice.add_argument("--seed", type=int, default=0, help="decides which samples do what")
    advice.add_argument("--target", choices=PROFILES, default="cpu", help="what it will run on")
    add_plan_options(advice)
    add_method_options(advice)
    advice.add_argument("--json", action="store_true")
    advice.add_argument("--out", metavar="PLAN.json", help="write the plan of the first piece of advice here")
    advice.set_defaults(command=advise_command)
