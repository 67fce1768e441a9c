"""The tab 'Side by side': a run's file beside its original, laid out and matched by the engine's code."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from test_graph_groups import LayingOut

from core import messages as m
from core.compress import compress
from core.context import Context
from core.formats import open_model
from core.graph.counterparts import counterparts
from core.graph.drawing import Drawing
from core.graph_jobs import side_by_side
from core.values import LayerPlan, Plan
from gui.models.counterpart_map import CounterpartMap
from gui.models.graph_items import GraphItems
from gui.session import Session
from gui.theme import Theme
from gui.views.side_view import SideView


class Comparing(LayingOut):
    """Answers CompareGraphs too."""

    def __init__(self, drawings, other) -> None:
        super().__init__(drawings)
        self._other = other

    def send(self, request: m.Request) -> m.Request:
        sent = super().send(request)
        if isinstance(request, m.CompareGraphs):
            opened = self._drawings["layers"].opened
            value = side_by_side(opened, self._other, request.detail)
            self.answer.emit(m.Done(id=sent.id, value=value))
        return sent


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(original, result, compressed): weights in four bits, no data needed."""
    from resources import sample_path

    opened = open_model(sample_path("digits_resnet.onnx"), Context())
    plan = Plan(defaults=LayerPlan(weight_bits=4))
    result = compress(opened, None, None, plan, tmp_path_factory.mktemp("work"), None, Context())
    return opened, result, open_model(Path(result.artefact), Context())


@pytest.fixture
def view(qtbot, qapp, run, monkeypatch):
    opened, result, other = run
    drawings = {"layers": Drawing(opened, "layers"), "nodes": Drawing(opened, "nodes")}
    session = Session(Comparing(drawings, other))
    monkeypatch.setattr(session, "_ask_inspect", lambda: None)
    view = SideView(session, Theme(qapp))
    view.session = session
    qtbot.addWidget(view)
    view.resize(900, 500)
    with qtbot.waitExposed(view):
        view.show()
    session._take(opened.info)
    for drawing in drawings.values():
        session._take(drawing.whole())
    session._take(result, "compress")
    qtbot.waitUntil(lambda: session.layouts.side.value is not None, timeout=5000)
    return view


def test_before_a_run_it_says_what_will_stand_here(qtbot, qapp):
    view = SideView(Session(LayingOut({})), Theme(qapp))
    qtbot.addWidget(view)
    assert "After a run" in view.empty.text()


def test_a_click_marks_the_counterpart_and_says_what_it_is(view, qtbot, run):
    layer = run[0].info.layers[2]
    items = view.left.canvas.items
    spot = view.left.canvas.to_view(items.rect(items.by_layer[layer.id]).center()).toPoint()
    qtbot.mouseClick(view.left.canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert view.session.selection == layer.id
    right = view.right.canvas
    assert {right.items.nodes[index].id for index in right.look.marked} == {layer.id}
    assert view.words.text().startswith(f"{layer.label}: the same operation")


def test_bits_of_both_sides_are_painted(view, run):
    layer = run[0].info.layers[2].id
    written = {report.layer_id: report.weight_bits for report in run[1].layers}
    assert view.left.canvas.look.bits[layer] == 32
    assert view.right.canvas.look.bits[layer] == written[layer] == 4


def test_all_operations_name_the_conversions_that_serve_a_layer(view, qtbot, run):
    qtbot.mouseClick(view.all_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.session.layouts.side.value is not None, timeout=5000)
    pairs = counterparts(run[0].model, run[2].model)
    served = next(pair.original for pair in pairs if len(pair.compressed) > 1)
    view.session.select(served)
    assert view.session.selection in {layer.id for layer in run[0].info.layers}
    assert len(view.right.canvas.items.nodes) > len(view.left.canvas.items.nodes)
    assert "conversions" in view.words.text()
    assert len(view.right.canvas.look.marked) > 1


def test_both_sides_scroll_and_zoom_together(view, run):
    view.left.canvas.zoom_to(1.0)
    assert view.right.canvas.zoom == 1.0
    last = run[0].info.layers[-2].id
    left, right = view.left.canvas, view.right.canvas
    left.centre_on(left.items.rect(left.items.by_layer[last]).center())
    shown = right.area()
    assert shown.top() <= right.items.nodes[right.items.by_layer[last]].y <= shown.bottom()


def test_heights_are_interpolated_between_counterparts(run):
    """Every height of the original stretched to twice: between two boxes it is twice as far, too."""
    whole = Drawing(run[0], "layers").whole()
    taller = msgspec.structs.replace(
        whole, nodes=tuple(msgspec.structs.replace(node, y=2 * node.y) for node in whole.nodes)
    )
    pairs = counterparts(run[0].model, run[0].model)
    both = CounterpartMap(GraphItems(whole), GraphItems(taller), pairs)
    first, second = sorted({node.y for node in whole.nodes})[1:3]
    middle = (first + second) / 2
    assert both.height_right(middle) == pytest.approx(2 * middle)
    assert both.height_left(2 * middle) == pytest.approx(middle)
    assert both.right_of(3) == (3,) and both.left_of(3) == (3,)


def test_what_was_chosen_elsewhere_is_seen_on_both_sides_however_low_they_are(view, qtbot, run):
    view.hide()
    layer = run[0].info.layers[-2]
    view.session.select(layer.id)
    view.resize(500, 190)
    view.show()

    def seen(canvas) -> bool:
        index = canvas.items.by_layer[layer.id]
        centre = canvas.to_view(canvas.items.rect(index).center())
        return canvas.viewport().rect().contains(centre.toPoint())

    qtbot.waitUntil(lambda: seen(view.left.canvas) and seen(view.right.canvas), timeout=5000)
    # the first look is anew at every size, and what was chosen stays in it
    view.resize(620, 260)
    qtbot.wait(50)
    assert seen(view.left.canvas) and seen(view.right.canvas)
