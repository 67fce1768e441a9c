"""The layer table: what a row says, and that mouse and keys change the plan as one step each."""

from __future__ import annotations

import time

import msgspec
import pytest
from layer_values import make_layer, make_session, make_theme
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from core.values import LayerPlan, Preset, text
from gui.i18n import Translations
from gui.models.layer_table import Column, LayerTableModel
from gui.models.overview_table import OverviewModel, cell_text
from gui.session import Session
from gui.views.overview_view import OverviewView
from gui.views.table_view import TableView
from gui.widgets.layer_delegates import bits_box, slider_track

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> TableView:
    made = TableView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def cell(view: TableView, row: int, column: Column) -> QRect:
    return view.table.visualRect(view.filter.index(row, column))


def on_track(view: TableView, row: int, share: float) -> QPoint:
    track = slider_track(cell(view, row, Column.SPARSITY))
    return QPoint(round(track.left() + share * track.width()), round(track.center().y()))


def shown(view: TableView, row: int, column: Column) -> str:
    return view.filter.index(row, column).data()


def names(view: TableView) -> list[str]:
    return [shown(view, row, Column.NAME) for row in range(view.filter.rowCount())]


def test_rows_show_shares_and_the_hardest_loss(view: TableView) -> None:
    # 5,000 of 10,000 bytes; the worse of 0.5 (50 % zeros) and 0.8 (4 bits) points
    assert shown(view, 1, Column.SIZE) == "50.0 %"
    assert shown(view, 1, Column.TIME) == "60.0 %"
    assert shown(view, 1, Column.SENSITIVITY) == "0.8 pt"
    assert shown(view, 1, Column.BITS) == "8"
    # eight bits by default: half of 0.1 points
    assert shown(view, 1, Column.EFFECT) == "−0.05"


def test_what_cannot_be_quantised_shows_its_own_bits(view: TableView) -> None:
    assert shown(view, 2, Column.KIND) == "Embedding"
    assert shown(view, 2, Column.BITS) == "float", "the plan's eight bits do nothing to it"


