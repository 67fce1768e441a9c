"""The tab 'Method': presets and forms made from the catalogue alone, each change one step back."""

from __future__ import annotations

import msgspec
import pytest
from layer_values import make_session, make_theme
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QSpinBox
from pytestqt.qtbot import QtBot

from core.values import Catalogue, Choice, Described, LayerPlan, Parameter, Preset, text
from gui.session import Session
from gui.views.method_view import MethodView
from gui.widgets.parameter_form import ParameterForm

LEFT = Qt.MouseButton.LeftButton
STEPS = (
    Described(name="prune", label=text("Prune"), help=text("Cuts.")),
    Described(
        name="calibrate",
        label=text("Calibration"),
        help=text("Measures ranges."),
        parameters=(
            Parameter(
                name="range", label=text("Range"), help=text("What is kept."), kind="choice",
                default="error",
                choices=(
                    Choice("min_max", text("All values")),
                    Choice("percentile", text("Percentile"), text("Rare values go.")),
                    Choice("error", text("Least error"), text("Mostly the best.")),
                ),
            ),
            Parameter(
                name="percentile", label=text("Percentile"), help=text("Kept share."), kind="number",
                default=99.99, low=90.0, high=100.0, unit="%",
            ),
            Parameter(
                name="samples", label=text("Samples"), help=text("How many."), kind="integer",
                default=256, low=1, high=1000,
            ),
            Parameter(
                name="search", label=text("Search"), help=text("Looks further."), kind="switch",
                default=True,
            ),
        ),
    ),
)  # fmt: skip
PRESETS = (
    Preset(
        name="quick", label=text("Quick"), help=text("Within seconds."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8),
    ),
    Preset(
        name="small", label=text("Smallest"), help=text("For slow lines."),
        defaults=LayerPlan(sparsity=0.5, weight_bits=4, activation_bits=8),
        methods={"calibrate": {"samples": 64}},
    ),
)  # fmt: skip


@pytest.fixture
def session(qapp: QApplication) -> Session:
    made = make_session()
    made.catalogue = Catalogue(methods=STEPS, presets=PRESETS)
    return made


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> MethodView:
    made = MethodView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(740, 420)
    made.show()
    qtbot.waitExposed(made)
    return made


def form(view: MethodView) -> ParameterForm:
    if not view.fold.isChecked():
        view.fold.click()
    return view.sections[0].form


def marked(view: MethodView) -> list[str]:
    return [card.preset.name for card in view.cards.cards if card.isChecked()]


def test_cards_say_what_each_preset_is_for_and_which_is_in_force(view: MethodView) -> None:
    assert [card.text() for card in view.cards.cards] == ["Quick", "Smallest"]
    assert view.cards.cards[1].accessibleDescription() == "For slow lines."
    assert marked(view) == ["quick"]


def test_a_preset_is_one_step_and_leaves_what_single_layers_were_given(
    qtbot: QtBot, view: MethodView, session: Session
) -> None:
    session.set_layers(["/stem/Conv"], "x", weight_bits=8)
    qtbot.mouseClick(view.cards.cards[1], LEFT)
    assert session.plan.defaults == PRESETS[1].defaults
    assert session.plan.methods == {"calibrate": {"samples": 64}}
    assert session.plan.layer("/stem/Conv").weight_bits == 8
    assert session.plan.layer("/body/Conv").weight_bits == 4
    assert marked(view) == ["small"]
    assert form(view).fields["samples"].value() == 64
    session.undo_stack.undo()
    assert session.plan.defaults == PRESETS[0].defaults
    assert session.plan.methods == {}
    assert marked(view) == ["quick"]
    # a second click on the one in force changes nothing, and it keeps its mark
    count = session.undo_stack.count()
    qtbot.mouseClick(view.cards.cards[0], LEFT)
    assert marked(view) == ["quick"]
    assert session.undo_stack.count() == count


def test_own_settings_are_no_preset(view: MethodView, session: Session) -> None:
    session.set_defaults(
        "x", sparsity=0.3, pattern="2:4", weight_bits=3, activation_bits=32, granularity="tensor"
    )
    session.set_parameter("calibrate", "samples", 10, "x")
    session.set_parameter("calibrate", "search", False, "x")
    assert marked(view) == []
    assert "your own settings" in view._caption.full_text


def test_a_plan_made_layer_by_layer_is_no_changed_preset(
    qtbot: QtBot, view: MethodView, session: Session
) -> None:
    """As a search makes them: each layer has its bits, whatever the others would get."""
    qtbot.mouseClick(view.cards.cards[1], LEFT)
    session.set_layers([layer.id for layer in session.model.layers], "Bits", weight_bits=3)
    assert marked(view) == []
    assert "most layers have settings of their own" in view._caption.full_text
    session.undo_stack.undo()
    assert marked(view) == ["small"]


