"""Marks where the precision changes, outlines of what is coupled, and the words for both."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage
from test_graph_groups import LayingOut

from core import messages as m
from core.context import Context
from core.formats import open_model
from core.graph.drawing import Drawing
from core.graph_jobs import MOST_COUPLED, couple_layers
from core.kernels.nodes import wiring
from core.values import Couplings, LayerPlan, Plan, text
from core.workspace import Workspace
from gui.i18n import Translations
from gui.models.graph_items import GraphItems
from gui.models.switch_marks import MARK, SwitchMarks
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_view import GraphView

W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
BLOCK = ("block2.conv1", "block2.conv2")


class Coupling(LayingOut):
    """Answers CoupleLayers too, by the engine's own code."""

    def __init__(self, drawings: dict[str, Drawing], folder: Path) -> None:
        super().__init__(drawings)
        self._workspace = Workspace(folder / "cache", folder / "data")
        self.value: Couplings | None = None

    def send(self, request: m.Request) -> m.Request:
        sent = super().send(request)
        if isinstance(request, m.CoupleLayers):
            value = self.value or couple_layers(request, self._workspace, Context())
            self.answer.emit(m.Done(id=sent.id, value=value))
        return sent

    def asked(self) -> int:
        return sum(isinstance(request, m.CoupleLayers) for request in self.sent)


@pytest.fixture
def opened(digits_resnet: Path):
    return open_model(digits_resnet, Context())


@pytest.fixture
def engine(opened, tmp_path):
    return Coupling({name: Drawing(opened, name) for name in ("layers", "nodes")}, tmp_path)


@pytest.fixture
def session(qapp, engine, monkeypatch):
    made = Session(engine)
    monkeypatch.setattr(made, "_ask_inspect", lambda: None)
    return made


@pytest.fixture
def view(qtbot, session, opened, qapp):
    view = GraphView(session, Theme(qapp))
    qtbot.addWidget(view)
    view.resize(420, 900)
    with qtbot.waitExposed(view):
        view.show()
    session._take(opened.info)
    for name in ("layers", "nodes"):
        session._take(Drawing(opened, name).whole())
        session._take(Drawing(opened, name).groups)
    session._take(wiring(opened))
    return view


def by_label(session: Session, label: str) -> str:
    return next(layer.id for layer in session.model.layers if layer.label == label)


def edges(view: GraphView) -> dict[tuple[str, str], tuple[int, ...]]:
    """The marked edges, by the labels of their ends."""
    items = view.canvas.items
    label = {node.id: node.label for node in items.nodes}
    marks = view.ties.marks.by_edge
    return {(label[items.edges[i].source], label[items.edges[i].target]): bits for i, bits in marks.items()}


def keep(session: Session, *labels: str) -> None:
    """8 bits throughout, these layers in float."""
    session.replace_plan(W8A8, "all")
    session.set_layers([by_label(session, label) for label in labels], "keep", keep=True)


# ---------------------------------------------------------------- precision


def test_a_layer_left_in_float_is_marked_before_and_behind(view, session, qtbot):
    first, second = BLOCK
    session.replace_plan(W8A8, "all")
    qtbot.waitUntil(lambda: view.ties.marks is not None)
    before = edges(view)
    assert not any(second in pair for pair in before)
    keep(session, second)
    qtbot.waitUntil(lambda: edges(view) != before)
    assert edges(view)[first, second] == (8, 32)
    assert view.switches.text() == f"{len(view.ties.marks)} changes of precision"
    session.undo_stack.undo()
    qtbot.waitUntil(lambda: edges(view) == before)


def test_float_throughout_has_no_mark_and_no_words(view, session, qtbot):
    session.replace_plan(Plan(defaults=LayerPlan(weight_bits=4)), "weights")
    qtbot.waitUntil(lambda: not view.switches.isVisible())
    assert len(view.ties.marks) == 0