def test_a_drag_in_the_row_sets_the_sparsity_as_one_undo_step(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    viewport = view.table.viewport()
    qtbot.mousePress(viewport, LEFT, pos=on_track(view, 1, 0.0))
    for share in (0.2, 0.4, 0.6):
        qtbot.mouseMove(viewport, on_track(view, 1, share))
    # leaving the row does not let go of the slider
    below = on_track(view, 1, 0.7) + QPoint(0, 90)
    qtbot.mouseMove(viewport, below)
    qtbot.mouseRelease(viewport, LEFT, pos=below)
    assert session.plan.layer("/body/Conv").sparsity == pytest.approx(0.7, abs=0.011)
    assert session.selection == "/body/Conv"
    assert session.undo_stack.count() == 1
    session.undo_stack.undo()
    assert session.plan.layer("/body/Conv").sparsity == 0.0


def test_two_drags_are_two_steps(qtbot: QtBot, view: TableView, session: Session) -> None:
    for share in (0.3, 0.6):
        qtbot.mouseClick(view.table.viewport(), LEFT, pos=on_track(view, 1, share))
    assert session.undo_stack.count() == 2


def test_keys_move_the_slider_of_the_focused_cell(qtbot: QtBot, view: TableView, session: Session) -> None:
    view.table.setFocus()
    view.table.setCurrentIndex(view.filter.index(0, Column.NAME))
    qtbot.keyClick(view.table, Qt.Key.Key_Tab)
    assert view.table.currentIndex().column() == Column.SPARSITY
    qtbot.keyClick(view.table, Qt.Key.Key_Right)
    qtbot.keyClick(view.table, Qt.Key.Key_Right)
    assert session.plan.layer("/stem/Conv").sparsity == pytest.approx(0.1)
    qtbot.keyClick(view.table, Qt.Key.Key_Left)
    assert session.plan.layer("/stem/Conv").sparsity == pytest.approx(0.05)
    qtbot.keyClick(view.table, Qt.Key.Key_End)
    assert session.plan.layer("/stem/Conv").sparsity == 1.0
    qtbot.keyClick(view.table, Qt.Key.Key_Home)
    assert session.plan.layer("/stem/Conv").sparsity == 0.0


def test_a_layer_that_cannot_be_cut_says_why_and_has_no_slider(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    assert shown(view, 2, Column.SPARSITY) == "Its weight is shared with the output."
    tip = view.filter.index(2, Column.BITS).data(Qt.ItemDataRole.ToolTipRole)
    assert "shared with the output" in tip
    before = session.plan
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=on_track(view, 2, 0.6))
    assert session.plan == before


def test_the_bits_box_opens_a_menu_by_mouse_and_by_key(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    box = bits_box(cell(view, 0, Column.BITS)).center().toPoint()
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=box)
    menu = view._bits_menu
    assert menu.isVisible()
    assert [action.text() for action in menu.actions() if action.text()] == [
        "float16",
        *(f"{bits} bits" for bits in (8, 6, 5, 4, 3, 2)),
        "As it is (float)",
        *(f"{count} shared values" for count in (256, 64, 32, 16, 8, 4)),
        "As the default",
    ]
    assert "kept in 8 bits each" in menu.actions()[2].toolTip()
    for _ in range(6):
        qtbot.keyClick(menu, Qt.Key.Key_Down)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert session.plan.layer("/stem/Conv").weight_bits == 3
    view.table.setCurrentIndex(view.filter.index(1, Column.BITS))
    qtbot.keyClick(view.table, Qt.Key.Key_Space)
    assert menu.isVisible()
    menu.close()


def test_several_selected_layers_are_changed_in_one_step(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    viewport = view.table.viewport()
    first, last = cell(view, 0, Column.KIND).center(), cell(view, 2, Column.KIND).center()
    qtbot.mouseClick(viewport, LEFT, pos=first)
    qtbot.mouseClick(viewport, LEFT, Qt.KeyboardModifier.ShiftModifier, last)
    assert view.selected_button.isVisible()
    assert view.selected_button.text() == "3 selected ▾"
    qtbot.mouseClick(view.selected_button, LEFT)
    sparsity = next(action for action in view.menu.actions() if action.text() == "Sparsity")
    next(action for action in sparsity.menu().actions() if action.text() == "90 %").trigger()
    view.menu.close()
    assert session.plan.layer("/stem/Conv").sparsity == 0.9
    assert session.plan.layer("/body/Conv").sparsity == 0.9
    assert "/table/Conv" not in session.plan.exceptions  # cannot be pruned
    assert session.undo_stack.count() == 1


def test_keep_as_is_and_reset_from_the_context_menu(qtbot: QtBot, view: TableView, session: Session) -> None:
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=cell(view, 0, Column.NAME).center())
    view.table.customContextMenuRequested.emit(cell(view, 0, Column.NAME).center())
    next(action for action in view.menu.actions() if action.text() == "Keep as is").trigger()
    view.menu.close()
    assert session.plan.layer("/stem/Conv").keep
    assert shown(view, 0, Column.BITS) == "float"
    assert view._changed.full_text == "· 1 changed"
    view.table.customContextMenuRequested.emit(cell(view, 0, Column.NAME).center())
    next(action for action in view.menu.actions() if action.text() == "Reset to default").trigger()
    view.menu.close()
    assert session.plan.exceptions == {}
    session.set_parameter("prune_channels", "macs", 60.0, "Channels")  # no column tells of it before the run
    assert view._changed.full_text == "· work −60 %"
    assert "60 % of the work removed in channels" in view._changed.toolTip()
    session.undo_stack.undo()
    assert view._changed.full_text == ""


def test_search_and_changed_only_filter_without_moving_the_selection(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.select("/head/Conv")
    qtbot.keyClicks(view.search, "embed")
    assert names(view) == ["table"]
    assert session.selection == "/head/Conv"
    view.search.clear()
    session.set_layers(["/body/Conv"], "x", sparsity=0.5)
    qtbot.mouseClick(view.changed_only, LEFT)
    assert names(view) == ["body"]
    qtbot.keyClicks(view.search, "stem")
    assert names(view) == []
    assert view._empty.isVisible()


def test_a_click_on_a_heading_sorts_and_a_third_one_restores_the_order(qtbot: QtBot, view: TableView) -> None:
    header = view.table.horizontalHeader()
    x = header.sectionViewportPosition(Column.SIZE) + 20
    where = QPoint(x, header.height() // 2)
    qtbot.mouseClick(header.viewport(), LEFT, pos=where)
    assert names(view) == ["stem", "head", "table", "body"]
    qtbot.mouseClick(header.viewport(), LEFT, pos=where)
    assert names(view)[0] == "body"
    qtbot.mouseClick(header.viewport(), LEFT, pos=where)
    assert names(view) == ["stem", "body", "table", "head"]


def test_the_defaults_menu_changes_every_layer_that_has_no_setting_of_its_own(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_layers(["/stem/Conv"], "x", sparsity=0.25)
    assert view.defaults_button.text() == "Default 0 % · 8 bits ▾"
    qtbot.mouseClick(view.defaults_button, LEFT)
    assert view.defaults.isVisible()
    for _ in range(10):
        qtbot.keyClick(view.defaults.sparsity, Qt.Key.Key_Right)
    for _ in range(3):  # past 6 and 5
        qtbot.keyClick(view.defaults.weight_bits, Qt.Key.Key_Down)
    qtbot.keyClick(view.defaults, Qt.Key.Key_Escape)
    assert not view.defaults.isVisible()
    assert session.plan.defaults == LayerPlan(sparsity=0.5, weight_bits=4, activation_bits=8)
    assert session.plan.layer("/stem/Conv").sparsity == 0.25
    assert view.defaults_button.text() == "Default 50 % · 4 bits ▾"
    assert session.undo_stack.count() == 5  # the layer, ten presses as one, the bits


def test_a_default_pattern_fixes_the_sparsity_and_says_so(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    qtbot.mouseClick(view.defaults_button, LEFT)
    popup = view.defaults
    qtbot.keyClick(popup.pattern, Qt.Key.Key_Down)
    assert session.plan.defaults.pattern == "2:4"
    assert popup.sparsity.value() == 50
    assert not popup.sparsity.isEnabled()
    assert popup.sparsity.toolTip() == "The pattern 2:4 fixes the share of zeros at 50 %."
    assert "of each 4 weights 2 stay" in popup.pattern.toolTip()
    popup.close()
    assert view.defaults_button.text() == "Default 2:4 · 8 bits ▾"
    # nor can a row's slider be dragged, by mouse or by key
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=on_track(view, 0, 0.9))
    view.table.setCurrentIndex(view.filter.index(0, Column.SPARSITY))
    qtbot.keyClick(view.table, Qt.Key.Key_Right)
    assert session.plan.exceptions == {}
    assert shown(view, 0, Column.SPARSITY) == "2:4"
    assert "fixes the share" in view.filter.index(0, Column.SPARSITY).data(Qt.ItemDataRole.ToolTipRole)


def test_float_weights_take_the_activations_along(qtbot: QtBot, view: TableView, session: Session) -> None:
    qtbot.mouseClick(view.defaults_button, LEFT)
    popup = view.defaults
    qtbot.keyClick(popup.weight_bits, Qt.Key.Key_End)
    assert session.plan.defaults.weight_bits == 32
    assert session.plan.defaults.activation_bits == 32
    assert not popup.activation_bits.isEnabled()
    popup.close()
    session.undo_stack.undo()
    assert session.plan.defaults.activation_bits == 8


def test_kinds_fit_their_column(qtbot: QtBot) -> None:
    session = make_session()
    layers = [msgspec.structs.replace(each, kind="Depthwise 3×3") for each in session.model.layers]
    session._take(msgspec.structs.replace(session.model, layers=tuple(layers)))
    view = TableView(session, make_theme())
    qtbot.addWidget(view)
    view.resize(750, 400)
    view.show()
    needed = view.table.fontMetrics().horizontalAdvance("Depthwise 3×3")
    assert view.table.columnWidth(Column.KIND) >= needed + 11  # as the delegate insets it


def test_one_selection_both_ways(qtbot: QtBot, view: TableView, session: Session) -> None:
    session.select("/head/Conv")
    assert view.table.currentIndex().row() == 3
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=cell(view, 1, Column.NAME).center())
    assert session.selection == "/body/Conv"


def test_only_rows_that_differ_are_announced(session: Session) -> None:
    model = LayerTableModel(session)
    announced: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: announced.append((first.row(), last.row())))
    session.set_layers(["/body/Conv"], "x", sparsity=0.5)
    assert announced == [(1, 1)]


def test_three_hundred_layers_follow_a_slider_within_a_frame_or_two(qapp: QApplication, qtbot: QtBot) -> None:
    session = make_session(count=320)
    view = TableView(session, make_theme())
    qtbot.addWidget(view)
    view.resize(900, 400)
    view.show()
    qtbot.waitExposed(view)
    took = []
    for step in range(20):
        began = time.process_time()
        session.set_layers(["/body/Conv"], "x", "drag", sparsity=step / 20)
        qapp.processEvents()
        took.append(time.process_time() - began)
    assert sorted(took)[10] < 0.06


def test_a_narrow_table_drops_columns_and_keeps_controls(view: TableView) -> None:
    view.resize(430, 300)
    assert view.table.isColumnHidden(Column.KIND)
    assert not view.table.isColumnHidden(Column.SPARSITY)
    assert not view.table.isColumnHidden(Column.BITS)
    assert view.table.columnWidth(Column.NAME) > 60


def test_the_overview_shows_losses_and_a_click_sets(
    qapp: QApplication, qtbot: QtBot, session: Session
) -> None:
    view = OverviewView(session, make_theme())
    qtbot.addWidget(view)
    view.resize(800, 300)
    view.show()
    qtbot.waitExposed(view)
    texts = [[cell_text(each) for each in row] for row in view.model.cells]
    # 6 and 5 bits: at most what 4 cost; 3 and 2: nobody knows
    assert texts[0] == ["0.4", "1.0", "2.0", "4.0", "0.1", "1.6", "1.6", "1.6", "", ""]
    assert [cell.estimate for cell in view.model.cells[0][4:8]] == [False, True, True, False]
    assert texts[2] == ["–"] * 10
    index = view.model.index(0, 2)
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=view.table.visualRect(index).center())
    assert session.plan.layer("/stem/Conv").sparsity == 0.75
    assert session.selection == "/stem/Conv"
    assert view.model.cells[0][2].current
    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    qtbot.keyClick(view.table, Qt.Key.Key_End)
    qtbot.keyClick(view.table, Qt.Key.Key_Space)
    assert session.plan.layer("/body/Conv").weight_bits == 2
    # a click on a sparsity takes a pattern away that would stand in its way
    session.set_defaults("x", pattern="2:4")
    assert not view.model.cells[1][1].current
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=view.table.visualRect(view.model.index(1, 1)).center())
    assert session.plan.layer("/body/Conv").zeros == 0.5
    assert session.plan.layer("/body/Conv").pattern == "unstructured"


