"""A session filled from a project, and its jobs told to keep their findings there.

The other half of `Session`, which alone may set its fields: see there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from core import messages as m
from core.project import PlanStep, RunRecord
from core.values import GiveBack, ModelInfo, Plan, PlanMeasured, RunPoint, SensitivityPoint
from gui.plan_command import PlanCommand
from gui.points import with_point
from gui.session_state import SessionState

if TYPE_CHECKING:
    from gui.session import Session

R = TypeVar("R", bound=m.Request)
LEARNT = 50
"""Measured plans, the latest, from which predictions learn when a project opens: each takes milliseconds."""


def in_project(session: SessionState, request: R) -> R:
    """The request, with what it finds going into the project, and about just the model that is shown."""
    if session.model is None or "model_sha256" not in request.__struct_fields__:
        return request
    return msgspec.structs.replace(
        request,
        project=session.project_path,
        read_only=session.project_read_only,
        model_sha256=session.model.sha256,
    )


def restore_plans(session: Session, steps: Sequence[PlanStep], in_force: int) -> None:
    """The undo stack as it was, words and all; `in_force` is the index of the plan in force."""
    stack, before = session.undo_stack, session.plan
    # nobody hears of the plans on the way
    session_was, stack_was = session.blockSignals(True), stack.blockSignals(True)
    try:
        stack.clear()
        for earlier, later in itertools.pairwise(steps):
            # no merge key: a new drag is a new step
            stack.push(PlanCommand(session, earlier.plan, later.plan, later.label, done=True))
        stack.setIndex(in_force)
    finally:
        session.blockSignals(session_was)
        stack.blockSignals(stack_was)
    if steps[in_force].plan != before:  # else every panel would look at all layers anew, for nothing
        session.assign_plan(steps[in_force].plan)
    stack.indexChanged.emit(stack.index())


def restore_findings(session: Session, values: Sequence[object], complete: bool) -> None:
    """What was measured of this model on these samples, as if it had just come."""
    points = dict(session.points)
    plans: list[PlanMeasured] = []
    for value in values:
        if isinstance(value, SensitivityPoint):
            points[value.layer_id] = with_point(points.get(value.layer_id, ()), value)
        elif isinstance(value, PlanMeasured):
            plans.append(value)
            session.blame.take(value)
        elif isinstance(value, GiveBack):
            session.blame.take(value)
        else:
            session._take(value)
    session.analyzed = session.analyzed or complete
    if points:
        session._set_points(points)
    shown = [one for one in plans[:-LEARNT] if one.plan == session.plan]
    # the plan in force last: it is the one that is shown
    for measured in sorted((*shown, *plans[-LEARNT:]), key=lambda one: one.plan == session.plan):
        session.whatif.take(measured)


def restore_run(session: Session, record: RunRecord) -> None:
    """The last run with its result; one that was cut off counts as stopped."""
    session.run_points, session.training = (), ()
    for value in record.partials:
        if isinstance(value, RunPoint):
            session.run_points = (*session.run_points, value)
        else:
            session._take(value)
    session.run_state = "stopped" if record.state == "running" else record.state
    session.run_plan, session.result = record.plan, record.result
    session.last_export = None
    if session.baseline is None and record.result is not None:
        # what the run found of the original goes for every plan
        session._set_baseline(record.result.before)
    session.run_changed.emit(session.run_points[-1] if session.run_points else None)
    session.result_changed.emit(session.result)


def fitting(plan: Plan, model: ModelInfo) -> Plan:
    """The plan without settings of layers that this model does not have; itself if there are none."""
    known = {layer.id for layer in model.layers}
    if known.issuperset(plan.exceptions):
        return plan
    exceptions = {name: own for name, own in plan.exceptions.items() if name in known}
    return msgspec.structs.replace(plan, exceptions=exceptions)
