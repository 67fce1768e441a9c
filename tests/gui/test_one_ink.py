"""Colour never alone: seen in one ink, every state still differs from the others."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from layer_values import accuracy, make_layer, make_points, make_session, make_view
from one_ink import LEAST_PIXELS, LEAST_STEP, PAPER, OneInk, all_differ, painted, seen
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QPushButton, QTabBar, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from core.values import (
    FLOAT_BITS,
    Array,
    BestPlan,
    ClassChange,
    Comparison,
    Graph,
    GraphNode,
    LayerPlan,
    Plan,
    Preset,
    TrainingPoint,
    text,
)
from gui import format as fmt
from gui.models.graph_items import GraphItems
from gui.models.overview_table import Cell
from gui.theme import DAMAGE, DIFFERENCE, VIRIDIS, Theme, _luminance, lookup_table, style_sheet
from gui.views.steps_view import StepButton
from gui.views.table_view import TableView
from gui.widgets.bits_bars import BitsBars
from gui.widgets.class_bars import HEAD, ClassBars
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.curve import Curve
from gui.widgets.graph_painter import GraphLook, GraphPainter
from gui.widgets.heat_legend import HeatLegend, Legend, Swatch
from gui.widgets.heatmap import Heatmap
from gui.widgets.histogram import Histogram
from gui.widgets.overview_cells import CellPainter
from gui.widgets.plan_chart import PlanChart
from gui.widgets.preset_cards import PresetCards
from gui.widgets.run_chart import RunChart, Step
from gui.widgets.snapshot_chart import Dot, SnapshotChart
from gui.widgets.training_curve import TrainingCurve, paint_mark


@pytest.fixture
def ink(qapp: QApplication) -> OneInk:
    return OneInk()


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> QWidget:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    return widget


# ---------------------------------------------------------------- states of a part


def test_steps(ink: OneInk, qtbot: QtBot) -> None:
    button = shown(qtbot, StepButton(2, ink), 90, 32)
    button.setText("Data")
    pictures = {}
    for state in ("done", "current", "later"):
        button.set_state(state)
        pictures[state] = seen(button)
    all_differ(pictures)


def test_rows_of_the_layer_table(ink: OneInk, qtbot: QtBot) -> None:
    session = make_session()
    view = shown(qtbot, TableView(session, ink), 900, 400)
    view.show()
    qtbot.waitExposed(view)
    name = session.model.layers[1].id
    row = view.table.visualRect(view.filter.index(1, 0))
    pictures = {}

    def keep(what: str) -> None:
        whole = seen(view.table.viewport())
        pictures[what] = whole[row.top() : row.bottom() + 1]

    keep("plain")
    session.select(name)
    keep("chosen")
    session.select(None)
    session.set_layers([name], "kept", keep=True)
    keep("kept as it is")
    all_differ(pictures)


def test_cells_of_the_overview(ink: OneInk) -> None:
    cells = {
        "measured": Cell(possible=True, loss=1.0, share=0.5),
        "estimate": Cell(possible=True, loss=1.0, share=0.5, estimate=True),
        "in the plan": Cell(possible=True, loss=1.0, share=0.5, current=True),
        "unknown": Cell(possible=True),
    }
    font = QFont()
    for height in (22, 6):
        all_differ(
            {
                what: painted((60, height), lambda p, c=cell, h=height: _cell(p, ink, c, font, h))
                for what, cell in cells.items()
            }
        )


def _cell(painter: QPainter, theme: Theme, cell: Cell, font: QFont, height: int) -> None:
    CellPainter(theme).paint(painter, QRectF(0, 0, 60, height), cell, font)


def test_presets(ink: OneInk, qtbot: QtBot) -> None:
    cards = shown(qtbot, PresetCards(ink), 300, 120)
    preset = Preset(name="a", label=text("Small"), help=text("Small"), defaults=LayerPlan())
    cards.show_presets((preset,))
    card = cards.cards[0]
    pictures = {}
    for what, marked, changed in (("not chosen", None, 0), ("chosen", preset, 0), ("changed", preset, 2)):
        cards.mark(marked, changed)
        card.resize(140, 100)
        card.setGeometry(0, 0, 140, 100)
        pictures[what] = seen(card)
    all_differ(pictures)


# ---------------------------------------------------------------- pictures of figures


def test_the_live_run(ink: OneInk, qtbot: QtBot) -> None:
    chart = shown(qtbot, RunChart(ink), 500, 220)
    steps = [Step(name, name, accuracy(90.0 - at)) for at, name in enumerate(("stem", "body", "head"))]
    pictures = {}
    for what, shown_steps, chosen in (
        ("measured", steps, None),
        ("a layer is chosen", steps, "body"),
        ("the last one is guessed", [*steps[:2], replace(steps[2], measurement=None, guess=88.0)], None),
        ("one changes the whole", [replace(steps[0], whole=True), *steps[1:]], None),
        ("one cost most", [steps[0], replace(steps[1], cost=1.0), steps[2]], None),
    ):
        chart.show_steps(shown_steps, accuracy(91.0), chosen)
        pictures[what] = seen(chart)
    all_differ(pictures)


def test_snapshots_as_points(ink: OneInk, qtbot: QtBot) -> None:
    chart = shown(qtbot, SnapshotChart(ink), 320, 190)
    one = Dot(1, "a", 1e6, accuracy(90.0), True, "a")
    pictures = {}
    for what, dot, current in (
        ("measured", one, None),
        ("chosen", one, 1),
        ("estimate", replace(one, measured=False), None),
        ("original", replace(one, snapshot_id=None), None),
    ):
        chart.show_dots([dot], fmt.size, current)
        pictures[what] = seen(chart)
    all_differ(pictures)


def test_best_plans(ink: OneInk, qtbot: QtBot) -> None:
    chart = shown(qtbot, PlanChart(ink, lambda plan: ""), 320, 190)
    plan = BestPlan(plan=Plan(), size_bytes=10**6, zipped_bytes=10**6, loss=1.0, loss_low=0.9, loss_high=1.1)
    pictures = {}
    for what, given in (
        ("best", ([plan], [], [])),
        ("uniform", ([], [plan], [])),
        ("measured", ([], [], [plan])),
    ):
        chart.show_plans(*given, zipped=False)
        pictures[what] = seen(chart)
    all_differ(pictures)


def test_a_layers_curve(ink: OneInk, qtbot: QtBot) -> None:
    curve = shown(qtbot, Curve(ink), 320, 150)
    points = [one for one in make_points("a") if one.weight_bits == FLOAT_BITS]
    guessed = [
        msgspec.structs.replace(one, measurement=msgspec.structs.replace(one.measurement, estimate=True))
        for one in points
    ]
    curve.show_points(points, accuracy(90.0), 0.0, False)
    measured = seen(curve)
    curve.show_points(guessed, accuracy(90.0), 0.0, False)
    all_differ({"measured": measured, "estimate": seen(curve)})


def test_a_share_has_no_interval_above_all_of_it(ink: OneInk, qtbot: QtBot) -> None:
    curve = shown(qtbot, Curve(ink), 320, 150)
    points = [
        msgspec.structs.replace(one, loss_low=-4.0, loss_high=4.0)
        for one in make_points("a")
        if one.weight_bits == FLOAT_BITS
    ]
    curve.show_points(points, accuracy(100.0), 0.0, False)
    plot = curve.plot()
    assert 100.0 < plot.y_high < 102.0, "an axis that ends at 104 % would be absurd"
    curve.show_points(points, None, 0.0, False)
    assert curve.plot().y_high >= 4.0, "of bare losses there is no such end"


def test_series_of_a_training(ink: OneInk, qtbot: QtBot) -> None:
    all_differ(
        {
            series: painted((20, 18), lambda p, s=series: paint_mark(p, ink, s, 2.0))
            for series in ("training", "held out")
        }
    )
    curve = shown(qtbot, TrainingCurve(ink), 300, 200)
    pictures = {}
    for what, given in (("as it was", (1.0, 2.0)), ("the other way round", (2.0, 1.0))):
        loss, held_out = given
        points = tuple(
            TrainingPoint(share=share, step=1, seconds=1.0, loss=loss, held_out=held_out)
            for share in (0.0, 1.0)
        )
        curve.show_points(points)
        pictures[what] = seen(curve)
    all_differ(pictures)


def test_classes_before_and_after(ink: OneInk, qtbot: QtBot) -> None:
    bars = shown(qtbot, ClassBars(ink), 340, HEAD + 30)

    def change(before: float, after: float) -> ClassChange:
        return ClassChange(
            name="cat", count=50, before=before, before_low=50, before_high=50, after=after, after_low=50,
            after_high=50, lost=0.0, lost_low=0, lost_high=0,
        )  # fmt: skip

    bars.show_classes((change(80, 80),))
    both = seen(bars)
    track = both[HEAD:, 100:250]
    upper, lower = track[6:13], track[16:23]
    assert (np.abs(upper.astype(int) - lower).max(axis=2) > LEAST_STEP).sum() >= LEAST_PIXELS, (
        "before looks like after"
    )


@pytest.mark.parametrize("classes", [3, 24])
def test_confusions_that_came_and_went(ink: OneInk, qtbot: QtBot, classes: int) -> None:
    matrix = shown(qtbot, ConfusionMatrix(ink), 340, 260)
    counts = np.full((classes, classes), 5, np.int64)
    pictures = {}
    for what, more in (("none", 0), ("more", 2), ("less", -2)):
        after = counts.copy()
        after[0, 1] += more
        matrix.show_comparison(
            Comparison(
                sha256="r", done=1, total=1, labelled=True, names=tuple(f"c{i}" for i in range(classes)),
                before=Array.of(counts), after=Array.of(after),
            )
        )  # fmt: skip
        pictures[what] = seen(matrix)
    all_differ(pictures)


def test_weights_that_go(ink: OneInk, qtbot: QtBot) -> None:
    ink.table("importance")[:] = 255  # what goes is faded besides: here there is nothing to fade
    heat, bars = shown(qtbot, Heatmap(ink), 320, 150), shown(qtbot, Histogram(ink), 320, 96)
    layer, view = make_layer("/a/Conv", 100), make_view("/a/Conv")
    heat.show_view(view, layer)
    bars.show_view(view)
    pictures: dict[str, dict[str, np.ndarray]] = {"heatmap": {}, "histogram": {}}
    for share in (0.0, 0.5):
        heat.set_share(share)
        bars.set_cut(share, None, True)
        label = QRect(0, 0, 200, 90)  # without the words in its corner
        pictures["heatmap"][str(share)] = seen(heat)[: label.height(), : label.width()]
        pictures["histogram"][str(share)] = seen(bars)
    for one in pictures.values():
        all_differ(one)


def test_bits_of_the_plan(ink: OneInk, qtbot: QtBot) -> None:
    bars = shown(qtbot, BitsBars(ink), 320, 72)
    pictures = {}
    for bits in (8, 4):
        bars.show_bits([(8, 0.1), (4, 0.1)], bits, 1.0, "points")
        pictures[str(bits)] = seen(bars)
    all_differ(pictures)


def test_legends_in_steps_have_words(ink: OneInk, qtbot: QtBot) -> None:
    legend = shown(qtbot, HeatLegend(ink), 300, 60)
    pictures = {}
    for what in ("8 bits", "4 bits"):
        legend.show_legend(Legend(caption="bits", swatches=(Swatch(what, 0.5),)))
        pictures[what] = seen(legend)
    legend.show_legend(Legend(caption="loss", low="0", high="5"))
    pictures["known"] = seen(legend)
    legend.show_legend(Legend(caption="loss", low="0", high="5", known=False))
    pictures["unknown"] = seen(legend)
    all_differ(pictures)


# ---------------------------------------------------------------- the graph


def test_boxes_of_the_graph(ink: OneInk) -> None:
    nodes = tuple(
        GraphNode(id=name, label="conv", op="Conv", layer_id=name, x=80, y=60 + 70 * at, width=120, height=36)
        for at, name in enumerate(("a", "b"))
    )
    items = GraphItems(Graph(detail="layers", nodes=nodes, edges=(), width=200, height=200))
    looks = {
        "unknown": GraphLook(),
        "little": GraphLook(shares={"a": 0.2}),
        "much": GraphLook(shares={"a": 0.8}),
        "less than before": GraphLook(shares={"a": 0.2}, scale="difference"),
        "more than before": GraphLook(shares={"a": 0.8}, scale="difference"),
        "chosen": GraphLook(selected="a"),
        "coupled with it": GraphLook(mates=frozenset({0})),
        "its counterpart": GraphLook(marked=frozenset({0})),
        "jumped to": GraphLook(hit=0),
        "in a group": GraphLook(coupled=frozenset({"a"})),
        "8 bits": GraphLook(bits={"a": 8}),
    }
    area = QRectF(0, 0, 200, 160)
    all_differ(
        {
            what: painted((200, 160), lambda p, k=look: GraphPainter(ink).paint(p, items, k, area, 1.0))
            for what, look in looks.items()
        }
    )


# ---------------------------------------------------------------- controls, by the style sheet


def styled(qtbot: QtBot, widget: QWidget) -> QWidget:
    widget.setStyleSheet(style_sheet(PAPER, dict.fromkeys(("arrow", "left", "right", "tick"), "")))
    qtbot.addWidget(widget)
    widget.resize(120, 34)
    return widget


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("kind", [QToolButton, QPushButton])
def test_buttons_that_are_on(ink: OneInk, qtbot: QtBot, kind: type[QWidget], flat: bool) -> None:
    button = kind()
    button.setText("Table")
    button.setCheckable(True)
    button.setProperty("flat", flat)
    styled(qtbot, button)
    off = seen(button)
    button.setChecked(True)
    all_differ({"off": off, "on": seen(button)})


def test_a_field_with_a_mistake(ink: OneInk, qtbot: QtBot) -> None:
    field = styled(qtbot, QLineEdit("x"))
    right = seen(field)
    field.setProperty("wrong", True)
    field.setStyleSheet(field.styleSheet())
    all_differ({"right": right, "wrong": seen(field)})


@pytest.mark.parametrize("kind", ["check", "tab", "button", "on"])
def test_where_the_keys_go(ink: OneInk, qtbot: QtBot, kind: str) -> None:
    if kind == "tab":
        widget: QWidget = QTabBar()
        widget.addTab("Run")
        widget.addTab("Overview")
    elif kind == "check":
        widget = QCheckBox("Notify")
    else:
        widget = QToolButton()
        widget.setText("Table")
        widget.setCheckable(True)
        widget.setChecked(kind == "on")
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    holder = QWidget()
    other = QLineEdit(holder)
    widget.setParent(holder)
    styled(qtbot, holder)
    widget.setGeometry(0, 40, 200, 34)
    holder.resize(220, 90)
    holder.show()
    qtbot.waitExposed(holder)
    holder.activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus, timeout=2000)
    elsewhere = seen(widget)
    widget.setFocus()
    all_differ({"elsewhere": elsewhere, "here": seen(widget)})


# ---------------------------------------------------------------- the scales


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_scales_get_steadily_darker_or_lighter(theme: str) -> None:
    """So that more is told from less in a copy without colours too."""
    for anchors in (DAMAGE[theme], VIRIDIS):
        light = [_luminance(QColor(*row)) for row in lookup_table(anchors, 32).tolist()]
        steps = np.diff(light)
        assert (steps > 0).all() or (steps < 0).all()
    light = np.array([_luminance(QColor(*row)) for row in lookup_table(DIFFERENCE[theme], 33).tolist()])
    way = 1 if theme == "dark" else -1  # the middle is the ground; both ends stand out from it
    assert (way * np.diff(light[16:]) > 0).all() and (way * np.diff(light[16::-1]) > 0).all()