def test_the_overview_catches_up_when_it_is_seen_again(
    qapp: QApplication, qtbot: QtBot, session: Session
) -> None:
    view = OverviewView(session, make_theme())
    qtbot.addWidget(view)
    session.select("/body/Conv")
    session.set_layers(["/stem/Conv"], "x", sparsity=0.5)
    view.show()
    qtbot.waitExposed(view)
    assert view.model.cells[0][1].current
    assert view.table.currentIndex().row() == 1
    view.hide()
    session.set_layers(["/stem/Conv"], "x", sparsity=0.75)
    view.show()
    assert [cell.current for cell in view.model.cells[0][:4]] == [False, False, True, False]


def test_the_overview_teaches_while_nothing_is_measured(qapp: QApplication, qtbot: QtBot) -> None:
    view = OverviewView(make_session(analyzed=False), make_theme())
    qtbot.addWidget(view)
    view.show()
    assert "press Analyze" in view._empty.text()


def test_an_unmeasured_overview_cell_is_an_estimate(qapp: QApplication) -> None:
    session = make_session()
    model = OverviewModel(session)
    points = tuple(point for point in session.points["/stem/Conv"] if point.sparsity != 0.5)
    session.points["/stem/Conv"] = points
    model.refresh()
    # halfway between 25 % (0.4) and 75 % (2.0)
    assert model.cells[0][1].estimate
    assert model.cells[0][1].loss == pytest.approx(1.2)


