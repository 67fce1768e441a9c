"""Step: whole channels go, and what is left is repaired."""

from __future__ import annotations

from core.graph.opened import OpenedModel
from core.importance import SCORES
from core.methods import setting
from core.methods.prune_channels import from_plan
from core.steps import Done, Task, WholeStep, register
from core.steps._channel_curves import kept_curves
from core.steps._rounds import stopped
from core.steps._samples import split
from core.unit_scores import units_by
from core.values import StepInfo, text


def run(opened: OpenedModel, task: Task) -> Done:
    """Raises PlanError if so much cannot go, Cancelled."""
    samples = split(task.data)
    task.context.report(text("Removing channels"))
    score = str(setting(task.plan, "prune_channels", "score"))
    seed = int(setting(task.plan, "prune_weights", "seed"))
    if score in ("measured", "moments"):
        units = kept_curves(opened, task, samples, score)
    else:
        units = units_by(opened, task.data, score, seed, task.context) if score in SCORES else None
    pruned = from_plan(opened.model, task.plan, samples.fit, samples.held_out, task.context, units)
    if pruned is None:
        return Done(opened.model)
    count = sum(len(units) for units in pruned.cuts.values())
    did = [
        text(
            "Removed {count} channels; {share} % of the work is left.",
            count=count,
            share=round(100 * pruned.macs_share, 1),
        )
    ]
    kept = sum(repair.kept for repair in pruned.repairs)
    if pruned.repairs:
        did.append(text("Repaired {count} of {total} layers.", count=kept, total=len(pruned.repairs)))
    if pruned.refused is not None:
        did.append(stopped(pruned.rounds, pruned.refused))
    return Done(pruned.model, tuple(did))


register(
    WholeStep(
        StepInfo(
            name="prune_channels",
            label=text("Remove channels"),
            help=text("Whole channels, neurons and heads go; what is left is repaired."),
            place=40,
            methods=("prune_channels", "repair_channels"),
            asked_by=(("prune_channels", "macs"), ("prune_channels", "channels")),
        ),
        run,
        about=lambda plan: setting(plan, "prune_weights", "seed"),
        version=4,
    )
)
