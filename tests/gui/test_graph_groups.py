"""Groups of the graph, opened and closed by pointer, key and menu; the engine's own code lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QApplication, QMenu

from core import messages as m
from core.context import Context
from core.formats import open_model
from core.graph.drawing import Drawing
from core.values import LayerTime, Timings
from gui.models.group_tree import GroupTree
from gui.models.rollup import rolled, strip_of
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_view import GraphView


class LayingOut(QObject):
    """The seam: answers LayOut as the engine does, at the next turn of the event loop."""

    event = Signal(object)
    started = Signal()
    answer = Signal(object)

    def __init__(self, drawings: dict[str, Drawing]) -> None:
        super().__init__()
        self._drawings = drawings
        self._last = 0
        self.sent: list[m.Request] = []
        self.answer.connect(self.event, Qt.ConnectionType.QueuedConnection)

    def send(self, request: m.Request) -> m.Request:
        self._last += 1
        self.sent.append(request)
        if isinstance(request, m.LayOut):
            graph = self._drawings[request.detail].closed(request.closed)
            self.answer.emit(m.Done(id=self._last, value=graph))
        return m.Describe(id=self._last)

    def cancel(self, request_id: int, firm: bool = True) -> None:
        pass


@pytest.fixture
def drawings(digits_resnet: Path) -> dict[str, Drawing]:
    opened = open_model(digits_resnet, Context())
    return {"layers": Drawing(opened, "layers"), "nodes": Drawing(opened, "nodes")}


@pytest.fixture
def session(qapp, drawings, monkeypatch):
    made = Session(LayingOut(drawings))
    monkeypatch.setattr(made, "_ask_inspect", lambda: None)
    return made


@pytest.fixture
def view(qtbot, session, drawings, qapp):
    view = GraphView(session, Theme(qapp))
    qtbot.addWidget(view)
    view.resize(420, 700)
    with qtbot.waitExposed(view):
        view.show()
    session._take(drawings["layers"].opened.info)
    for drawing in drawings.values():
        session._take(drawing.whole())
    for drawing in drawings.values():
        session._take(drawing.groups)
    return view


def ids(view: GraphView) -> list[str]:
    return [node.id for node in view.canvas.items.nodes]


def tree(view: GraphView) -> GroupTree:
    assert view.grouping.tree is not None
    return view.grouping.tree


def place(view: GraphView, box: str) -> QPoint:
    items = view.canvas.items
    return view.canvas.to_view(items.rect(items.by_id[box]).center()).toPoint()


def settled(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.layouts.waiting("layers"), timeout=5000)


def a_block(view: GraphView) -> str:
    """A group of the network that holds no other."""
    return tree(view).inner()[0]


def test_the_key_closes_the_group_around_the_marked_box_and_enter_opens_it(view, session, qtbot):
    group = a_block(view)
    inside = tree(view).layers(group)
    before = ids(view)
    session.select(inside[0])
    view.canvas.setFocus()
    where = place(view, inside[0])
    qtbot.keyClick(view.canvas, Qt.Key.Key_Backspace)
    settled(qtbot, session)
    assert group in ids(view)
    assert not set(inside) & set(ids(view))
    # it stands where the marked box was, and has the mark
    assert abs(place(view, group).y() - where.y()) <= 4
    assert view.canvas.items.nodes[view.canvas.current].id == group
    qtbot.keyClick(view.canvas, Qt.Key.Key_Return)
    settled(qtbot, session)
    assert ids(view) == before


def test_a_double_click_and_the_sign_open_a_closed_group(view, session, qtbot):
    group = a_block(view)
    for opens in ("double", "sign"):
        session.layouts.close("layers", [group])
        settled(qtbot, session)
        viewport, spot = view.canvas.viewport(), place(view, group)
        if opens == "double":
            qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=spot)
        else:
            left = round(
                (view.canvas.items.nodes[view.canvas.items.by_id[group]].width / 2 - 10) * view.canvas.zoom
            )
            qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=spot - QPoint(left, 0))
        settled(qtbot, session)
        assert group not in ids(view), opens


def test_the_sign_at_an_open_groups_frame_closes_it(view, session, qtbot):
    group = a_block(view)
    frames = {frame.group: frame for frame in view.canvas.look.frames.visible(view.canvas.items.bounds)}
    assert group in frames
    view.canvas.zoom_to(1.0)
    view.canvas.centre_on(frames[group].rect.center())
    spot = view.canvas.to_view(frames[group].button).toPoint()
    qtbot.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    settled(qtbot, session)
    assert group in ids(view)


def test_the_menu_closes_all_and_opens_all(view, session, qtbot):
    before = ids(view)
    view.more_menu.aboutToShow.emit()
    actions = {action.text(): action for action in view.more_menu.actions()}
    assert not actions["Open all groups"].isEnabled()
    actions["Close all groups"].trigger()
    settled(qtbot, session)
    outer = [group.id for group in tree(view).groups if group.parent < 0]
    assert [box for box in ids(view) if box in tree(view).by_id] == outer
    # whoever opens one finds those inside closed
    session.layouts.open("layers", outer[:1])
    settled(qtbot, session)
    inner = {group.id for group in tree(view).groups if group.parent == 0}
    assert inner <= set(ids(view))
    view.more_menu.aboutToShow.emit()
    next(a for a in view.more_menu.actions() if a.text() == "Open all groups").trigger()
    settled(qtbot, session)
    assert ids(view) == before


def test_a_box_offers_to_close_what_is_around_it(view, session, qtbot):
    group = a_block(view)
    box = tree(view).layers(group)[0]
    view.canvas.menu_asked.emit(view.canvas.items.by_id[box], view.mapToGlobal(QPoint(50, 50)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    label = tree(view).by_id[group].label
    next(action for action in menu.actions() if action.text() == f"Close {label}").trigger()
    menu.close()
    settled(qtbot, session)
    assert group in ids(view)


def test_size_of_a_closed_group_is_the_sum_of_its_layers(view, session, qtbot):
    group = a_block(view)
    layers = {layer.id: layer for layer in session.model.layers}
    inside = tree(view).layers(group)
    view.figure_box.setCurrentIndex(view.figure_box.findData("size"))
    session.layouts.close("layers", [group])
    settled(qtbot, session)
    qtbot.wait(80)
    share = sum(layers[name].bytes for name in inside) / sum(layer.bytes for layer in layers.values())
    figures = view.canvas.look.rolled.get(group)
    assert figures.text.rstrip(" %") == f"{share * 100:.{0 if share >= 0.1 else 1}f}"
    assert len(figures.strip) == len(inside)
    words = view.describe(view.canvas.items.by_id[group])
    assert figures.text + " together" in words
    assert layers[max(inside, key=lambda name: layers[name].bytes)].label in words


def test_a_layer_in_a_closed_group_marks_the_group(view, session, qtbot):
    group = a_block(view)
    session.layouts.close("layers", [group])
    settled(qtbot, session)
    session.select(tree(view).layers(group)[-1])
    assert view.canvas.items.nodes[view.canvas.current].id == group


def test_the_search_finds_what_is_in_a_closed_group(view, session, qtbot):
    group = a_block(view)
    name = session.model.layer(tree(view).layers(group)[0]).label
    session.layouts.close("layers", [group])
    settled(qtbot, session)
    qtbot.keyClicks(view.search, name)
    assert [view.canvas.items.nodes[index].id for index in view.finder.matches] == [group]


def test_another_model_has_nothing_closed(view, session, qtbot, drawings):
    session.layouts.close("layers", [a_block(view)])
    settled(qtbot, session)
    session._take(drawings["layers"].opened.info)
    session._take(drawings["layers"].whole())
    assert len(ids(view)) == len(drawings["layers"].whole().nodes)
    assert view.grouping.tree is None


def test_times_roll_up_too(view, session, qtbot):
    inside = tree(view).layers(a_block(view))
    times = tuple(LayerTime(layer_id=name, time_ms=1.0, share=0.125) for name in inside)
    session._take(Timings(layers=times, total_ms=8.0, threads=1))
    view.figure_box.setCurrentIndex(view.figure_box.findData("time"))
    session.layouts.close("layers", [a_block(view)])
    settled(qtbot, session)
    qtbot.wait(80)
    expected = 0.125 * len(inside)
    assert view.canvas.look.rolled.get(a_block(view)).text.rstrip(" %") == f"{expected * 100:.0f}"


# ---------------------------------------------------------------- rules


def test_rules_of_rolling_up():
    shares, values = {"a": 0.2, "b": 0.6}, {"a": 2.0, "b": 6.0}
    weights = {"a": 3.0, "b": 1.0}
    together = {
        rule: rolled(["a", "b", "c"], shares, values, rule, str, weights) for rule in ("sum", "mean", "worst")
    }
    assert together["sum"].text == "8.0" and together["sum"].share == 0.6
    # (3 · 2 + 1 · 6) / 4
    assert together["mean"].text == "3.0" and together["mean"].share == pytest.approx(0.3)
    assert together["worst"].text == "6.0"
    assert together["sum"].strip == (0.2, 0.6, None)
    assert together["sum"].known == 2 and together["sum"].strongest == "b"
    assert rolled(["c"], shares, values, "sum", str, weights).share is None


def test_a_long_strip_keeps_the_strongest():
    assert strip_of([0.1, 0.9, None, 0.2], 2) == (0.9, 0.2)