def test_a_name_that_looks_like_markup_stays_plain_text(qapp: QApplication) -> None:
    session = make_session()
    nasty = "<b>bold</b>\n<img src='file:///etc/passwd'>"
    layers = (make_layer("stem", 1000, label=nasty), *session.model.layers[1:])
    session._take(msgspec.structs.replace(session.model, layers=layers))
    model = LayerTableModel(session)
    tip = model.index(0, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip
    assert "<img" not in tip
    assert "&lt;b&gt;bold" in tip


def test_texts_follow_the_language_at_once(qapp: QApplication, view: TableView) -> None:
    translations = Translations(qapp, "en")
    translations.choose("zh_CN")
    qapp.processEvents()
    assert view._count.text() == "4 层"
    assert view.model.headerData(Column.SPARSITY, Qt.Orientation.Horizontal) == "稀疏度"
    translations.choose("en")
    qapp.processEvents()
    assert view._count.text() == "4 layers"


def test_the_defaults_scales_are_chosen_in_the_popup(qtbot: QtBot, view: TableView, session: Session) -> None:
    session.set_defaults("Set bits", weight_bits=4, activation_bits=32)
    qtbot.mouseClick(view.defaults_button, Qt.MouseButton.LeftButton)
    popup = view.defaults
    assert popup.scales.currentText() == "Each channel" and popup.scales.isEnabled()
    qtbot.keyClick(popup.scales, Qt.Key.Key_End)
    assert (session.plan.defaults.granularity, session.plan.defaults.block_size) == ("block", 256)
    qtbot.keyClick(popup.steps, Qt.Key.Key_Down)
    assert session.plan.defaults.symmetric is False
    popup.close()


def test_the_context_menu_gives_several_layers_blocks(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_defaults("Set bits", weight_bits=4)
    ids = [row.layer.id for row in view.model.rows if row.layer.quantizable][:2]
    view._menu_ids = ids
    view._on_menu("scales", "block 32")
    assert [session.plan.layer(layer).block_size for layer in ids] == [32, 32]
    view._on_menu("steps", False)
    assert {session.plan.layer(layer).symmetric for layer in ids} == {False}
    view.menu.fill([row for row in view.model.rows if row.layer.id in set(ids)])
    scales = next(action for action in view.menu.actions() if action.text() == "Scales").menu()
    checked = [action.text() for action in scales.actions() if action.isChecked()]
    assert checked == ["Blocks of 32", "Zero point"]


def choose_default(qtbot: QtBot, box: QComboBox, name: str) -> None:
    """As a person does: through the list with the arrow keys to the name."""
    target = box.findText(name)
    assert target >= 0, name
    while box.currentIndex() != target:
        before = box.currentIndex()
        qtbot.keyClick(box, Qt.Key.Key_Down if before < target else Qt.Key.Key_Up)
        assert box.currentIndex() != before, f"stuck before '{name}'"


def test_float16_for_every_layer_takes_integer_activations_along(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_defaults("x", weight_bits=8, activation_bits=8)
    session.set_layers(["/stem/Conv"], "x", activation_bits=16)
    session.set_layers(["/body/Conv"], "x", weight_bits=4, activation_bits=16)
    qtbot.mouseClick(view.defaults_button, LEFT)
    popup = view.defaults
    assert popup.activation_bits.isEnabled() and popup.activation_bits.toolTip() == ""
    choose_default(qtbot, popup.weight_bits, "float16")
    defaults = session.plan.defaults
    assert (defaults.weight_bits, defaults.activation_bits) == (16, 32)
    assert "half the download" in popup.weight_bits.toolTip()
    assert not popup.activation_bits.isEnabled()
    assert "float16 weights compute in float" in popup.activation_bits.toolTip()
    assert popup.activation_bits.currentText() == "float"
    # what followed the defaults follows them in this too; who has integers of its own keeps its activations
    assert session.plan.layer("/stem/Conv").activation_bits == 32
    body = session.plan.layer("/body/Conv")
    assert (body.weight_bits, body.activation_bits) == (4, 16)
    assert [shown(view, row, Column.BITS) for row in (0, 1, 3)] == ["f16", "4", "f16"]
    assert view.defaults_button.text() == "Default 0 % · float16 ▾"
    popup.close()
    session.undo_stack.undo()
    assert session.plan.layer("/stem/Conv").activation_bits == 16


def test_shared_values_for_every_layer_are_chosen_in_the_popup(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_defaults("x", weight_bits=32, activation_bits=32)
    qtbot.mouseClick(view.defaults_button, LEFT)
    popup = view.defaults
    choose_default(qtbot, popup.steps, "16 shared values")
    # which of 16 values a weight is takes 4 bits
    assert (session.plan.defaults.clusters, session.plan.defaults.weight_bits) == (16, 4)
    assert "one of 16 values found for its layer: 4 bits each in the file" in popup.steps.toolTip()
    assert popup.activation_bits.isEnabled(), "the file may compute on integers"
    assert shown(view, 0, Column.BITS) == "4 *"
    assert "one of 16 values" in view.filter.index(0, Column.BITS).data(Qt.ItemDataRole.ToolTipRole)
    choose_default(qtbot, popup.steps, "64 shared values")
    assert "64 values found for its layer: 8 bits each in the file" in popup.steps.toolTip()
    assert "evenly spaced steps of 6 bits" in popup.steps.toolTip()
    choose_default(qtbot, popup.weight_bits, "8 bits")
    assert not session.plan.layer("/stem/Conv").clusters
    assert popup.steps.currentText() == "Symmetric"
    popup.close()


def test_float_weights_have_only_shared_values_to_choose(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_defaults("x", weight_bits=32, activation_bits=32)
    qtbot.mouseClick(view.defaults_button, LEFT)
    qtbot.keyClick(view.defaults.steps, Qt.Key.Key_Down)
    assert session.plan.defaults.clusters == 256, "the zero point was passed over: there are no steps"
    view.defaults.close()


def test_the_menu_of_bits_offers_float16_and_shared_values(
    qtbot: QtBot, view: TableView, session: Session
) -> None:
    session.set_defaults("x", weight_bits=8, activation_bits=8)
    menu = view._bits_menu

    def pick(name: str) -> None:
        where = bits_box(cell(view, 1, Column.BITS)).center().toPoint()
        qtbot.mouseClick(view.table.viewport(), LEFT, pos=where)
        action = next(action for action in menu.actions() if action.text() == name)
        assert action.toolTip() != name, "it says what it is for"
        qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())

    pick("float16")
    body = session.plan.layer("/body/Conv")
    assert (body.weight_bits, body.activation_bits) == (16, 32)
    pick("8 shared values")
    body = session.plan.layer("/body/Conv")
    assert (body.clusters, body.weight_bits, body.activation_bits) == (8, 3, 8)
    assert shown(view, 1, Column.BITS) == "3 *"
    menu.fill_bits(view.model.rows[1])
    assert [action.text() for action in menu.actions() if action.isChecked()] == ["8 shared values"]
    pick("3 bits")
    body = session.plan.layer("/body/Conv")
    assert (body.clusters, body.weight_bits) == (0, 3)


def test_a_preset_leaves_no_integer_activations_beside_a_layers_float_weights(
    qapp: QApplication, session: Session
) -> None:
    session.set_layers(["/stem/Conv"], "x", weight_bits=16, activation_bits=32)
    session.set_layers(["/body/Conv"], "x", weight_bits=32, activation_bits=None)
    integers = Preset(
        name="p", label=text("P"), help=text("For it."),
        defaults=LayerPlan(sparsity=0.0, weight_bits=4, activation_bits=8),
    )  # fmt: skip
    session.use_preset(integers, "P")
    assert [session.plan.layer(f"/{name}/Conv").activation_bits for name in ("stem", "body", "head")] == [
        32, 32, 8,
    ]  # fmt: skip
    session.undo_stack.undo()
    assert session.plan.exceptions["/body/Conv"].activation_bits in (None, 32)
