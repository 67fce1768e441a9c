"""What the graph is painted by: differences, weights, few pixels for many boxes; and saved pictures."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from test_graph_groups import LayingOut

from core import messages as m
from core.context import Context
from core.estimate import layer_bytes
from core.formats import open_model
from core.graph.drawing import Drawing
from core.values import LayerPlan, LayerWeights, Plan, WeightFigures
from core.weight_figures import weight_figures
from gui.models.arrays import distinct, distinct_rows, percentiles
from gui.models.graph_items import GraphItems
from gui.models.rollup import RollUps
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_figures import FIGURES, figure_name, resolve
from gui.views.graph_view import GraphView
from gui.widgets.far_painter import FarLook, draw_boxes, strongest_on_pixels


@pytest.fixture
def opened(digits_resnet: Path):
    return open_model(digits_resnet, Context())


@pytest.fixture
def theme(qapp):
    return Theme(qapp)


@pytest.fixture
def session(qapp, opened, monkeypatch):
    made = Session(LayingOut({"layers": Drawing(opened, "layers")}))
    monkeypatch.setattr(made, "_ask_inspect", lambda: None)
    return made


@pytest.fixture
def view(qtbot, session, opened, theme):
    view = GraphView(session, theme)
    qtbot.addWidget(view)
    view.resize(420, 700)
    with qtbot.waitExposed(view):
        view.show()
    drawing = Drawing(opened, "layers")
    session._take(opened.info)
    session._take(drawing.whole())
    session._take(drawing.groups)
    return view


# ---------------------------------------------------------------- differences


def test_bits_against_the_original_are_a_difference_with_its_zero_in_the_middle(view, session, theme, qtbot):
    """Eight bits everywhere instead of 32 are −24; the one layer that stays is exactly the middle."""
    kept = session.model.layers[0].id
    session.replace_plan(Plan(defaults=LayerPlan(weight_bits=8)).with_layer(kept, weight_bits=None), "x")
    session.set_layers([kept], "keep", weight_bits=32)
    view.figure_box.setCurrentIndex(view.figure_box.findData("bits"))
    view.comparison.choose("original")
    figures = resolve(session, "bits", view.comparison.against)
    other = session.model.layers[2].id
    assert figures.values[kept] == 0 and figures.shares[kept] == 0.5
    assert figures.values[other] == -24
    # the scale ends at the next round number on both sides
    assert (figures.legend.low, figures.legend.high) == ("−30 b", "+30 b")
    assert figures.shares[other] == pytest.approx(0.5 - 24 / 60)
    qtbot.wait(80)
    assert view.legend.legend.scale == "difference"
    assert view.canvas.look.scale == "difference"
    middle, end = theme.scale_color("difference", 0.5), theme.scale_color("difference", 0.1)
    assert abs(middle.blue() - middle.red()) < 12 and end.blue() > end.red() + 40


def test_sizes_against_the_original_add_up_to_what_is_saved(view, session):
    session.replace_plan(Plan(defaults=LayerPlan(weight_bits=8)), "x")
    view.comparison.choose("original")
    figures = resolve(session, "size", view.comparison.against)
    assert figures.rule == "sum"

    saved = sum(
        layer_bytes(layer, session.plan.layer(layer.id)) - layer.bytes for layer in session.model.layers
    )
    assert sum(figures.values.values()) == pytest.approx(saved)
    assert all(text.startswith("−") for text in figures.texts.values())


def test_figures_that_no_plan_changes_stay_as_they_are(view, session):
    view.comparison.choose("original")
    assert resolve(session, "time", view.comparison.against).scale == "damage"


# ---------------------------------------------------------------- weights


def test_weights_are_asked_for_when_somebody_looks(view, session, opened, qtbot):
    engine = session._engine
    view.figure_box.setCurrentIndex(view.figure_box.findData("error"))
    assert "looking" in resolve(session, "error").legend.state
    qtbot.waitUntil(lambda: any(isinstance(one, m.WeighLayers) for one in engine.sent), timeout=3000)
    answer = weight_figures(opened, session.plan, Context())
    engine.event.emit(m.Done(id=engine._last, value=answer))
    layer = answer.layers[1]
    figures = resolve(session, "error")
    assert figures.values[layer.layer_id] == pytest.approx(10 ** (-layer.sqnr_db / 20))
    assert "dB" in figures.texts[layer.layer_id]
    ranges = resolve(session, "range")
    assert ranges.values[layer.layer_id] == max(-layer.minimum, layer.maximum)


def test_a_range_is_written_with_three_figures(session, opened):
    layer = opened.info.layers[0].id
    session._take(opened.info)
    one = LayerWeights(layer_id=layer, minimum=-0.01234, maximum=0.2)
    session.weights._figures = WeightFigures(plan=session.plan, layers=(one,))
    session.weights._by_layer = {layer: one}
    assert resolve(session, "range").texts[layer] == "from −0.0123 to 0.200"


def test_every_figure_has_a_name_and_a_legend(view, session):
    for figure in FIGURES:
        assert figure_name(figure)
        legend = resolve(session, figure).legend
        assert legend.caption and (legend.swatches or legend.high or not legend.known)


# ---------------------------------------------------------------- from far away


def test_of_boxes_on_one_pixel_the_strongest_is_drawn():
    left, top = np.array([0.2, 0.7, 5.0]), np.array([3.1, 3.9, 3.0])
    assert sorted(strongest_on_pixels(left, top, np.array([0.1, 0.9, -1.0])).tolist()) == [1, 2]


def test_what_is_there_twice_is_told_once_with_its_first_place():
    values, first = distinct(np.array([7, 3, 7, 5, 3]))
    assert values.tolist() == [3, 5, 7] and first.tolist() == [1, 3, 0]
    lines = np.array([[2, 0], [1, 9], [2, 0], [1, 8]])
    assert distinct_rows(lines).tolist() == [[1, 8], [1, 9], [2, 0]]
    assert percentiles(np.array([[4.0, 1.0], [3.0, 2.0]]), (0, 50, 90)).tolist() == pytest.approx(
        [1, 2.5, 3.7]
    )
    nothing = np.empty((0, 4), dtype=np.int64)
    assert len(distinct_rows(nothing)) == len(distinct(nothing[:, 0])[0]) == 0


def test_a_far_picture_shows_the_hot_box_among_a_thousand_cold_ones(theme, opened):
    items = GraphItems(Drawing(opened, "layers").whole())
    hot = opened.info.layers[3].id
    shares = {layer.id: 0.0 for layer in opened.info.layers} | {hot: 1.0}
    look = FarLook(items, shares, RollUps(), theme, "damage")
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    rects = np.zeros((len(items.nodes), 4)) + 3.0  # all of them on one pixel
    draw_boxes(painter, rects, look, np.arange(len(rects)), 1.0)
    painter.end()
    assert QColor(image.pixel(3, 3)).name() == theme.scale_color("damage", 1.0).name()


def test_pieces_of_edges_leave_out_the_jumps_between_edges(opened):
    items = GraphItems(Drawing(opened, "nodes").whole())
    pieces = items.segments_in(QRectF(-1e9, -1e9, 2e9, 2e9))
    expected = [
        (*start, *end)
        for edge in items.edges
        for start, end in zip(edge.points, edge.points[1:], strict=False)
    ]
    assert pieces.tolist() == [list(piece) for piece in expected]


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_whole_graph_is_saved_as_a_picture(view, session, tmp_path, qtbot, ending):
    path = tmp_path / f"graph.{ending}"
    view.figure_box.setCurrentIndex(view.figure_box.findData("size"))
    qtbot.wait(80)
    with qtbot.waitSignal(view.export.saved, timeout=20_000):
        view.export.save(str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    bounds = view.canvas.items.bounds
    if ending == "png":
        image = QImage(str(path))
        assert image.width() == pytest.approx(2 * (bounds.width() + 32), abs=2)
        # the last layer's box has its colour of the scale
        layer = session.model.layers[-1].id
        rect = view.canvas.items.rect(view.canvas.items.by_layer[layer])
        spot = (rect.topRight() - bounds.topLeft()).toPoint() * 2
        color = QColor(image.pixel(spot.x() + 32 - 12, spot.y() + 32 + 8))
        assert color.name() == view._theme.scale_color("damage", view._figures.shares[layer]).name()
    else:
        drawing = xml.etree.ElementTree.parse(path).getroot()
        words = [node.text for node in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert session.model.layers[0].label in words


def test_a_picture_that_cannot_be_written_is_told(view, session, tmp_path, qtbot):
    with qtbot.waitSignal(session.problem, timeout=5000) as told:
        view.export.save(str(tmp_path / "nowhere" / "graph.svg"))
    assert "picture" in str(told.args[0].what)
