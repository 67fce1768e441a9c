"""Step: residual blocks go, the least missed first."""

from __future__ import annotations

from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods.prune_blocks import prune_blocks
from core.steps import Done, Task, WholeStep, register
from core.steps._samples import split
from core.values import StepInfo, text


def run(opened: OpenedModel, task: Task) -> Done:
    """Raises PlanError if there are not so many blocks, Cancelled."""
    samples = split(task.data)
    task.context.report(text("Leaving out blocks"))
    count = int(setting(task.plan, "prune_blocks", "count"))
    done = prune_blocks(opened.model, count, samples.fit, samples.held_out, task.context)
    names = ", ".join(block.id for block in done.blocks)
    return Done(done.model, (text("Left out {count} residual blocks: {names}.", count=count, names=names),))


register(
    WholeStep(
        StepInfo(
            name="prune_blocks",
            label=text("Remove residual blocks"),
            help=text("Whole blocks go, the least missed first."),
            place=20,
            methods=("prune_blocks",),
            asked_by=(("prune_blocks", "count"),),
        ),
        run,
    )
)
