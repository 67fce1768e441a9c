"""The inspector's pictures of values: masks, kernel positions, grids, ranges, and copies of all."""

from __future__ import annotations

import csv
import io

import msgspec
import numpy as np
import pytest
from layer_values import make_session, make_theme, make_view
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot
from shell_values import make_data
from shiboken6 import delete, isValid

from core import messages as m
from core.values import ActivationView, Array, ChannelRanges, LayerView, text
from gui.session import Session
from gui.views.inspector_view import InspectorView
from gui.views.weights_section import ACTIVATIONS, CHANNELS
from gui.widgets.axis import small_font
from gui.widgets.ranges_chart import RangesChart

STEM, BODY = "/stem/Conv", "/body/Conv"
QUANTILES = np.array([[-4, -3, -1, 0, 1, 3, 4], [-2, -2, -1, 0, 1, 2, 8]], np.float32)


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> InspectorView:
    made = InspectorView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(360, 820)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def show(session: Session, **changes: object) -> LayerView:
    """As if the engine had answered."""
    session.select(STEM)
    session.layer_view = msgspec.structs.replace(make_view(STEM), **changes)
    session.layer_view_changed.emit(session.layer_view)
    return session.layer_view


def channel_ranges(limits: bool = True) -> ChannelRanges:
    if not limits:
        return ChannelRanges(quantiles=Array.of(QUANTILES), channels=4)
    low, high, clipped = (np.array(pair, np.float32) for pair in ((-3, np.nan), (3, np.nan), (0.25, np.nan)))
    return ChannelRanges(
        quantiles=Array.of(QUANTILES),
        channels=4,
        low=Array.of(low),
        high=Array.of(high),
        clipped=Array.of(clipped),
    )


def copied(qtbot: QtBot, widget: QWidget) -> list[list[str]]:
    """What Ctrl+Shift+C puts on the clipboard."""
    widget.setFocus()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(widget, Qt.Key.Key_C, both)
    return list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))


# ---------------------------------------------------------------- the heatmap


def test_the_mask_of_the_plan_replaces_the_guess(view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.5)
    # by importance the four smallest cells
    assert view.heatmap.gone.tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]
    # the engine knows better: it is another half, and of one cell only some kernel positions
    mask = np.array([[0, 0], [255, 255], [51, 0], [255, 204]], np.uint8)
    show(session, gone=Array.of(mask))
    view.order.setCurrentIndex(1)
    assert view.heatmap.gone == pytest.approx(mask / 255)
    assert "20 % of its weights go" in view.heatmap.describe(QPointF(2, view.heatmap._area().height() * 0.6))
    assert view.heatmap.describe(QPointF(2, view.heatmap._area().height() * 0.3)).endswith("goes")
    # while the share is dragged on the guess stands in again
    session.set_layers([STEM], "x", sparsity=0.25)
    assert view.heatmap.gone.sum() == 2
    # a pattern's mask is shown too, and without zeros none is
    session.set_layers([STEM], "x", pattern="2:4")
    assert view.heatmap.gone.sum() == 4
    session.set_layers([STEM], "x", pattern="unstructured", sparsity=0.0)
    assert view.heatmap.gone.sum() == 0


def test_what_goes_looks_different(view: InspectorView, session: Session) -> None:
    session.set_layers([STEM], "x", sparsity=0.5)
    show(session, gone=Array.of(np.zeros((4, 2), np.uint8)))
    before = view.heatmap._image.copy()
    mask = np.zeros((4, 2), np.uint8)
    mask[1, 1] = 255  # the most important cell, which is shown first
    show(session, gone=Array.of(mask))
    after = view.heatmap._image
    assert after.pixel(0, 0) != before.pixel(0, 0)
    assert after.pixel(1, 0) == before.pixel(1, 0)


def test_kernel_positions_are_chosen_one_by_one(view: InspectorView, session: Session) -> None:
    show(session)
    box = view.importance.position
    assert not box.isVisible()
    show(session, kernel=(3, 3))
    assert box.isVisible() and box.count() == 10
    assert box.itemText(0) == "kernel summed" and box.itemText(6) == "kernel at 2, 3"
    box.setCurrentIndex(6)
    box.activated.emit(6)
    session._inspection._ask()
    assert session._engine.sent[-1].position == 5
    # the engine shows the sum of a layer that has no such position, and the box says so
    show(session, kernel=(3,), position=None)
    assert box.currentText() == "kernel summed" and box.count() == 4


