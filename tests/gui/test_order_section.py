"""The order of a run's steps in the tab 'Method': moved with buttons and keys, one undo step each."""

from __future__ import annotations

import pytest
from layer_values import make_session, make_theme
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.values import Catalogue, Described, LayerPlan, Parameter, Plan, StepInfo, text
from gui.models import step_order
from gui.session import Session
from gui.views.order_section import OrderSection


def step(name: str, place: int, **more: object) -> StepInfo:
    return StepInfo(name=name, label=text("{name}", name=name), help=text("x"), place=place, **more)  # type: ignore[arg-type]


STEPS = (
    step("cut", 10, asked_by=(("cut", "share"),)),
    step("zeros", 20, asked_by_layers="zeros"),
    step("train", 30, asked_by=(("train", "seconds"),), may_follow_bits=True, repeats=True),
    step("bits", 40, asked_by_layers="bits"),
)
SHARE = Parameter(name="share", label=text("Share"), help=text("x"), kind="number", default=0.0)
CATALOGUE = Catalogue(
    steps=STEPS, methods=(Described(name="cut", label=text("Cut"), help=text("x"), parameters=(SHARE,)),)
)


@pytest.fixture
def session(qapp: QApplication) -> Session:
    made = make_session()
    made.catalogue = CATALOGUE
    return made


@pytest.fixture
def section(qapp: QApplication, qtbot: QtBot, session: Session) -> OrderSection:
    made = OrderSection(session, make_theme())
    qtbot.addWidget(made)
    made.resize(500, 200)
    made.show()
    qtbot.waitExposed(made)
    return made


def words(section: OrderSection) -> list[str]:
    rows = section.rows.list
    return [rows.item(index).text() for index in range(rows.count())]


def test_rows_follow_the_usual_order_and_say_which_have_nothing_to_do(
    section: OrderSection, session: Session
) -> None:
    # eight bits are the default plan
    assert words(section) == [
        "1   cut · nothing to do",
        "2   zeros · nothing to do",
        "3   train · nothing to do",
        "4   bits",
    ]
    session.set_parameter("cut", "share", 20.0, "x")
    session.set_defaults("x", sparsity=0.5)
    assert words(section)[:2] == ["1   cut", "2   zeros"]
    assert not section.rows.reset.isVisible()


def test_a_move_is_one_step_back_and_the_mark_goes_along(
    qtbot: QtBot, section: OrderSection, session: Session
) -> None:
    section.rows.list.setCurrentRow(1)
    qtbot.mouseClick(section.rows.up, Qt.MouseButton.LeftButton)
    assert session.plan.order == ("zeros", "cut", "train", "bits")
    assert section.rows.list.currentRow() == 0
    section.rows.list.setFocus()
    qtbot.keyClick(section.rows.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    # back in the usual order the plan says nothing of it
    assert session.plan.order == ()
    session.undo_stack.undo()
    assert session.plan.order == ("zeros", "cut", "train", "bits")
    qtbot.mouseClick(section.rows.reset, Qt.MouseButton.LeftButton)
    assert session.plan.order == ()


def test_nothing_that_would_change_the_numbers_can_go_behind_the_bits(
    section: OrderSection, session: Session
) -> None:
    rows = section.rows
    rows.list.setCurrentRow(3)
    assert rows.up.isEnabled() and not rows.down.isEnabled()
    rows.list.setCurrentRow(2)
    rows.down.click()
    assert session.plan.order == ("cut", "zeros", "bits", "train")
    rows.list.setCurrentRow(1)
    assert not rows.down.isEnabled()
    rows.list.setCurrentRow(2)
    assert not rows.up.isEnabled() and rows.down.isEnabled()


def test_training_may_come_twice(section: OrderSection, session: Session) -> None:
    rows = section.rows
    rows.list.setCurrentRow(0)
    assert not rows.more.isVisible()
    rows.list.setCurrentRow(2)
    assert rows.more.isVisible() and not rows.less.isVisible()
    rows.more.click()
    assert session.plan.order == ("cut", "zeros", "train", "bits", "train")
    assert rows.list.currentRow() == 4
    rows.less.click()
    assert session.plan.order == ()


def test_steps_that_an_order_leaves_out_stand_at_their_usual_place() -> None:
    assert step_order.shown(CATALOGUE, Plan(order=("bits",))) == ["cut", "zeros", "train", "bits"]
    assert step_order.shown(CATALOGUE, Plan(order=("train", "cut", "bits"))) == [
        "zeros",
        "train",
        "cut",
        "bits",
    ]
    zeros = Plan(defaults=LayerPlan(sparsity=0.5))
    assert step_order.asked(STEPS[1], CATALOGUE, zeros, make_session().model)
    assert not step_order.asked(STEPS[3], CATALOGUE, zeros, make_session().model)