def test_the_mark_is_painted_on_its_edge_and_said_in_the_box(view, session, qtbot, qapp):
    first, second = BLOCK
    keep(session, second)
    qtbot.waitUntil(lambda: (first, second) in edges(view))
    canvas, items = view.canvas, view.canvas.items
    index = items.by_layer[by_label(session, second)]
    canvas.zoom_to(1.0)
    canvas.bring_into_view(index)
    edge = next(i for i in view.ties.marks.into(items.nodes[index].id))
    place = view.ties.marks.place(edge)
    assert not len(items.nodes_in(QRectF(place.x(), place.y(), 0, 0)))
    path = items.path(edge)
    assert path.boundingRect().adjusted(-1, -1, 1, 1).contains(place)
    middle = canvas.to_view(place)
    area = QRectF(middle.x() - MARK[0] / 2, middle.y() - MARK[1] / 2, *MARK).toRect()
    with_mark = canvas.viewport().grab(area).toImage()
    session.replace_plan(Plan(), "nothing")
    qtbot.waitUntil(lambda: not view.switches.isVisible())
    without = canvas.viewport().grab(area).toImage()
    assert ink(with_mark, view._theme.color("text").rgb()) > 10 + ink(
        without, view._theme.color("text").rgb()
    )
    keep(session, second)
    qtbot.waitUntil(lambda: view.switches.isVisible())
    assert f"8→32 bits on the way from {first}" in view.describe(index)
    translations = Translations(qapp)
    translations.choose("zh_CN")
    try:
        assert f"来自 {first} 的连线上：8→32 位" in view.describe(index)
    finally:
        translations.choose("en")


def ink(image: QImage, color: int) -> int:
    """Pixels of about this colour."""
    near = 0
    for y in range(image.height()):
        for x in range(image.width()):
            pixel = image.pixel(x, y)
            far = max(abs((pixel >> shift & 255) - (color >> shift & 255)) for shift in (0, 8, 16))
            near += far < 90
    return near


def test_a_closed_group_bears_the_marks_of_its_border(view, session, qtbot):
    """The whole block in float: what leads out of it is converted, also where the block is one box."""
    block = [by_label(session, label) for label in BLOCK]
    tree, items = view.grouping.tree, view.canvas.items
    group = tree.around(block[0])[0]
    inside = {node.id for node in items.nodes if group in tree.around(node.id)}
    assert set(block) <= inside

    def crossing() -> set[int]:
        marked = view.ties.marks.by_edge
        return {i for i in marked if (items.edges[i].source in inside) != (items.edges[i].target in inside)}

    keep(session, *BLOCK)
    qtbot.waitUntil(lambda: bool(crossing()))
    ends = {(items.edges[i].source in inside, view.ties.marks.by_edge[i]) for i in crossing()}
    outer = {
        (items.edges[i].target if items.edges[i].source in inside else items.edges[i].source)
        for i in crossing()
    }
    view.grouping.close(group.id)
    qtbot.waitUntil(lambda: group.id in view.canvas.items.by_id)
    marks = view.ties.marks
    marked = marks.into(group.id) + marks.out_of(group.id)
    assert len(marked) == len(outer)
    assert {(False, marks.by_edge[i]) for i in marks.into(group.id)} | {
        (True, marks.by_edge[i]) for i in marks.out_of(group.id)
    } == ends


def test_marks_into_one_box_do_not_cover_each_other(view, session, opened):
    items = GraphItems(Drawing(opened, "layers").whole())
    joins = [node for node in items.nodes if node.op == "Add"]
    found = {(edge.source, edge.target): (8, 32) for edge in items.edges}
    marks = SwitchMarks(items, found)
    assert joins and len(marks) == len(items.edges)
    for node in joins:
        spots = [marks.place(index) for index in marks.into(node.id)]
        apart = [(abs(a.x() - b.x()), abs(a.y() - b.y())) for a in spots for b in spots if a is not b]
        assert apart and all(x >= MARK[0] - 0.01 or y >= MARK[1] - 0.01 for x, y in apart)


