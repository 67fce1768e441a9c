"""The inspector: pictures that follow the plan, and handles that change it."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
from layer_values import make_outcome, make_points, make_session, make_theme, make_view
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot
from shell_values import make_data

from core import messages as m
from core.values import Analysis, Array, Catalogue, Described, text
from gui.session import Session
from gui.views.inspector_view import InspectorView
from gui.widgets.bits_section import BitsSection
from gui.widgets.heatmap import Heatmap
from gui.widgets.histogram import magnitude_curve

LEFT = Qt.MouseButton.LeftButton
STEM = "/stem/Conv"


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> InspectorView:
    made = InspectorView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(360, 820)
    made.show()
    qtbot.waitExposed(made)
    return made


def show(session: Session, layer_id: str = STEM) -> None:
    """As if the engine had answered."""
    session.select(layer_id)
    session.layer_view = make_view(layer_id)
    session.layer_view_changed.emit(session.layer_view)


def test_activations_stand_beside_the_title_where_there_is_room(qtbot: QtBot, qapp: QApplication) -> None:
    bits = BitsSection(make_theme())
    qtbot.addWidget(bits)
    bits.show()
    words = (bits._title, bits._note, bits._activations)
    whole = sum(each.sizeHint().width() for each in (*words, bits.activations)) + 3 * 6

    def shown(width: int) -> list[bool]:
        """Whether the note is seen, and the activations stand beside the title."""
        bits.resize(width, 220)
        qapp.processEvents()
        box, title = (each.mapTo(bits, each.rect().center()).y() for each in (bits.activations, bits._title))
        assert all(each.text() == each.full_text for each in words if each.isVisible())
        return [bits._note.isVisible(), abs(box - title) < 8]

    assert shown(whole + 2) == [True, True]
    assert shown(whole - 10) == [True, False], "a line of its own, and the note stays"


def choose(box: QComboBox, name: str) -> None:
    """As a person does: down the open list to the name, then Return."""
    box.setFocus()
    target = box.findText(name)
    assert target >= 0, name
    while box.currentIndex() != target:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down if before < target else Qt.Key.Key_Up)
        assert box.currentIndex() != before, f"stuck before '{name}'"


def test_it_teaches_while_no_layer_is_chosen(view: InspectorView, session: Session) -> None:
    assert view._empty.isVisible()
    assert "Choose a layer" in view._empty.text()
    session.select(STEM)
    assert not view._empty.isVisible()
    assert view._name.full_text == "stem"
    assert view._kind.full_text == "Conv 3×3 · 2 → 4"


def test_it_teaches_while_nothing_is_measured(qapp: QApplication, qtbot: QtBot) -> None:
    session = make_session(analyzed=False)
    view = InspectorView(session, make_theme())
    qtbot.addWidget(view)
    view.show()
    session.select(STEM)
    assert view._hint.isVisible()
    assert "press Analyze" in view._hint.text()
    assert not view.curve.isVisible()


def test_it_says_why_a_layer_cannot_be_cut(view: InspectorView, session: Session) -> None:
    show(session, "/table/Conv")
    assert "shared with the output" in view._why.text()
    assert not view.bits.bars.isVisible()
    assert view.values.note.full_text == "cannot be cut"


def test_the_heatmap_sorts_and_fades_the_least_important_share(view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.5)
    # rows by rank: (7 8) (5 6) (3 4) (1 2); columns by mean: the second first
    shown = view.heatmap._values[np.ix_(view.heatmap._rows, view.heatmap._columns)]
    assert shown.tolist() == [[8, 7], [6, 5], [4, 3], [2, 1]]
    assert view.heatmap.gone.tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]
    assert "output 1, input 1" in view.heatmap.describe(QPointF(2, 2))
    view.order.setCurrentIndex(1)
    assert "output 0, input 0" in view.heatmap.describe(QPointF(2, 2))
    assert "goes" in view.heatmap.describe(QPointF(2, 2))


def test_dragging_a_cut_handle_sets_the_share_of_weights_below_it(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.2)
    widget = view.histogram
    # weights are spread evenly over −1..1, so the cut is at the share itself
    assert widget.cut == pytest.approx(0.2)
    start = QPoint(round(widget.handle_x()[1]), 10)
    plot = widget.plot()
    qtbot.mousePress(widget, LEFT, pos=start)
    for magnitude in (0.3, 0.5, 0.6):
        qtbot.mouseMove(widget, QPoint(round(plot.x(magnitude)), 30))
    qtbot.mouseRelease(widget, LEFT, pos=QPoint(round(plot.x(0.6)), 30))
    assert session.plan.layer(STEM).sparsity == pytest.approx(0.6, abs=0.01)
    assert session.undo_stack.count() == 2
    session.undo_stack.undo()
    assert session.plan.layer(STEM).sparsity == 0.2


def test_the_left_handle_mirrors_the_right_one(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.4)
    widget = view.histogram
    qtbot.mousePress(widget, LEFT, pos=QPoint(round(widget.handle_x()[0]), 10))
    qtbot.mouseMove(widget, QPoint(round(widget.plot().x(-0.8)), 10))
    qtbot.mouseRelease(widget, LEFT)
    assert session.plan.layer(STEM).sparsity == pytest.approx(0.8, abs=0.01)


def test_a_threshold_of_the_plan_is_where_the_handles_are(view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", threshold=0.35)
    assert view.histogram.cut == 0.35
    assert view.values.note.full_text == "35 % go"


def test_a_score_leaves_no_magnitude_to_drag(view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.5)
    assert view.histogram.cut > 0
    session.set_parameter("prune_weights", "score", "obs", "x")
    assert view.histogram.cut == 0 and not view.histogram._movable
    assert "'obs' chooses" in view.histogram.toolTip()
    assert view.values.note.full_text == "50 % go"
    session.set_parameter("prune_weights", "score", "l2", "x")
    assert view.histogram.cut > 0


def test_what_a_score_is_for_and_how_far_it_is_measured(view: InspectorView, session: Session) -> None:
    obs = Described(name="obs", label=text("Surgeon"), help=text("For repair."), unit=text("squares"))
    session.catalogue = Catalogue(scores=(obs,))
    session.catalogue_changed.emit(session.catalogue)
    session.set_score("obs")
    assert view.importance.score_note.text() == "For repair."
    assert view.importance.score_note.toolTip() == "Counted in: squares"
    session.measuring_changed.emit((0, 0))
    assert view.importance.score_note.text() == "Measuring on your samples…"
    session.measuring_changed.emit((16, 64))
    assert view.importance.score_note.text() == "Measuring on your samples: 25 %"
    session.measuring_changed.emit(None)
    assert view.importance.score_note.text() == "For repair."


def test_shares_below_a_magnitude_from_uneven_bins() -> None:
    counts, edges = np.array([10.0, 20.0, 60.0, 10.0]), np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    magnitudes, shares = magnitude_curve(counts, edges)
    assert magnitudes.tolist() == [0, 1, 2]
    assert shares.tolist() == pytest.approx([0, 0.8, 1])


def test_the_plans_point_on_the_curve_is_dragged(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "x", sparsity=0.5)
    curve = view.curve
    # 90 % less the point measured at 50 %
    assert curve.value(curve.loss_at(0.5)) == pytest.approx(89.0)
    qtbot.mousePress(curve, LEFT, pos=curve.handle().toPoint())
    for sparsity in (0.55, 0.65, 0.75):
        qtbot.mouseMove(curve, QPoint(round(curve.plot().x(sparsity)), 40))
    qtbot.mouseRelease(curve, LEFT)
    assert session.plan.layer(STEM).sparsity == pytest.approx(0.75, abs=0.01)
    assert session.undo_stack.count() == 2
    curve.setFocus()
    qtbot.keyClick(curve, Qt.Key.Key_Left)
    assert session.plan.layer(STEM).sparsity == pytest.approx(0.70, abs=0.01)


def test_bits_are_chosen_by_mouse_and_keys(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    show(session)
    bars = view.bits.bars
    # float16, 6, 5, 3 and 2 bits may be chosen too, and were not measured
    losses = {32: 0.0, 16: None, 8: 0.1, 6: None, 5: None, 4: 1.6, 3: None, 2: None}
    assert bars._choices == tuple(losses.items())
    qtbot.mouseClick(bars, LEFT, pos=bars.cell(6).center().toPoint())
    assert session.plan.layer(STEM).weight_bits == 3
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_Left)
    assert session.plan.layer(STEM).weight_bits == 4


def test_activations_of_one_layer_may_stay_float(view: InspectorView, session: Session) -> None:
    show(session)
    box = view.bits.activations
    choose(box, "float")
    assert session.plan.layer(STEM).activation_bits == 32
    assert session.plan.layer(STEM).weight_bits == 8
    choose(box, "8 bits")
    session.set_layers([STEM], "x", weight_bits=32, activation_bits=32)
    assert not box.isEnabled()
    assert "need weights of 8 bits or fewer" in box.toolTip()


def test_a_pattern_says_what_it_is_and_fixes_the_share(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    show(session)
    choose(view.pattern, "2:4")
    assert session.plan.layer(STEM).pattern == "2:4"
    assert "of each 4 weights 2 stay" in view.pattern.toolTip()
    assert view.values.note.full_text == "50 % go"
    # the handles are gone, and the curve's point does not move
    curve = view.curve
    qtbot.mousePress(curve, LEFT, pos=curve.handle().toPoint())
    qtbot.mouseMove(curve, QPoint(round(curve.plot().x(0.9)), 40))
    qtbot.mouseRelease(curve, LEFT)
    assert session.plan.exceptions[STEM].sparsity is None
    assert "fixes the share of zeros at 50 %" in curve.toolTip()
    choose(view.pattern, "Anywhere")
    assert session.plan.layer(STEM).zeros == 0


def test_one_layer_is_measured_now_and_its_points_are_replaced(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    show(session)
    assert not view.measure.isEnabled()
    assert view.measure.toolTip() == "Choose data first."
    session._take(make_data())
    for point in make_points(STEM):
        session._take(point)
    session._take(make_outcome())
    session.set_layers([STEM], "x", sparsity=0.6)
    view._scroll.ensureWidgetVisible(view.measure)
    qtbot.mouseClick(view.measure, LEFT)
    request = session._engine.sent[-1]
    assert request.layers == (STEM,)
    assert request.sparsities == (0.25, 0.5, 0.6, 0.75, 0.9)
    assert request.weight_bits == (8, 6, 5, 4, 3, 2)
    assert not view.measure.isEnabled()
    again = msgspec.structs.replace(make_points(STEM)[1], loss=7.0)
    fresh = msgspec.structs.replace(make_points(STEM)[-1], weight_bits=3, loss=9.0)
    for value in (make_outcome(50.0), again, fresh):
        session._on_event(m.Partial(id=session.job.id, value=value))
    session._on_event(m.Done(id=session.job.id, value=Analysis(baseline=make_outcome(50.0))))
    points = session.points[STEM]
    assert len(points) == 7
    assert [point.loss for point in points if point.sparsity == 0.5] == [7.0]
    assert dict(view.bits.bars._choices)[3] == 9.0
    # the original's figures stay those of the analysis, and one layer is no analysis
    assert session.baseline.primary.value == 90.0
    assert not session.analyzed
    assert view.measure.isEnabled()


def test_keep_as_is_and_reset(qtbot: QtBot, view: InspectorView, session: Session) -> None:
    show(session)
    assert not view.reset.isEnabled()
    view._scroll.ensureWidgetVisible(view.keep)
    qtbot.mouseClick(view.keep, LEFT)
    assert session.plan.layer(STEM).keep
    assert view.keep.isChecked()
    qtbot.mouseClick(view.reset, LEFT)
    assert session.plan.exceptions == {}
    assert not view.keep.isChecked()


def test_the_score_menu_comes_from_the_catalogue(view: InspectorView, session: Session) -> None:
    scores = tuple(
        Described(name=name, label=text(name.title()), help=text("")) for name in ("magnitude", "neuron")
    )
    session.catalogue = Catalogue(scores=scores)
    session.catalogue_changed.emit(session.catalogue)
    assert [view.score.itemText(index) for index in range(2)] == ["Magnitude", "Neuron"]
    view.score.setCurrentIndex(1)
    view.score.activated.emit(1)
    assert session.score == "neuron"


def test_a_large_heatmap_is_built_and_painted_fast(qapp: QApplication, qtbot: QtBot) -> None:
    session = make_session()
    widget = Heatmap(make_theme())
    qtbot.addWidget(widget)
    widget.resize(330, 300)
    values = np.random.default_rng(0).random((512, 512), np.float32)
    large = make_view(STEM)
    large = type(large)(
        **{
            **{name: getattr(large, name) for name in large.__struct_fields__},
            "heatmap": Array.of(values),
            "rows_sorted": Array.of(np.arange(512)),
        }
    )
    widget.show_view(large, session.model.layers[0])
    began = time.process_time()
    for step in range(5):
        widget.set_share(0.1 * step + 0.05)
        widget.grab()
    assert (time.process_time() - began) / 5 < 0.05


def test_a_picture_that_takes_long_says_that_it_comes(qapp: QApplication, qtbot: QtBot) -> None:
    """Weights of hundreds of megabytes take seconds; most layers come before a word would be read."""
    heatmap = Heatmap(make_theme())
    qtbot.addWidget(heatmap)
    heatmap.resize(300, 130)
    heatmap.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its ring would come while the word is waited for
    heatmap.show()
    heatmap.show_view(None, None)
    empty = heatmap.grab().toImage()
    heatmap.show_view(None, make_session().model.layers[0])
    assert heatmap.grab().toImage() == empty
    qtbot.waitUntil(lambda: heatmap.grab().toImage() != empty)
    heatmap.show_view(None, None)
    assert heatmap.grab().toImage() == empty


def test_a_heatmap_whose_layer_is_gone_has_nothing_to_copy(qapp: QApplication, qtbot: QtBot) -> None:
    widget = Heatmap(make_theme())
    qtbot.addWidget(widget)
    layer = make_session().model.layers[0]
    widget.show_view(make_view(STEM), layer)
    assert len(widget.table()) > 1
    widget.show_view(None, None)
    assert [len(row) for row in widget.table()] == [1], "the heading of the rows alone"
    assert widget.gone.size == 0


def test_a_spike_of_zeros_does_not_flatten_the_histogram(view: InspectorView, session: Session) -> None:
    session.select(STEM)
    counts = np.full(20, 5, np.int64)
    counts[10] = 5000
    spiky = msgspec.structs.replace(make_view(STEM), histogram=Array.of(counts))
    session.layer_view = spiky
    session.layer_view_changed.emit(spiky)
    assert view.histogram.plot().y_high == 15
    view.histogram.grab()


def test_blocks_and_zero_points_are_chosen_for_one_layer(view: InspectorView, session: Session) -> None:
    show(session)
    session.set_layers([STEM], "Bits", weight_bits=32, activation_bits=32)
    # float weights have no scales
    assert not view.bits.scales.isEnabled() and "no scales" in view.bits.scales.toolTip()
    session.set_layers([STEM], "Bits", weight_bits=4)
    assert view.bits.scales.isEnabled() and view.bits.scales.currentText() == "Each channel"
    choose(view.bits.scales, "Blocks of 64")
    assert (session.plan.layer(STEM).granularity, session.plan.layer(STEM).block_size) == ("block", 64)
    assert "64 weights has a scale of its own" in view.bits.scales.toolTip()
    choose(view.bits.steps, "Zero point")
    assert session.plan.layer(STEM).symmetric is False
    # a block of another size, as a plan from elsewhere may have it
    session.set_layers([STEM], "Scales", block_size=48)
    assert view.bits.scales.currentText() == "Blocks of 48"


def test_float16_and_shared_values_are_chosen_for_one_layer(
    qtbot: QtBot, view: InspectorView, session: Session
) -> None:
    show(session)
    session.set_layers([STEM], "Bits", weight_bits=8, activation_bits=8)
    bars = view.bits.bars
    view._scroll.ensureWidgetVisible(bars)
    at = next(index for index, (bits, _) in enumerate(bars._choices) if bits == 16)
    qtbot.mouseClick(bars, LEFT, pos=bars.cell(at).center().toPoint())
    stem = session.plan.layer(STEM)
    assert (stem.weight_bits, stem.activation_bits) == (16, 32)
    # integer activations cannot stand beside them, and the box says why
    assert not view.bits.activations.isEnabled()
    assert "float16 weights compute in float" in view.bits.activations.toolTip()
    assert not view.bits.scales.isEnabled()
    choose(view.bits.steps, "16 values")
    stem = session.plan.layer(STEM)
    assert (stem.clusters, stem.weight_bits) == (16, 4)
    assert view.bits.activations.isEnabled() and bars._current == 4
    assert "one of 16 values found for its layer" in view.bits.steps.toolTip()
    choose(view.bits.steps, "Symmetric")
    stem = session.plan.layer(STEM)
    # on their way the arrow keys came by 256 values, which take 8 bits: those stay
    assert (stem.clusters, stem.weight_bits, stem.symmetric) == (0, 8, True)
