"""The network that a plan's steps make before any layer gets its bits, training left out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import DataSet
from core.graph.opened import OpenedModel
from core.steps import Task, asked
from core.steps._take import alone, take, with_settled
from core.values import Plan
from core.values.plan import RESTRUCTURING

_LEFT_OUT = ("finetune", "zeros")
"""Training takes as long as it is given; zeros are made with the bits."""


def restructured(
    opened: OpenedModel,
    data: DataSet | None,
    plan: Plan,
    store: MeasurementStore | None,
    work_dir: Path,
    context: Context,
) -> tuple[OpenedModel, Plan]:
    """The network without the channels and blocks that go, and the plan that is left for its layers.

    What each step makes is kept in the store, where a run finds it. The original comes back itself where
    the plan asks for no such step. Raises what the steps raise.
    """
    now, left = opened, plan
    for step in alone(asked(opened, plan), plan):
        if step.name not in _LEFT_OUT:
            taken = take(step, now, Task(opened, data, left, store, context), work_dir)
            now, left = taken.opened, with_settled(left, taken.done)
    return now, msgspec.structs.replace(left.without_parameters(RESTRUCTURING), order=())
