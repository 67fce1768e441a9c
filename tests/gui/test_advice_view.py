"""Advice in the window: the most useful, each with its evidence; a click does it, undo takes it back."""

from __future__ import annotations

import person
import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import LayerPlan, Outcome, Plan, PlanMeasured
from gui.app import Window

FOUR = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8))


@pytest.fixture
def opened(window: Window, qtbot: QtBot) -> Window:
    session, engine = window.session, window.engine
    assert not window.main.advice.advice.cards  # nothing is open
    session.open_model("/models/tiny.onnx")
    engine.event.emit(m.Done(id=engine.last(m.OpenModel).id, value=make_model()))
    window.main.tabs.setCurrentWidget(window.main.advice)
    qtbot.wait(1)
    return window


def names(window: Window) -> list[str]:
    return [card.advice.name for card in window.main.advice.advice.cards]


def card(window: Window, name: str):
    QTest.qWait(1)  # new cards are shown and laid out by the event loop
    found = next(card for card in window.main.advice.advice.cards if card.advice.name == name)
    window.main.advice.ensureWidgetVisible(found.button)
    return found


def with_data(window: Window, **changes: object) -> None:
    window.session.open_data(make_data().spec)
    engine = window.engine
    engine.event.emit(m.Done(id=engine.last(m.OpenData).id, value=make_data(**changes)))


def test_the_first_advice_without_data_leads_to_the_data(opened: Window, qtbot: QtBot) -> None:
    assert names(opened)[0] == "no_data"
    person.click(card(opened, "no_data").button)
    assert opened.main.data_view.isVisible()
    with_data(opened)
    assert "no_data" not in names(opened)
    opened.main.show_work()
    person.click(card(opened, "not_analyzed").button)
    assert opened.engine.last(m.Analyze).model == "/models/tiny.onnx"
    assert not card(opened, "not_analyzed").button.isEnabled()  # one job at a time


def test_a_click_changes_the_plan_and_undo_takes_it_back(opened: Window, qtbot: QtBot) -> None:
    with_data(opened, task="unlabelled")
    session = opened.session
    before = session.plan
    chosen = card(opened, "no_labels")
    assert "0.2 points on ResNet-20" in chosen.evidence.text()
    person.click(chosen.button)
    assert {session.plan.layer(layer.id).weight_bits for layer in session.model.layers} == {4}
    assert session.undo_stack.undoText() == "4-bit weights"
    assert "no_labels" not in names(opened)
    session.undo_stack.undo()
    assert session.plan == before and "no_labels" in names(opened)


def test_a_measured_loss_changes_what_is_advised(opened: Window, qtbot: QtBot) -> None:
    with_data(opened)
    session = opened.session
    session.replace_plan(FOUR, "Bits")
    assert "training" not in names(opened)
    session.whatif.take(PlanMeasured(plan=FOUR, outcome=Outcome(), loss=2.5, damage=0.1))
    assert {"training", "who_is_to_blame"} <= set(names(opened))
    assert "2.5 points" in card(opened, "training").evidence.text()
    person.click(card(opened, "who_is_to_blame").button)
    assert opened.engine.last(m.BlamePlan).plan == FOUR


def test_the_target_is_that_of_the_best_plans(opened: Window, qtbot: QtBot) -> None:
    with_data(opened)
    assert "smaller_download" not in names(opened)
    opened.main.best.target.setCurrentIndex(1)
    assert "smaller_download" in names(opened)


def test_it_speaks_chinese(opened: Window, qtbot: QtBot) -> None:
    opened.translations.choose("zh_CN")
    assert card(opened, "no_data").button.text() == "选择数据"
    opened.translations.choose("en")
    assert card(opened, "no_data").button.text() == "Choose data"
