"""Step: channels that compute nearly the same become one."""

from __future__ import annotations

from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods.merge_channels import merge_channels
from core.steps import Done, Task, WholeStep, register
from core.values import StepInfo, text


def run(opened: OpenedModel, task: Task) -> Done:
    task.context.report(text("Merging alike channels"))
    tolerance = float(setting(task.plan, "merge_channels", "tolerance")) / 100
    merged = merge_channels(opened.model, tolerance)
    count = sum(len(units) for units in merged.cuts.values())
    return Done(merged.model, (text("Merged {count} channels into others.", count=count),))


register(
    WholeStep(
        StepInfo(
            name="merge_channels",
            label=text("Merge alike channels"),
            help=text("Channels that compute nearly the same become one."),
            place=30,
            methods=("merge_channels",),
            asked_by=(("merge_channels", "tolerance"),),
        ),
        run,
    )
)