def test_the_importance_is_copied_as_it_is_shown(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    show(session)
    rows = copied(qtbot, view.heatmap)
    assert rows[0] == ["output \\ input", "1", "0"]
    assert rows[1:] == [["1", "8", "7"], ["3", "6", "5"], ["2", "4", "3"], ["0", "2", "1"]]
    qtbot.keyClick(view.heatmap, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    image = QGuiApplication.clipboard().image()
    assert image.width() == 2 * view.heatmap.width()
    best = make_theme().scale_color("importance", 1.0).rgb()
    assert image.pixel(40, 40) == best


# ---------------------------------------------------------------- the histogram


def test_the_grid_is_drawn_where_its_steps_are(view: InspectorView, session: Session) -> None:
    histogram = view.histogram
    show(session)
    assert histogram.grid_text() == ""
    before = histogram.grab().toImage()
    show(session, grid=Array.of(np.array([-0.5, 0.0, 0.5], np.float32)), grids=4)
    assert histogram.grid_text() == "3 steps · 4 grids"
    after = histogram.grab().toImage()
    plot = histogram.plot()
    base = round(plot.rect.bottom())
    changed = {
        x
        for x in range(after.width())
        for y in range(base - 12, base)
        if after.pixel(x, y) != before.pixel(x, y)
    }
    # the two ends stand high, at ±0.5; nothing else is touched there
    for value in (-0.5, 0.5):
        assert {round(plot.x(value)) - 1, round(plot.x(value)), round(plot.x(value)) + 1} & changed
    assert all(min(abs(x - plot.x(value)) for value in (-0.5, 0, 0.5)) <= 2 for x in changed)
    show(session, grid=Array.of(np.linspace(-1, 1, 256, dtype=np.float32)), grids=1)
    assert histogram.grid_text() == "256 steps"
    assert histogram.grab().toImage() != after


@pytest.mark.parametrize("cut", [0.02, 0.2, 0.4, 0.7, 0.95])
def test_what_is_said_of_the_grid_never_lies_under_a_handle(
    view: InspectorView, session: Session, cut: float
) -> None:
    show(session, grid=Array.of(np.linspace(-1, 1, 256, dtype=np.float32)), grids=4096)
    histogram = view.histogram
    histogram.resize(280, 84)
    histogram.set_cut(0.0, cut, True)
    metrics = QFontMetrics(small_font(histogram.font(), 10))
    words, place, _ = histogram.grid_place(metrics)
    assert words.startswith("256 steps") and metrics.horizontalAdvance(words) <= place.width()
    for handle in histogram.handle_x():
        assert not place.left() - 9 < handle < place.right() + 9


def test_the_histogram_and_the_curve_are_copied(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    after = np.zeros(20, np.int64)
    after[10] = 100
    show(session, histogram_after=Array.of(after))
    rows = copied(qtbot, view.histogram)
    assert rows[0] == ["From", "To", "Weights", "Weights after the plan"]
    assert rows[1] == ["-1", "-0.9", "5", "0"] and rows[11][2:] == ["5", "100"]
    rows = copied(qtbot, view.curve)
    assert rows[1] == ["0.25", "89.6", "0.4", "0.2", "0.6", "512", "measured"]
    rows = copied(qtbot, view.bits.bars)
    assert rows[0] == ["Bits", "Loss", "Unit", "In the plan"]
    assert rows[3] == ["8", "0.1", "pt", "1"] and rows[4] == ["6", "", "pt", "0"]


# ---------------------------------------------------------------- ranges


def test_ranges_of_the_weights_say_what_is_cut_off(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    show(session, ranges=channel_ranges())
    section = view.values
    section.what.setCurrentIndex(CHANNELS)
    assert section.pages.currentWidget() is section.ranges
    assert section.note.full_text == "▬ ends of the integers"
    assert not view.pattern.isVisible()
    chart = section.ranges
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.accessibleDescription() == (
        "channels 0 to 1\nfrom −4 to 4\nthe middle half from −1 to 1\n"
        "integers reach from −3 to 3\n25.00 % cut off"
    )
    qtbot.keyClick(chart, Qt.Key.Key_End)
    assert chart.accessibleDescription() == "channels 2 to 3\nfrom −2 to 8\nthe middle half from −1 to 1"
    assert chart.group_at(chart.plot().x(0.5)) == 0 and chart.group_at(chart.plot().x(1.5)) == 1
    rows = copied(qtbot, chart)
    assert rows[1] == ["0", "1", "-4", "-3", "-1", "0", "1", "3", "4", "-3", "3", "0.25"]
    assert rows[2][-3:] == ["", "", ""]
    show(session, ranges=channel_ranges(limits=False))
    assert section.note.full_text == "box: the middle half of the weights"


def test_what_is_cut_off_is_in_the_colour_of_attention(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RangesChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(350, 140)
    chart.show_ranges(channel_ranges())
    image = chart.grab().toImage()
    attention = make_theme().color("attention").rgb()
    plot = chart.plot()

    def near(x: float, y: float) -> bool:
        places = [(round(x) + a, round(y) + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        return any(image.pixel(*place) == attention for place in places)

    assert near(plot.x(0.5), plot.y(3.5)) and near(plot.x(0.5), plot.y(-3.5))
    # the box is inside, and of the second group no end is known
    assert not near(plot.x(0.5), plot.y(0.5)) and not near(plot.x(1.5), plot.y(7))


def test_activations_are_asked_for_only_while_somebody_looks(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    def asked() -> list[m.InspectActivations]:
        return [one for one in session._engine.sent if isinstance(one, m.InspectActivations)]

    show(session)
    section = view.values
    section.what.setCurrentIndex(ACTIVATIONS)
    assert "Choose data" in section.message.text() and section.message.isVisible()
    session._take(make_data())
    assert section.message.text() == "Looking at your samples…"
    qtbot.waitUntil(lambda: len(asked()) == 1)
    assert asked()[0].layer_id == STEM and asked()[0].data == session.data.spec
    answer = ActivationView(layer_id=STEM, ranges=channel_ranges(), behind="Relu", bits=8, samples=64)
    session._engine.event.emit(m.Done(id=asked()[0].id, value=answer))
    assert section.pages.currentWidget() is section.activations
    assert section.note.full_text == "▬ 8-bit ends · Relu · 64 samples"
    # what changes nothing of it asks nothing
    session.set_layers([STEM], "x", sparsity=0.5)
    qtbot.wait(120)
    assert len(asked()) == 1
    session.set_layers([STEM], "x", activation_bits=32)
    qtbot.waitUntil(lambda: len(asked()) == 2)
    assert section.pages.currentWidget() is section.activations  # the last picture stays meanwhile
    # an answer that is late for another layer is not shown
    session.select(BODY)
    session._engine.event.emit(m.Done(id=asked()[1].id, value=answer))
    assert section.message.text() == "Looking at your samples…"
    qtbot.waitUntil(lambda: len(asked()) == 3)
    failed = m.Failed(id=asked()[2].id, code="DataError", what=text("There are no calibration samples."))
    session._engine.event.emit(failed)
    assert section.message.text() == "There are no calibration samples."
    qtbot.wait(120)
    assert len(asked()) == 3  # not again and again
    section.what.setCurrentIndex(0)
    session.select(STEM)
    qtbot.wait(120)
    assert len(asked()) == 3  # nobody looks


def test_every_picture_can_be_reached_and_copied_by_keyboard(view: InspectorView, session: Session) -> None:
    show(session, ranges=channel_ranges())
    section = view.values
    for widget in (
        view.heatmap,
        view.histogram,
        section.ranges,
        section.activations,
        view.curve,
        view.bits.bars,
    ):
        assert widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value
        assert widget.accessibleName()
        keys = [action.shortcut().toString() for action in widget.actions()]
        assert keys == ["Ctrl+C", "Ctrl+Shift+C"]
        menu = opened_menu(widget)
        assert menu.actions() == widget.actions()
        QTest.keyClick(menu, Qt.Key.Key_Escape)


def opened_menu(widget: QWidget) -> QMenu:
    """What a right click opens. Nothing waits for it: a loop of its own would still run when this ends."""
    waiting = QTimer()
    waiting.setSingleShot(True)
    waiting.timeout.connect(lambda: QApplication.activePopupWidget().close())
    waiting.start(0)
    place = widget.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    assert waiting.isActive(), "the event came back at once"
    waiting.stop()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def test_a_picture_that_goes_while_its_menu_is_open_takes_the_menu_along(qapp: QApplication) -> None:
    chart = RangesChart(make_theme())
    chart.show()
    menu = opened_menu(chart)
    delete(chart)
    assert not isValid(menu)
    assert QApplication.activePopupWidget() is None
