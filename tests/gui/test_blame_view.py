"""Blame in the window: asked for once, streamed to graph, table and tab, kept by plan, dropped on an edit."""

from __future__ import annotations

import msgspec
import person
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import (
    Blame,
    GiveBack,
    LayerPlan,
    Measurement,
    Outcome,
    Plan,
    PlanMeasured,
    Rescue,
    Text,
    digest,
)
from gui.app import Window
from gui.models.layer_table import Column
from gui.restore import restore_findings
from gui.theme import Theme
from gui.widgets.blame_bars import Bar, BlameBars

PLAN = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8))


def whole(plan: Plan = PLAN, low: float = 0.6) -> PlanMeasured:
    accuracy = Measurement(metric="top1", value=88.6, low=87.0, high=90.0, count=1000, unit="%")
    outcome = Outcome(measurements=(accuracy,), size_bytes=900, zipped_bytes=800)
    return PlanMeasured(plan=plan, outcome=outcome, loss=1.4, loss_low=low, loss_high=2.2, damage=0.04)


def back(layer: str, points: float, damage: float, plan: Plan = PLAN) -> GiveBack:
    return GiveBack(
        plan_key=digest(plan), layers=(layer,), points=points, low=points - 0.5, high=points + 0.5,
        damage=damage, damage_low=damage - 0.001, damage_high=damage + 0.001, count=1000,
    )  # fmt: skip


@pytest.fixture
def opened(window: Window, qtbot: QtBot) -> Window:
    session, engine = window.session, window.engine
    session.open_model("/models/tiny.onnx")
    engine.event.emit(m.Done(id=engine.last(m.OpenModel).id, value=make_model()))
    session.open_data(make_data().spec)
    engine.event.emit(m.Done(id=engine.last(m.OpenData).id, value=make_data()))
    session.replace_plan(PLAN, "Bits")
    window.main.tabs.setCurrentWidget(window.main.advice)
    qtbot.wait(1)
    return window


def ask(window: Window) -> int:
    person.click(window.main.advice.blame.button)
    asked = window.engine.last(m.BlamePlan)
    assert asked.plan == PLAN and asked.model == "/models/tiny.onnx"
    return asked.id


def stream(window: Window, asked: int, *values: object) -> None:
    for value in values:
        window.engine.event.emit(m.Partial(id=asked, value=value))


def test_what_comes_in_is_shown_everywhere(opened: Window, qtbot: QtBot) -> None:
    main, session = opened.main, opened.session
    graph = main.graph
    graph.figure_box.setCurrentIndex(graph.figure_box.findData("blame"))
    asked = ask(opened)
    assert not main.advice.blame.button.isEnabled()
    stream(opened, asked, whole(), back("stem", 0.2, 0.01))
    qtbot.waitUntil(lambda: "stem" in graph._figures.shares)
    assert "1 of 3" in graph.legend.legend.state
    stream(opened, asked, back("head", 0.8, 0.02), back("middle", -0.1, 0.0))
    opened.engine.event.emit(m.Done(id=asked, value=Blame(plan=whole(), layers=())))
    qtbot.waitUntil(lambda: len(graph._figures.shares) == 3)
    assert graph.legend.legend.state == "" and graph.legend.legend.high == "50 %"
    # a half of 0.04 is the end of the scale, a quarter is its middle
    assert graph._figures.shares == pytest.approx({"head": 1.0, "stem": 0.5, "middle": 0.0})
    assert "0.80 pt" in graph._figures.texts["head"]
    sentence = "head costs 0.8 of the 1.4 pt lost"
    assert sentence in main.advice.blame.sentence.text() and sentence in main.outcome.remark.text()
    assert [bar.layer_id for bar in main.advice.blame.bars.bars] == ["head", "stem", "middle"]
    model = main.table.model
    row = model.position("head")
    assert model.index(row, Column.BLAME).data() == "0.80"
    assert not main.table.table.isColumnHidden(Column.BLAME)
    assert session.plan_is_measured  # the plan's own figures are the outcome's
    assert not main.advice.blame.button.isEnabled()  # all is known


def test_a_click_and_a_key_choose_the_layer(opened: Window, qtbot: QtBot) -> None:
    bars = opened.main.advice.blame.bars
    stream(opened, ask(opened), whole(), back("stem", 0.2, 0.01), back("head", 0.8, 0.02))
    qtbot.wait(1)
    person.click(bars, QPoint(40, 11))
    assert opened.session.selection == "head"
    bars.setFocus()
    QTest.keyClick(bars, Qt.Key.Key_Down)
    QTest.keyClick(bars, Qt.Key.Key_Return)
    assert opened.session.selection == "stem"


def test_figures_of_blame_are_written_out(qapp: QApplication, qtbot: QtBot) -> None:
    bars = BlameBars(Theme(qapp))
    qtbot.addWidget(bars)
    figure = "39 % · −0.50 pt (−1.5 to 0.4) over and over"
    bars.show_bars((Bar("head", "head", 0.5, figure, ""),))
    bars.resize(600, 22)
    picture = bars.grab().toImage()
    begin = 600 - 4 - bars.fontMetrics().horizontalAdvance(figure)
    first = {picture.pixelColor(x, y).name() for x in range(begin, begin + 9) for y in range(22)}
    second = {picture.pixelColor(x, y).name() for x in range(begin - 5, begin) for y in range(22)}
    assert len(first) > 1 and len(second) == 1


