"""The command 'plan', and a plan for the goal that 'compress' is given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core import messages as m
from core.cli_analysis import pattern_of
from core.cli_goal import goal_of, line_of, lines_of
from core.cli_output import write
from core.cli_project import make_project
from core.console import Console
from core.context import Context
from core.errors import PlanError
from core.options import data_spec, plan_of
from core.values import BestPlans, Goal, Plan, text

if TYPE_CHECKING:
    from core.workspace import Workspace


def plan_for(options: argparse.Namespace, workspace: Workspace, context: Context) -> Plan:
    """The plan from the options, or the best one for the goal that they name."""
    from core import jobs

    goal = goal_of(options)
    plan = plan_of(options)
    if goal is None:
        return plan
    if options.plan or options.preset:
        raise PlanError(
            text("A goal and a plan exclude each other."),
            text("For a goal the plan is looked for."),
            text("Leave out --plan and --preset, or the goal."),
        )
    request = m.FindPlan(model=options.model, data=data_spec(options), goal=goal, project=options.project)
    found = jobs.perform(request, workspace, context)
    assert isinstance(found, BestPlans) and found.chosen is not None
    for line in lines_of(found):
        print(line)
    return found.chosen.plan


def plan_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """The curve of best plans, and the plan for a goal if one is given."""
    from core import jobs
    from core.workspace import Workspace

    make_project(options.project)
    goal = goal_of(options)
    asked = {
        "model": options.model,
        "data": data_spec(options),
        "project": options.project,
        "samples": options.samples,
    }
    request = (
        m.BestCurve(
            goal=Goal(
                profile=options.target,
                channels=not options.keep_channels,
                pattern=pattern_of(options.zeros_in),
            ),
            **asked,
        )
        if goal is None
        else m.FindPlan(goal=goal, **asked)
    )
    found = jobs.perform(request, Workspace(), context)
    assert isinstance(found, BestPlans)
    console.end()
    for line in lines_of(found) or [line_of(plan) for plan in found.points]:
        print(line)
    if options.pareto:
        write(Path(options.pareto), msgspec.json.format(msgspec.json.encode(found), indent=2))
        print(f"best plans written to {options.pareto}")
    if options.out and found.chosen is not None:
        write(Path(options.out), msgspec.json.format(msgspec.json.encode(found.chosen.plan), indent=2))
        print(f"plan written to {options.out}")
    return 0 if found.reached else 1