# ---------------------------------------------------------------- coupled channels


def test_choosing_a_layer_outlines_those_whose_channels_go_with_its_own(view, session, engine, qtbot):
    """The ends of a stage's blocks are added up, so they lose the same channels; a block's first do not."""
    assert engine.asked() == 0
    second, first = by_label(session, BLOCK[1]), by_label(session, BLOCK[0])
    session.select(second)
    qtbot.waitUntil(lambda: bool(session.couplings.mates(second)))
    mates = set(session.couplings.mates(second))
    assert second not in mates and first not in mates and len(mates) >= 1
    outlined = {view.canvas.items.nodes[index].layer_id for index in view.canvas.look.mates}
    assert outlined == mates
    labels = [layer.label for layer in session.model.layers if layer.id in mates]
    words = view.canvas.accessibleDescription()
    assert f"Its channels go together with those of {labels[0]}" in words
    session.select(first)
    assert view.canvas.look.mates == frozenset() and engine.asked() == 1


def test_the_outline_is_painted_around_the_others(view, session, qtbot):
    second = by_label(session, BLOCK[1])
    session.select(second)
    qtbot.waitUntil(lambda: bool(view.canvas.look.mates))
    index = min(view.canvas.look.mates)
    view.canvas.zoom_to(1.0)
    view.canvas.bring_into_view(index)
    rect = view.canvas.items.rect(index)
    corner = view.canvas.to_view(rect.topLeft())
    area = QRectF(corner.x(), corner.y() - 5, rect.width(), 4).toRect()
    accent = view._theme.color("accent").rgb()
    outlined = ink(view.canvas.viewport().grab(area).toImage(), accent)
    session.select(by_label(session, BLOCK[0]))
    assert outlined > 20 + ink(view.canvas.viewport().grab(area).toImage(), accent)


def test_why_no_channel_of_the_last_layer_can_go_is_said(view, session, qtbot):
    last = session.model.layers[-1]
    session.select(last.id)
    qtbot.waitUntil(lambda: session.couplings.why_fixed(last.id) is not None)
    index = view.canvas.items.by_layer[last.id]
    assert "No channel of it can go. They are the model's output" in view.describe(index)


def test_what_was_too_large_to_follow_says_so(view, session, engine, qtbot):
    why = text("Too many operations ({n}) to follow which channels go together.", n=MOST_COUPLED + 1)
    engine.value = Couplings(groups=(), why_not=why)
    first = session.model.layers[0]
    session.select(first.id)
    qtbot.waitUntil(lambda: session.couplings.why_not is not None)
    assert "Too many operations (30001)" in view.describe(view.canvas.items.by_layer[first.id])


def test_more_boxes_than_can_be_drawn_are_counted_in_one_sentence(view, session, opened, monkeypatch):
    boxes = len(session.graphs["nodes"].nodes)
    monkeypatch.setattr("core.graph.drawing.MOST_BOXES", boxes - 1)
    drawing = Drawing(opened, "nodes")
    assert not drawing.drawable and drawing.whole().nodes == () and drawing.whole().too_many == boxes
    session._take_model(opened.info)
    session._take(Drawing(opened, "layers").whole())
    session._take(drawing.whole())
    view.all_button.click()
    assert view.empty.text() == f"{boxes} operations are too many to draw. The table lists the layers."
    view.all_button.click()
    assert view.canvas.items is not None


def test_another_model_forgets_what_was_coupled(view, session, opened, qtbot):
    session.select(by_label(session, BLOCK[1]))
    qtbot.waitUntil(lambda: bool(view.canvas.look.mates))
    session._take_model(opened.info)
    assert session.couplings.mates(by_label(session, BLOCK[1])) == ()
    assert session.layouts.wiring is None