def test_a_preset_with_other_settings_is_a_changed_one(
    qtbot: QtBot, view: MethodView, session: Session
) -> None:
    qtbot.mouseClick(view.cards.cards[1], LEFT)
    assert not view.cards.cards[1].changed
    session.set_parameter("calibrate", "percentile", 99.0, "x")
    card = view.cards.cards[1]
    assert marked(view) == ["small"] and card.changed
    assert card.accessibleName() == "Smallest · changed"
    assert "Smallest, settings changed: 1" in view._caption.full_text
    view.grab()
    # one click brings its own settings back
    qtbot.mouseClick(card, LEFT)
    assert not card.changed and card.accessibleName() == "Smallest"


def test_cards_are_chosen_by_keyboard(qtbot: QtBot, view: MethodView, session: Session) -> None:
    view.take_focus()
    assert view.cards.cards[0].hasFocus()
    qtbot.keyClick(view.cards.cards[0], Qt.Key.Key_Tab)
    assert view.cards.cards[1].hasFocus()
    qtbot.keyClick(view.cards.cards[1], Qt.Key.Key_Space)
    assert session.plan.defaults.weight_bits == 4


def test_only_steps_with_settings_have_a_form_and_it_is_folded(view: MethodView) -> None:
    assert [section.step.name for section in view.sections] == ["calibrate"]
    assert not view.sections[0].isVisible()
    assert view._state.full_text == "all at default"
    form(view)
    assert view.sections[0].isVisible()


def test_each_kind_of_field_shows_its_default_range_and_unit(view: MethodView) -> None:
    fields = form(view).fields
    box, number, whole = fields["range"], fields["percentile"], fields["samples"]
    assert isinstance(box, QComboBox) and box.currentText() == "Least error"
    assert [box.itemText(index) for index in range(3)] == ["All values", "Percentile", "Least error"]
    assert box.itemData(1, Qt.ItemDataRole.ToolTipRole) == "Rare values go."
    assert "Default: Least error" in box.toolTip()
    assert isinstance(number, QDoubleSpinBox) and number.text() == "99.99 %"
    assert (number.minimum(), number.maximum()) == (90, 100)
    assert "90 to 100" in number.toolTip()
    assert "Default: 99.99 %" in number.toolTip()
    assert isinstance(whole, QSpinBox) and whole.value() == 256
    assert fields["search"].isChecked() and fields["search"].text() == "on"
    assert "Default: on" in fields["search"].toolTip()


def test_an_edit_reaches_the_plan_is_marked_and_goes_back(
    qtbot: QtBot, view: MethodView, session: Session
) -> None:
    made = form(view)
    number = made.fields["samples"]
    assert not made.resets["samples"].isVisible()
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(number, "100")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert session.plan.methods == {"calibrate": {"samples": 100}}
    assert made.resets["samples"].isVisible()
    assert view._state.full_text == "1 changed from the default"
    for _ in range(3):
        qtbot.keyClick(number, Qt.Key.Key_Up)
    assert session.plan.methods["calibrate"]["samples"] > 100
    session.undo_stack.undo()  # typing and arrow keys are one step
    assert session.plan.methods == {}
    session.undo_stack.redo()
    view._scroll.ensureWidgetVisible(made.resets["samples"])
    qtbot.mouseClick(made.resets["samples"], LEFT)
    assert session.plan.methods == {}
    assert number.value() == 256
    assert not made.resets["samples"].isVisible()


def test_choice_and_switch_are_a_step_each(qtbot: QtBot, view: MethodView, session: Session) -> None:
    fields = form(view).fields
    fields["range"].setFocus()
    qtbot.keyClick(fields["range"], Qt.Key.Key_Up)
    fields["search"].setFocus()
    qtbot.keyClick(fields["search"], Qt.Key.Key_Space)
    assert session.plan.methods == {"calibrate": {"range": "percentile", "search": False}}
    assert fields["search"].text() == "off"
    session.undo_stack.undo()
    assert session.plan.methods == {"calibrate": {"range": "percentile"}}
    assert form(view)._helps["range"].text() == "What is kept.\nRare values go."
    # the default chosen by hand is no change
    qtbot.keyClick(fields["range"], Qt.Key.Key_Down)
    assert session.plan.methods == {}


def test_all_settings_go_back_at_once(qtbot: QtBot, view: MethodView, session: Session) -> None:
    session.set_parameter("calibrate", "samples", 10, "x")
    session.set_parameter("calibrate", "search", False, "x")
    form(view)
    qtbot.mouseClick(view.reset, LEFT)
    assert session.plan.methods == {}
    session.undo_stack.undo()
    assert session.plan.methods == {"calibrate": {"samples": 10, "search": False}}


def test_scrolling_over_a_field_leaves_it_alone(
    qapp: QApplication, view: MethodView, session: Session
) -> None:
    field = form(view).fields["samples"]
    view.fold.setFocus()
    where = QPointF(5, 5)
    wheel = QWheelEvent(
        where, field.mapToGlobal(where), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    qapp.sendEvent(field, wheel)
    assert field.value() == 256
    assert session.plan.methods == {}


def test_the_catalogue_may_come_late_and_again(view: MethodView, session: Session) -> None:
    more = msgspec.structs.replace(session.catalogue, presets=PRESETS[:1], methods=())
    session.catalogue = more
    session.catalogue_changed.emit(more)
    assert [card.text() for card in view.cards.cards] == ["Quick"]
    assert view.sections == []
    assert not view.fold.isVisible()
