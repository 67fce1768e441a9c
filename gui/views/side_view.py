"""Tab 'Side by side': original and compressed network, scrolled together, each node with its counterpart."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.precision import switches
from core.values import SideBySide, Wiring
from gui import format as fmt
from gui.i18n import tr
from gui.models.counterpart_map import CounterpartMap
from gui.models.graph_items import GraphItems
from gui.models.switch_marks import SwitchMarks
from gui.models.tie_words import switch_lines
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_figures import bits_share
from gui.views.graph_words import why_empty
from gui.widgets.graph_canvas import GraphCanvas
from gui.widgets.graph_painter import GraphLook
from gui.widgets.graph_panel import GraphPanel
from gui.widgets.retranslating import Retranslating


def _marks(items: GraphItems, wiring: Wiring | None) -> SwitchMarks | None:
    if wiring is None or not wiring.stored:
        return None
    return SwitchMarks(items, switches(wiring, items.by_id, wiring.stored))


_MOST_NAMED = 3
"""Operators of a counterpart that are named."""


class SideView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._map: CounterpartMap | None = None
        self._shown: SideBySide | None = None
        self._chosen: tuple[str, int] | None = None
        self._marks: dict[str, SwitchMarks | None] = {"left": None, "right": None}
        """Where the files themselves change their precision."""
        self._scrolling = False
        self.left, self.right = GraphPanel(theme), GraphPanel(theme)
        self._build()
        for panel, moved, chosen, tip in (
            (self.left, self._on_left_moved, self._on_left_chosen, self._left_tip),
            (self.right, self._on_right_moved, self._on_right_chosen, self._right_tip),
        ):
            panel.canvas.view_moved.connect(moved)
            panel.canvas.node_chosen.connect(chosen)
            panel.canvas.set_tooltip(tip)
        self.all_button.toggled.connect(self._on_detail)
        session.layouts.side.changed.connect(self._show)
        session.graph_changed.connect(self._on_graph)
        session.selection_changed.connect(self._on_selection)
        self.retranslate()
        self._show()

    def _build(self) -> None:
        self.words = QLabel()
        self.words.setProperty("small", True)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.all_button = QToolButton()
        self.all_button.setCheckable(True)
        top = QHBoxLayout()
        top.setContentsMargins(12, 6, 10, 6)
        top.addWidget(self.words, 1)
        top.addWidget(self.all_button)
        self.names = QLabel(), QLabel()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        for name, panel in zip(self.names, (self.left, self.right), strict=True):
            name.setProperty("muted", True)
            half = QWidget()
            column = QVBoxLayout(half)
            column.setContentsMargins(6, 0, 6, 0)
            column.addWidget(name)
            column.addWidget(panel, 1)
            self._split.addWidget(half)
        pair = QWidget()
        whole = QVBoxLayout(pair)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(top)
        whole.addWidget(self._split, 1)
        self.empty = QLabel()
        self.empty.setProperty("muted", True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(pair)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    # ------------------------------------------------------------ what is shown

    @property
    def detail(self) -> str:
        return "nodes" if self.all_button.isChecked() else "layers"

    def _on_detail(self, _everything: bool) -> None:
        self._session.layouts.side.want(self.detail, self.isVisible())
        self._show()

    def _on_graph(self, _graph: object) -> None:
        self._show()

    def _show(self) -> None:
        value, whole = self._session.layouts.side.value, self._session.graphs.get(self.detail)
        self._tell_empty()
        if value is None or whole is None or not whole.nodes:
            self._shown = self._map = None
            self._stack.setCurrentIndex(0)
            return
        self._stack.setCurrentIndex(1)
        if self._shown is value:
            return
        self._shown, self._chosen = value, None
        left, right = GraphItems(whole), GraphItems(value.graph)
        self._map = CounterpartMap(left, right, value.counterparts)
        self._marks = {
            "left": _marks(left, self._session.layouts.wiring),
            "right": _marks(right, value.wiring),
        }
        self._scrolling = True
        try:
            self._show_looks()
            self.left.show_items(left)
            self.right.show_items(right)
        finally:
            self._scrolling = False
        self._follow(self.left.canvas, self.right.canvas, self._map.height_right)
        self._on_selection(self._session.selection)
        self._say()

    def _show_looks(self) -> None:
        if self._map is None:
            return
        before = {layer.id: layer.weight_bits for layer in self._session.model.layers}
        result = self._session.result
        after = {layer.layer_id: layer.weight_bits for layer in result.layers} if result is not None else {}
        marked: dict[str, frozenset[int]] = {"left": frozenset(), "right": frozenset()}
        if self._chosen is not None:
            side, index = self._chosen
            there = self._counterparts(side, index)
            marked[side] = frozenset([index])
            marked["right" if side == "left" else "left"] = frozenset(there)
        for panel, bits, matches, side in (
            (self.left, before, self._map.with_right, "left"),
            (self.right, after, self._map.with_left, "right"),
        ):
            shares = {layer_id: bits_share(count) for layer_id, count in bits.items()}
            look = GraphLook(
                shares=shares, bits=bits, matches=matches, marked=marked[side], marks=self._marks[side]
            )
            panel.show_look(look)

    def _tell_empty(self) -> None:
        whole = self._session.graphs.get(self.detail)
        if self._session.layouts.side.failed:
            words = tr("The compressed network could not be read. Run again to see it here.")
        elif self._session.result is None:
            words = tr("After a run the compressed network stands here beside the original.")
        elif whole is not None and not whole.nodes:
            words = why_empty(whole)
        else:
            words = tr("Laying out the graph …")
        self.empty.setText(words)

    # ------------------------------------------------------------ moved together

    def _on_left_moved(self) -> None:
        if self._map is not None:
            self._follow(self.left.canvas, self.right.canvas, self._map.height_right)

    def _on_right_moved(self) -> None:
        if self._map is not None:
            self._follow(self.right.canvas, self.left.canvas, self._map.height_left)

    def _follow(self, leader: GraphCanvas, follower: GraphCanvas, height) -> None:
        """Bring what belongs to the middle of one view into the middle of the other, at the same zoom."""
        if self._scrolling or leader.items is None or follower.items is None:
            return
        self._scrolling = True
        try:
            if follower.zoom != leader.zoom:
                follower.zoom_to(leader.zoom)
            middle = leader.area().center()
            across = (middle.x() - leader.items.bounds.left()) / max(leader.items.bounds.width(), 1.0)
            bounds = follower.items.bounds
            follower.centre_on(QPointF(bounds.left() + across * bounds.width(), height(middle.y())))
        finally:
            self._scrolling = False

    # ------------------------------------------------------------ chosen together

    def _on_left_chosen(self, layer_id: str | None) -> None:
        self._choose("left", self.left.canvas.current, layer_id)

    def _on_right_chosen(self, layer_id: str | None) -> None:
        self._choose("right", self.right.canvas.current, layer_id)

    def _choose(self, side: str, index: int | None, layer_id: str | None) -> None:
        if index is None or self._map is None:
            return
        self._chosen = side, index
        self._show_looks()
        self._say()
        there = self._counterparts(side, index)
        other = self.right.canvas if side == "left" else self.left.canvas
        if there:
            # marked, so that it stays in view while the views still get their sizes
            other.mark(there[0])
        if side == "left" and layer_id is not None:
            self._session.select(layer_id)
        # what is said about it may take a line more, and the views have less height then
        QTimer.singleShot(0, self, self._bring_chosen)

    def _counterparts(self, side: str, index: int) -> tuple[int, ...]:
        return self._map.right_of(index) if side == "left" else self._map.left_of(index)

    def _bring_chosen(self) -> None:
        """Let what is chosen be seen on both sides, however low they are."""
        if self._chosen is None or self._map is None or not self.isVisible():
            return
        side, index = self._chosen
        there = self._counterparts(side, index)
        canvases = (self.left.canvas, self.right.canvas)
        own, other = canvases if side == "left" else canvases[::-1]
        self._scrolling = True
        try:
            own.bring_into_view(index)
            if there:
                other.bring_into_view(there[0])
        finally:
            self._scrolling = False

    def _on_selection(self, layer_id: str | None) -> None:
        items = self.left.canvas.items
        index = items.by_layer.get(layer_id) if items is not None and layer_id is not None else None
        if index is not None and self._chosen != ("left", index):
            self.left.canvas.mark(index)
            self._choose("left", index, None)

    # ------------------------------------------------------------ words

    def _left_tip(self, index: int) -> str:
        return self._with_switches(self.left, "left", index, self._left_words(index))

    def _right_tip(self, index: int) -> str:
        return self._with_switches(self.right, "right", index, self._right_words(index))

    def _with_switches(self, panel: GraphPanel, side: str, index: int, words: str) -> str:
        items = panel.canvas.items
        return "\n".join((words, *switch_lines(items, self._marks[side], items.nodes[index])))

    def _left_words(self, index: int) -> str:
        """How a box of the original corresponds."""
        node = self.left.canvas.items.nodes[index]
        there = self._map.right_of(index)
        nodes = self.right.canvas.items.nodes
        if not there:
            return tr("{name}: no counterpart").format(name=node.label)
        relation = self._map.relation(index)
        kept = nodes[there[0]]
        if relation == "taken over":
            return tr("{name}: taken over by {others}").format(name=node.label, others=self._named(there))
        if relation == "replaced":
            words = tr("{name}: {op} does the same").format(name=node.label, op=kept.op)
        else:
            words = tr("{name}: the same operation").format(name=node.label)
        if len(there) > 1:
            words += tr(", with {n} conversions: {others}").format(
                n=fmt.count(len(there) - 1), others=self._named(there[1:])
            )
        return words

    def _right_words(self, index: int) -> str:
        node = self.right.canvas.items.nodes[index]
        sources = self._map.left_of(index)
        if not sources:
            return tr("{name}: added, no counterpart").format(name=node.label)
        named = fmt.listed(self.left.canvas.items.nodes[one].label for one in sources[:_MOST_NAMED])
        return tr("{name}: stands for {others}").format(name=node.label, others=named)

    def _named(self, indices: tuple[int, ...]) -> str:
        nodes = self.right.canvas.items.nodes
        more = "…" if len(indices) > _MOST_NAMED else ""
        return fmt.listed(nodes[index].label for index in indices[:_MOST_NAMED]) + more

    def _say(self) -> None:
        if self._map is None:
            return
        if self._chosen is None:
            alone = len(self.left.canvas.items.nodes) - len(self._map.with_right)
            added = len(self.right.canvas.items.nodes) - len(self._map.with_left)
            words = tr("Choose a box to see its counterpart. Without one: {n} here, {m} there.").format(
                n=fmt.count(alone), m=fmt.count(added)
            )
        else:
            side, index = self._chosen
            words = self._left_words(index) if side == "left" else self._right_words(index)
        self.words.setText(words)
        for panel in (self.left, self.right):
            panel.canvas.setAccessibleDescription(words)

    def retranslate(self) -> None:
        for name, words, panel in zip(
            self.names, (tr("Original"), tr("Compressed")), (self.left, self.right), strict=True
        ):
            name.setText(tr("{which} · coloured by bits").format(which=words))
            panel.retranslate()
            panel.canvas.setAccessibleName(tr("Graph, {which}").format(which=words))
        self.all_button.setText(tr("All operations"))
        self.all_button.setToolTip(tr("Show every operation, not the layers alone"))
        self.all_button.setAccessibleName(tr("Show every operation, not the layers alone"))
        self._tell_empty()
        self._say()

    # ------------------------------------------------------------ Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._session.layouts.side.want(self.detail)
        self._show()
        # the views get their sizes behind this
        QTimer.singleShot(0, self, self._bring_chosen)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._session.layouts.side.want(self.detail, wanted=False)
