"""A project's plans come back at once, and nobody is told of what has not changed."""

from __future__ import annotations

import pytest
from layer_values import make_session
from PySide6.QtWidgets import QApplication
from shell_values import make_result

from core.project.records import PlanStep, RunRecord
from core.values import LayerPlan, Plan
from gui.restore import restore_plans, restore_run
from gui.session import Session


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


def test_the_plan_that_is_in_force_already_is_not_told_again(session: Session) -> None:
    other = Plan(defaults=LayerPlan(sparsity=0.5))
    told: list[Plan] = []
    session.plan_changed.connect(told.append)
    steps = (PlanStep(plan=other), PlanStep(plan=session.plan, label="back"))
    before = session.plan
    restore_plans(session, steps, 1)
    assert told == [] and session.plan == before
    assert session.undo_stack.count() == 1 and session.undo_stack.undoText() == "back"
    session.undo_stack.undo()
    assert told == [other] and session.plan == other


def test_another_plan_is_told_once(session: Session) -> None:
    first, second = (Plan(defaults=LayerPlan(sparsity=share)) for share in (0.25, 0.5))
    told: list[Plan] = []
    session.plan_changed.connect(told.append)
    restore_plans(session, (PlanStep(plan=session.plan), PlanStep(plan=first), PlanStep(plan=second)), 1)
    assert told == [first] and session.plan == first
    assert session.undo_stack.canRedo() and session.undo_stack.canUndo()


def test_a_run_brings_back_what_it_found_of_the_original(session: Session) -> None:
    """Also for other plans: restored snapshots had no figure of the original beside them."""
    result = make_result(session.plan)
    session._set_baseline(None)
    record = RunRecord(
        id=1, plan=session.plan, model_sha256="a", data_sha256="d", state="done", result=result, started=0.0
    )
    restore_run(session, record)
    assert session.baseline == result.before
    session.set_layers(["/body/Conv"], "Sparsity", sparsity=0.5)
    assert not session.result_is_current and session.baseline == result.before