def test_an_edit_drops_it_and_undo_brings_back_what_was_measured(opened: Window, qtbot: QtBot) -> None:
    main, session = opened.main, opened.session
    asked = ask(opened)
    stream(opened, asked, whole(), back("head", 0.8, 0.02))
    session.set_layers(["head"], "Bits", weight_bits=8)
    assert opened.engine.cancelled == [asked]
    opened.engine.event.emit(m.Failed(id=asked, code="Cancelled", what=Text("Stopped.")))
    assert session.blame.layers == () and main.table.table.isColumnHidden(Column.BLAME)
    assert "head costs" not in main.outcome.remark.text()
    assert main.advice.blame.button.isEnabled()
    session.undo_stack.undo()
    assert [one.layers for one in session.blame.layers] == [("head",)]
    assert not main.table.table.isColumnHidden(Column.BLAME)
    # other samples: nothing of it holds any more
    session.open_data(msgspec.structs.replace(make_data().spec, path="/data/others"))
    other = msgspec.structs.replace(make_data(), sha256="other")
    opened.engine.event.emit(m.Done(id=opened.engine.last(m.OpenData).id, value=other))
    assert session.blame.layers == ()


def test_points_that_could_be_chance_are_not_claimed(opened: Window, qtbot: QtBot) -> None:
    stream(opened, ask(opened), whole(low=-0.2), back("head", 0.8, 0.02))
    words = opened.main.advice.blame.sentence.text()
    assert "head does 50 % of the damage" in words and "too few" in words
    restored = back("head", 0.8, -0.001)
    stream(opened, opened.engine.last(m.BlamePlan).id, restored)
    assert "No layer costs anything" in opened.main.advice.blame.sentence.text()


def test_a_project_brings_it_back(opened: Window, qtbot: QtBot) -> None:
    restore_findings(opened.session, [whole(), back("head", 0.8, 0.02)], complete=False)
    assert "head costs 0.8" in opened.main.advice.blame.sentence.text()


def test_whole_channels_are_not_blamed_on_layers(opened: Window, qtbot: QtBot) -> None:
    section, session = opened.main.advice.blame, opened.session
    session.set_parameter("prune_channels", "macs", 50.0, "Channels")
    assert section.button.isEnabled()  # the layers' bits can be given back all the same
    session.set_defaults("Bits", weight_bits=32, activation_bits=32)
    assert not section.button.isEnabled() and "whole channels" in section.sentence.text()


def rescued(reached: bool = True) -> Rescue:
    plan = PLAN.with_layer("head", weight_bits=8, sparsity=0.0).with_layer(
        "stem", weight_bits=32, activation_bits=32
    )
    accuracy = Measurement(metric="top1", value=89.4, count=2000, unit="%")
    after = PlanMeasured(plan=plan, outcome=Outcome(measurements=(accuracy,)), loss=0.6)
    return Rescue(
        max_loss=0.8, before=whole(), after=after, reached=reached,
        layers=(("head",), ("stem",)), milder=(("head",),),
    )  # fmt: skip


def test_layers_are_given_back_with_one_click_that_can_be_undone(opened: Window, qtbot: QtBot) -> None:
    section, session = opened.main.advice.rescue, opened.session
    assert not section.take_button.isVisible()
    section.goal.setValue(0.8)
    person.click(section.find_button)
    asked = opened.engine.last(m.RescuePlan)
    assert (asked.plan, asked.max_loss) == (PLAN, 0.8)
    stream(opened, asked.id, whole(), back("head", 0.8, 0.02))  # it begins with blame
    assert "head costs 0.8" in opened.main.advice.blame.sentence.text()
    opened.engine.event.emit(m.Done(id=asked.id, value=rescued()))
    qtbot.wait(1)
    assert section.take_button.text() == "Give back 2 layers"
    assert section.words.text().startswith("head (8 bits), stem\n")
    area = opened.main.advice.viewport()
    assert section.width() <= area.width()  # nothing is cut off
    assert "0.60 pt lost instead of 1.40" in section.words.text() and "2,000" in section.words.text()
    person.click(section.take_button)
    assert session.plan == rescued().after.plan
    assert not section.take_button.isVisible()  # it was for the plan before
    session.undo_stack.undo()
    assert session.plan == PLAN and section.take_button.isVisible()


def test_an_edit_stops_the_search_and_a_missed_goal_says_so(opened: Window, qtbot: QtBot) -> None:
    section, session = opened.main.advice.rescue, opened.session
    person.click(section.find_button)
    asked = opened.engine.last(m.RescuePlan)
    opened.engine.event.emit(m.Done(id=asked.id, value=rescued(reached=False)))
    assert "not reached" in section.words.text()
    person.click(section.find_button)
    assert not section.take_button.isVisible()
    session.set_layers(["head"], "Bits", weight_bits=8)
    assert opened.engine.cancelled == [opened.engine.last(m.RescuePlan).id]
