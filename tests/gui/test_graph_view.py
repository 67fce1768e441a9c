"""The graph panel, driven by real events over a small network with a skip connection."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from core.values import (
    Graph,
    GraphEdge,
    GraphNode,
    Layer,
    LayerTime,
    Measurement,
    ModelInfo,
    SensitivityPoint,
    Timings,
)
from gui.engine_client import EngineClient
from gui.i18n import PSEUDO, Translations
from gui.models.damage import nice_ceiling
from gui.models.graph_items import GraphItems, lanes, rounded
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_figures import resolve
from gui.views.graph_view import GraphView
from gui.widgets.map_corner import best_corner

NAMES = ("stem", "block.conv1", "block.conv2", "fc")
BYTES = (100, 200, 300, 400)


def layer(name: str, size: int, group: str | None = None) -> Layer:
    return Layer(
        id=name,
        label=name,
        op="Gemm" if name == "fc" else "Conv",
        kind="Dense" if name == "fc" else "Conv 3×3",
        weights=(f"{name}.weight",),
        shape=(8, 4, 3, 3),
        out_channels=8,
        in_channels=4,
        params=size // 4,
        bytes=size,
        group=group,
    )


def model(groups: tuple[str | None, ...] = (None,) * 4) -> ModelInfo:
    layers = tuple(layer(*given) for given in zip(NAMES, BYTES, groups, strict=True))
    return ModelInfo(
        path="/nowhere/net.onnx",
        name="net",
        sha256="0" * 64,
        size_bytes=1200,
        opset=17,
        ir_version=8,
        layers=layers,
        node_count=5,
    )


def box(name: str, y: float, op: str = "Conv", layer_id: str | None = None, x: float = 100) -> GraphNode:
    return GraphNode(id=name, label=name, op=op, layer_id=layer_id, x=x, y=y, width=150, height=28)


def edge(source: str, target: str, *points: tuple[float, float]) -> GraphEdge:
    return GraphEdge(source=source, target=target, points=points)


def graph(detail: str = "layers") -> Graph:
    """stem, conv1, conv2, add, fc in a column; stem also reaches add by a skip at the right."""
    nodes = (
        box("stem", 20, layer_id="stem"),
        box("block.conv1", 60, layer_id="block.conv1"),
        box("block.conv2", 100, layer_id="block.conv2"),
        box("add", 140, op="Add"),
        box("fc", 180, op="Gemm", layer_id="fc"),
    )
    edges = (
        edge("stem", "add", (100, 34), (100, 38), (190, 38), (190, 120), (100, 120), (100, 126)),
        edge("stem", "block.conv1", (100, 34), (100, 46)),
        edge("block.conv1", "block.conv2", (100, 74), (100, 86)),
        edge("block.conv2", "add", (100, 114), (100, 126)),
        edge("add", "fc", (100, 154), (100, 166)),
    )
    return Graph(detail=detail, nodes=nodes, edges=edges, width=200, height=200)


def chain(count: int, detail: str = "layers") -> Graph:
    nodes = tuple(box(f"n{i}", 20 + 40 * i, layer_id=None) for i in range(count))
    edges = tuple(
        edge(f"n{i}", f"n{i + 1}", (100, 34 + 40 * i), (100, 46 + 40 * i)) for i in range(count - 1)
    )
    return Graph(detail=detail, nodes=nodes, edges=edges, width=200, height=40 * count)


def point(layer_id: str, loss: float, unit: str = "%", **settings) -> SensitivityPoint:
    measurement = Measurement(metric="top1", value=90 - loss, unit=unit, count=1000)
    return SensitivityPoint(layer_id=layer_id, measurement=measurement, loss=loss, **settings)


@pytest.fixture
def theme(qapp):
    return Theme(qapp)


@pytest.fixture
def session(qapp):
    return Session(EngineClient())


@pytest.fixture
def view(qtbot, session, theme, monkeypatch):
    # the inspector's request would start the engine, which nothing here needs
    monkeypatch.setattr(session, "_ask_inspect", lambda: None)
    session._inspection._timer.timeout.disconnect()
    view = GraphView(session, theme)
    qtbot.addWidget(view)
    view.resize(320, 560)
    with qtbot.waitExposed(view):
        view.show()
    return view


@pytest.fixture
def drawn(view, session, qtbot):
    session._take(model())
    session._take(graph())
    return view


def place(view: GraphView, name: str) -> QPoint:
    """Where a node is on the canvas, in pixels."""
    items = view.canvas.items
    return view.canvas.to_view(items.rect(items.by_id[name]).center()).toPoint()


def pixels(view: GraphView) -> QImage:
    return view.canvas.viewport().grab().toImage()


def color_beside(view: GraphView, name: str):
    """The colour of a box between its name and the bar along its lower edge."""
    spot = place(view, name) + QPoint(0, round(9 * view.canvas.zoom))
    return pixels(view).pixelColor(spot)


def click(qtbot, view: GraphView, name: str) -> None:
    qtbot.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place(view, name))


def wheel(view: GraphView, at: QPoint, delta: int, modifiers=Qt.KeyboardModifier.ControlModifier) -> None:
    viewport = view.canvas.viewport()
    QApplication.sendEvent(
        viewport,
        QWheelEvent(
            QPointF(at),
            QPointF(viewport.mapToGlobal(at)),
            QPoint(),
            QPoint(0, delta),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


# ---------------------------------------------------------------- states


def test_without_a_model_it_says_what_to_do(view):
    assert view.empty.isVisible()
    assert "Open a model" in view.empty.text()
    assert not view.search.isEnabled()


def test_between_model_and_graph_it_says_that_it_is_at_work(view, session):
    session._take(model())
    assert view.empty.isVisible()
    assert "Laying out" in view.empty.text()
    session._take(graph())
    assert not view.empty.isVisible()


def test_all_operations_can_be_asked_for_once_they_are_laid_out(drawn, session, qtbot):
    assert not drawn.all_button.isEnabled()
    session._take(chain(7, "nodes"))
    assert drawn.all_button.isEnabled()
    qtbot.mouseClick(drawn.all_button, Qt.MouseButton.LeftButton)
    assert len(drawn.canvas.items.nodes) == 7
    assert session.layouts.shown == "nodes", "the next model's operations are drawn first"
    qtbot.mouseClick(drawn.all_button, Qt.MouseButton.LeftButton)
    assert len(drawn.canvas.items.nodes) == 5
    assert session.layouts.shown == "layers"


# ---------------------------------------------------------------- one selection


def test_a_click_on_a_layer_selects_it(drawn, session, qtbot):
    click(qtbot, drawn, "block.conv2")
    assert session.selection == "block.conv2"


def test_a_click_on_another_operation_leaves_the_selection(drawn, session, qtbot):
    click(qtbot, drawn, "stem")
    click(qtbot, drawn, "add")
    assert session.selection == "stem"


def test_a_selection_from_elsewhere_is_outlined_in_the_accent_colour(drawn, session, theme):
    before = pixels(drawn)
    session.select("fc")
    after = pixels(drawn)
    rect = drawn.canvas.items.rect(drawn.canvas.items.by_id["fc"])
    on_border = drawn.canvas.to_view(QPointF(rect.center().x(), rect.bottom())).toPoint()
    assert before.pixelColor(on_border) != theme.color("accent")
    assert after.pixelColor(on_border) == theme.color("accent")


def test_a_selection_out_of_view_is_scrolled_to(view, session):
    session._take(model())
    long = chain(60)
    far = GraphNode(id="fc", label="fc", op="Gemm", layer_id="fc", x=100, y=2400, width=150, height=28)
    session._take(Graph(detail="layers", nodes=(*long.nodes[:-1], far), edges=(), width=200, height=2420))
    shown = view.canvas.area()
    assert not shown.contains(QPointF(100, 2400))
    session.select("fc")
    assert view.canvas.area().contains(QRectF(25, 2386, 150, 28))
    view.resize(view.width() + 20, view.height() - 30)  # as when a legend takes two lines
    QApplication.processEvents()
    assert view.canvas.area().contains(QRectF(25, 2386, 150, 28))


# ---------------------------------------------------------------- colours


def test_unmeasured_layers_are_neutral_and_the_legend_says_so(drawn):
    assert drawn._figures.shares == {}
    assert drawn.legend.legend.state == "not measured yet"
    assert not drawn.legend.legend.known


def test_sensitivity_colours_by_points_lost_on_an_absolute_scale(drawn, session, theme, qtbot):
    session._take(point("stem", 2.0, sparsity=0.5))
    session._take(point("stem", 4.0, weight_bits=4))
    session._take(point("fc", 1.0, weight_bits=4))
    qtbot.waitUntil(lambda: len(drawn._figures.shares) == 2, timeout=1000)
    # the worst is 4 points, so the scale ends at 4: stem at its end, fc at a quarter
    assert drawn._figures.shares == {"stem": 1.0, "fc": 0.25}
    assert (drawn.legend.legend.low, drawn.legend.legend.high) == ("0", "4")
    assert drawn.legend.legend.state == "2 of 4 layers measured"
    assert color_beside(drawn, "stem") == theme.scale_color("damage", 1.0)
    assert color_beside(drawn, "fc") == theme.scale_color("damage", 0.25)


def test_the_worst_layer_of_a_robust_network_is_not_painted_as_the_worst(drawn, session, qtbot):
    session._take(point("stem", 0.2, sparsity=0.5))
    qtbot.waitUntil(lambda: bool(drawn._figures.shares), timeout=1000)
    assert drawn._figures.shares["stem"] == pytest.approx(0.2)
    assert drawn.legend.legend.high == "1"


def test_size_time_sparsity_and_bits(session, qapp):
    session._take(model())
    sizes = resolve(session, "size")
    # 100, 200, 300, 400 of 1000 bytes: at most 40 %, so the scale ends at 40 %
    assert sizes.shares == pytest.approx({"stem": 0.25, "block.conv1": 0.5, "block.conv2": 0.75, "fc": 1.0})
    assert sizes.texts["fc"] == "40.0 %"
    assert resolve(session, "time").legend.state == "not measured yet"
    session._take(
        Timings(layers=(LayerTime(layer_id="fc", time_ms=1.0, share=0.3),), total_ms=3.3, threads=2)
    )
    assert resolve(session, "time").shares == pytest.approx(
        {"fc": 1.0, "stem": 0.0, "block.conv1": 0.0, "block.conv2": 0.0}
    )
    session.set_layers(["stem"], "zeros", sparsity=0.7, weight_bits=4)
    session.set_layers(["fc"], "cut", threshold=0.1)
    zeros = resolve(session, "sparsity")
    assert zeros.shares["stem"] == 0.7
    assert zeros.texts["stem"] == "70 %"
    assert "fc" not in zeros.shares  # a threshold's share is not known in advance
    bits = resolve(session, "bits")
    assert (bits.bits["stem"], bits.bits["fc"]) == (4, 8)
    assert bits.shares["stem"] > bits.shares["fc"]
    assert [swatch.label for swatch in bits.legend.swatches] == ["4", "8", "32"]


def test_a_layer_that_allows_no_change_keeps_its_bits_and_zeros_whatever_the_plan_says(session):
    fixed = msgspec.structs.replace(layer("fc", 400), prunable=False, quantizable=False, sparsity=0.25)
    session._take(msgspec.structs.replace(model(), layers=(layer("stem", 100), fixed)))
    session.set_defaults("all", sparsity=0.5, weight_bits=4)
    assert resolve(session, "bits").bits == {"stem": 4, "fc": 32}
    assert resolve(session, "sparsity").shares == {"stem": 0.5, "fc": 0.25}


def test_the_menu_changes_the_colours(drawn, qtbot, theme):
    drawn.figure_box.setFocus()
    qtbot.keyClick(drawn.figure_box, Qt.Key.Key_Down)
    assert drawn.figure == "size"
    qtbot.waitUntil(lambda: bool(drawn._figures.shares), timeout=1000)
    assert color_beside(drawn, "fc") == theme.scale_color("damage", 1.0)


def test_a_dark_theme_repaints(drawn, theme):
    light = pixels(drawn)
    theme.choose("dark")
    assert pixels(drawn) != light
    theme.choose("light")


def test_layers_that_share_weights_are_marked(view, session):
    session._take(model((None, "g", None, "g")))
    session._take(graph())
    assert view.canvas.look.coupled == {"block.conv1", "fc"}
    assert "changed together" in view.describe(view.canvas.items.by_id["fc"])
    assert "changed together" not in view.describe(view.canvas.items.by_id["stem"])


def test_the_tooltip_is_plain_text_with_full_name_kind_shape_and_parameters(drawn):
    words = drawn.describe(drawn.canvas.items.by_id["block.conv1"])
    assert words.splitlines()[0] == "block.conv1"
    assert "Conv 3×3" in words
    assert "8 × 4 × 3 × 3" in words
    assert "50 parameters" in words
    assert drawn.describe(drawn.canvas.items.by_id["add"]).splitlines() == ["add", "Add"]


# ---------------------------------------------------------------- moving about


def test_ctrl_and_wheel_zoom_about_the_cursor(view, session):
    session._take(model())
    session._take(chain(60))
    view.canvas.centre_on(QPointF(100, 1200))
    spot = place(view, "n30")
    for _ in range(4):
        wheel(view, spot, 120)
    assert view.canvas.zoom == pytest.approx(1.25**4)
    moved = place(view, "n30") - spot
    assert abs(moved.y()) <= 4  # scroll bars are whole pixels


def test_the_plain_wheel_scrolls(view, session):
    session._take(model())
    session._take(chain(60))
    wheel(view, QPoint(100, 100), -120, Qt.KeyboardModifier.NoModifier)
    assert view.canvas.verticalScrollBar().value() > 0
    assert view.canvas.zoom == pytest.approx(1.0)


def test_a_drag_pans_and_selects_nothing(view, session, qtbot):
    session._take(model())
    long = chain(60)
    top = GraphNode(id="stem", label="stem", op="Conv", layer_id="stem", x=100, y=20, width=150, height=28)
    session._take(
        Graph(detail="layers", nodes=(top, *long.nodes[1:]), edges=long.edges, width=200, height=2400)
    )
    viewport = view.canvas.viewport()
    start = place(view, "stem") + QPoint(0, 200)
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 11):
        qtbot.mouseMove(viewport, start - QPoint(0, 12 * step))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start - QPoint(0, 120))
    assert view.canvas.verticalScrollBar().value() == 120
    assert session.selection is None


def test_buttons_and_keys_zoom_and_fit(view, session, qtbot):
    session._take(model())
    session._take(chain(60))
    view.canvas.setFocus()
    qtbot.keyClicks(view.canvas, "+")
    assert view.canvas.zoom == pytest.approx(1.25)
    qtbot.keyClicks(view.canvas, "-")
    assert view.canvas.zoom == pytest.approx(1.0)
    qtbot.keyClicks(view.canvas, "0")
    assert view.canvas.fits()
    assert not view.minimap.isVisible()
    qtbot.mouseClick(view.in_button, Qt.MouseButton.LeftButton)
    assert view.minimap.isVisible()
    qtbot.mouseClick(view.fit_button, Qt.MouseButton.LeftButton)
    assert view.canvas.fits()


def test_a_click_in_the_minimap_goes_there(view, session, qtbot):
    session._take(model())
    session._take(chain(200))
    spot = QPoint(view.minimap.width() // 2, round(view.minimap.height() * 0.75))
    qtbot.mouseClick(view.minimap, Qt.MouseButton.LeftButton, pos=spot)
    middle = view.canvas.area().center().y()
    assert 0.65 * 8000 < middle < 0.85 * 8000


def test_arrow_keys_follow_the_edges(drawn, session, qtbot):
    drawn.canvas.setFocus()
    chosen = []
    for key in (Qt.Key.Key_Down,) * 5 + (Qt.Key.Key_Up,) * 2:
        qtbot.keyClick(drawn.canvas, key)
        chosen.append(drawn.canvas.items.nodes[drawn.canvas.current].id)
    # the skip connection from stem to add is passed over for the straight way
    assert chosen == ["stem", "block.conv1", "block.conv2", "add", "fc", "add", "block.conv2"]
    assert session.selection == "block.conv2"


# ---------------------------------------------------------------- search


def test_search_marks_matches_and_enter_goes_round_them(drawn, session, qtbot):
    drawn.canvas.setFocus()
    qtbot.keyClick(drawn.canvas, Qt.Key.Key_Slash)
    qtbot.waitUntil(drawn.search.hasFocus, timeout=1000)
    qtbot.keyClicks(drawn.search, "block")
    assert drawn.found.text() == "2"
    visited = []
    for _ in range(3):
        qtbot.keyClick(drawn.search, Qt.Key.Key_Return)
        visited.append(session.selection)
    assert visited == ["block.conv1", "block.conv2", "block.conv1"]
    assert drawn.found.text() == "1 of 2"
    qtbot.keyClick(drawn.search, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert session.selection == "block.conv2"
    qtbot.keyClick(drawn.search, Qt.Key.Key_Escape)
    assert drawn.search.text() == ""
    assert drawn.canvas.look.matches is None


def test_search_finds_by_kind_too_and_says_when_there_is_none(drawn, qtbot):
    qtbot.keyClicks(drawn.search, "dense")
    assert drawn.found.text() == "1"
    drawn.search.clear()
    qtbot.keyClicks(drawn.search, "zzz")
    assert drawn.found.text() == "none"


def test_ctrl_f_goes_to_the_search(drawn, qtbot):
    drawn.canvas.setFocus()
    qtbot.keyClick(drawn.canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(drawn.search.hasFocus, timeout=1000)


# ---------------------------------------------------------------- language, speed, geometry


def test_every_word_changes_with_the_language(drawn, qapp):
    translations = Translations(qapp, "en")
    try:
        translations.choose(PSEUDO)
        QApplication.sendPostedEvents(None, QEvent.Type.LanguageChange)
        for words in (
            drawn.heading.full_text,
            drawn.by_label.text(),
            drawn.figure_box.itemText(0),
            drawn.search.placeholderText(),
            drawn.all_button.text(),
            drawn.fit_button.toolTip(),
            drawn.legend.legend.caption,
            drawn.canvas.accessibleName(),
        ):
            assert words.startswith("⟦"), words
    finally:
        translations.choose("en")


def test_three_thousand_nodes_are_drawn_in_half_a_second(view, session):
    large = chain(3000)
    session._take(model())
    start = time.perf_counter()
    session._take(large)
    view.canvas.fit()
    view.canvas.viewport().repaint()
    assert time.perf_counter() - start < 0.5


def test_a_bend_is_rounded_within_half_of_its_sides():
    path = rounded(((0, 0), (0, 6), (40, 6)))
    assert path.currentPosition() == QPointF(40, 6)
    # the short side is 6 long, so the curve begins at its middle, 3 below the start
    assert path.elementAt(1).y == pytest.approx(3)
    assert path.boundingRect() == QRectF(0, 0, 40, 6)


def test_neighbours_and_places():
    items = GraphItems(graph())
    assert items.at(QPointF(100, 60)) == 1
    assert items.at(QPointF(300, 60)) is None
    assert [items.below(i) for i in range(5)] == [1, 2, 3, 4, None]
    assert [items.above(i) for i in range(5)] == [None, 0, 1, 2, 3]
    assert items.bounds == QRectF(25, 6, 165, 188)


def test_a_wide_graph_is_first_seen_at_its_first_row(view, session):
    session._take(model())
    top = box("in", 20, x=3000)
    wide = tuple(box(f"w{i}", 80, x=100 + 170 * i) for i in range(40))
    session._take(Graph(detail="layers", nodes=(top, *wide), edges=(), width=7000, height=100))
    shown = view.canvas.area()
    assert shown.contains(QPointF(3000, 20))
    assert abs(shown.center().x() - 3000) < 5
    # the minimap is as wide as it may be: no empty strip beside the drawing makes it look cut off
    assert view.canvas.viewport().geometry().left() == 0
    # and what it lies over can be read
    over = view.minimap.grab().toImage()
    view.minimap.set_over(False)
    beside = view.minimap.grab().toImage()
    assert over != beside


def test_the_minimap_gives_way_to_what_it_would_hide(view, session, qtbot):
    session._take(model())
    top = box("in", 20, x=3000)
    wide = tuple(box(f"w{i}", 80, x=100 + 170 * i) for i in range(40))
    low = box("low", 600, x=2950)
    session._take(Graph(detail="layers", nodes=(top, *wide, low), edges=(), width=7000, height=4000))

    def hides(index: int) -> bool:
        rect, canvas = view.canvas.items.rect(index), view.canvas
        seen = QRectF(canvas.to_view(rect.topLeft()), canvas.to_view(rect.bottomRight()))
        there = view.minimap.geometry().translated(-canvas.viewport().geometry().topLeft())
        return seen.intersects(QRectF(there))

    # the lowest box comes to where the map lies: at the left below
    place = view.minimap.geometry()
    lowest = len(wide) + 1
    view.canvas.hold(lowest, QPointF(place.center()))
    view.canvas.view_moved.emit()
    assert hides(lowest), "not while the view moves"
    qtbot.waitUntil(lambda: not hides(lowest))
    assert not any(hides(index) for index in range(lowest))
    moved = view.minimap.geometry()
    assert moved != place and view.canvas.rect().contains(moved)


def test_the_map_stays_where_it_is_unless_another_corner_hides_far_less():
    corners = [QRectF(0, 0, 10, 10), QRectF(90, 0, 10, 10)]
    few, as_many, all_of_it = ([90 + 10 - w, 0, 100, 10] for w in (4, 6, 10))
    here = [0, 0, 10, 10]
    assert best_corner(corners, np.array([here, few]), None, 0) == 1
    assert best_corner(corners, np.array([here, as_many]), None, 0) == 0
    assert best_corner(corners, np.array([here, all_of_it]), 0, 0) == 1, "never over the chosen box"
    assert best_corner(corners, np.zeros((0, 4)), None, 1) == 1


def test_brackets_that_overlap_get_lanes_of_their_own():
    assert lanes([(0, 10), (5, 20), (12, 30), (40, 50)]) == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 0), (0.2, 0.2), (1.2, 1.5), (3.3, 4), (7, 8), (9, 10), (31, 40)]
)
def test_scales_end_at_a_round_number(value, top):
    assert nice_ceiling(value) == pytest.approx(top)


def test_branches_far_apart_do_not_leave_the_input_alone_in_the_first_look(view, session):
    """Two branches 6,000 to the left and to the right of an input: the first layer is looked at."""
    session._take(model())
    nodes = (
        box("input", 20, "Input", None, 6000),
        box("stem", 400, "Conv", "stem", 200),
        box("block.conv1", 500, "Conv", "block.conv1", 200),
        box("fc", 400, "Gemm", "fc", 11800),
        box("output", 3000, "Output", None, 6000),
    )
    session._take(Graph(detail="layers", nodes=nodes, edges=(), width=12000, height=3100))
    assert view.canvas.area().contains(QPointF(200, 400))
    assert view.canvas.area().contains(QPointF(200, 500))
