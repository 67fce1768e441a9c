"""The panel 'Layers': the network as a graph, coloured by a figure of choice."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.values import Graph, GraphNode, Layer
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr
from gui.models.graph_items import GROUP, GraphItems
from gui.models.group_frames import FRAMES_ROOM, GroupFrames
from gui.models.rollup import Rolled, RollUps, rolled
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_compare import GraphComparison, Snapshots
from gui.views.graph_export import GraphExport
from gui.views.graph_figures import FIGURES, WEIGHTS, figure_name, resolve
from gui.views.graph_groups import GraphGrouping
from gui.views.graph_scales import Figures
from gui.views.graph_search import GraphSearch
from gui.views.graph_ties import GraphTies
from gui.views.graph_words import describe_group, describe_layer, why_empty
from gui.widgets.graph_painter import BRACKET_WIDTH, GraphLook
from gui.widgets.graph_panel import GraphPanel
from gui.widgets.heat_legend import HeatLegend
from gui.widgets.labels import Heading, heading
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating
from gui.widgets.yielding_box import YieldingBox

REFRESH_MS = 50
"""A slider being dragged or a sweep under way repaints the colours at most so often."""


class GraphView(Retranslating, QWidget):
    def __init__(
        self,
        session: Session,
        theme: Theme,
        keeper: Snapshots | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.comparison = GraphComparison(keeper, self)
        self._detail = "layers"
        self._layers: dict[str, Layer] = {}
        self._coupled: dict[str, tuple[str, ...]] = {}
        self._figures = Figures()
        self.ties = GraphTies(session)
        self._frames = GroupFrames()
        self._badges: dict[str, str] = {}
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self._recolour)
        self._build()
        self._connect()
        self.retranslate()
        self._on_model(session.model)

    # ------------------------------------------------------------ parts

    def _build(self) -> None:
        self.heading = heading()
        explain(self.heading, "layer")
        self.by_label = Heading(64)
        self.by_label.setProperty("muted", True)
        self.figure_box = YieldingBox()
        explain(self.figure_box, "sensitivity", "damage", "blame")
        # not only at first show: names change their width with the language
        self.figure_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.figure_box.setMinimumWidth(64)
        for figure in FIGURES:
            self.figure_box.addItem("", figure)
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 10, 8)
        top.addWidget(self.heading)
        top.addStretch(1)
        top.setSpacing(8)
        top.addWidget(self.by_label)
        top.addWidget(self.figure_box)

        self.finder = GraphSearch(self._searchable)
        self.search, self.found = self.finder.edit, self.finder.found
        self.all_button = QToolButton()
        self.all_button.setCheckable(True)
        tools = QHBoxLayout()
        tools.setContentsMargins(10, 8, 10, 4)
        tools.setSpacing(6)
        self.more_button = QToolButton()
        self.more_button.setText("⋯")
        self.more_button.setFixedWidth(30)
        self.more_button.setStyleSheet("padding-left: 0; padding-right: 0;")
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more_menu = QMenu(self.more_button)
        self.more_button.setMenu(self.more_menu)
        tools.addWidget(self.finder, 1)
        tools.addWidget(self.all_button)
        tools.addWidget(self.more_button)

        self.panel = GraphPanel(self._theme)
        self.canvas, self.minimap, self.empty = self.panel.canvas, self.panel.minimap, self.panel.empty
        self.in_button, self.out_button = self.panel.in_button, self.panel.out_button
        self.fit_button, self.zoom_buttons = self.panel.fit_button, self.panel.zoom_buttons
        self.canvas.set_tooltip(self.describe)
        self.grouping = GraphGrouping(self._session, self.canvas)
        self.export = GraphExport(self._session, self._theme, self.canvas, self.more_button)
        self.legend = HeatLegend(self._theme)
        self.switches = QLabel()
        self.switches.setProperty("small", True)
        bottom = QVBoxLayout()
        bottom.setContentsMargins(14, 8, 14, 10)
        bottom.setSpacing(4)
        bottom.addWidget(self.legend)
        bottom.addWidget(self.switches)

        self._rule = QFrame()
        self._rule.setFixedHeight(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._rule)
        column.addLayout(tools)
        column.addWidget(self.panel, 1)
        column.addLayout(bottom)
        self.setMinimumWidth(220)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _connect(self) -> None:
        session = self._session
        session.model_changed.connect(self._on_model)
        session.graph_changed.connect(self._on_graph)
        session.layouts.changed.connect(self._on_layout)
        session.selection_changed.connect(self._on_selection)
        session.plan_changed.connect(self._on_figures)
        session.points_changed.connect(self._on_figures)
        session.timings_changed.connect(self._on_figures)
        session.blame.changed.connect(self._on_figures)
        session.weights.changed.connect(self._on_figures)
        session.layouts.wired.connect(self._recolour)
        session.couplings.changed.connect(self._on_coupled)
        self.comparison.changed.connect(self._on_figures)
        self._theme.changed.connect(self._on_theme)
        self.figure_box.currentIndexChanged.connect(self._on_figure)
        self.all_button.toggled.connect(self._on_detail)
        self.finder.changed.connect(self._on_search)
        self.finder.reached.connect(self._on_reached)
        self.finder.left.connect(self.canvas.setFocus)
        self.more_menu.aboutToShow.connect(self._fill_menu)
        self.canvas.node_chosen.connect(self._on_chosen)
        self.canvas.search_asked.connect(self.focus_search)
        self._find = QShortcut(QKeySequence.StandardKey.Find, self)
        self._find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._find.activated.connect(self.focus_search)

    def retranslate(self) -> None:
        self.heading.setText(tr("Layers"))
        self.by_label.setText(tr("colour by"))
        with QSignalBlocker(self.figure_box):
            for index, figure in enumerate(FIGURES):
                self.figure_box.setItemText(index, figure_name(figure))
        self.figure_box.setAccessibleName(tr("Colour the layers by"))
        self.finder.retranslate()
        self.more_button.setToolTip(tr("Groups, differences, picture"))
        self.more_button.setAccessibleName(tr("Groups, differences, picture"))
        self.all_button.setText(tr("All operations"))
        self._describe_toggle()
        self.panel.retranslate()
        self.switches.setToolTip(plain_tip(tr("Where the plan converts values between float and integers")))
        self._tell_empty()
        self._recolour()
        if self.canvas.items is not None and self.canvas.current is not None:
            self.canvas.setAccessibleDescription(self.describe(self.canvas.current))

    def _describe_toggle(self) -> None:
        there = self._session.model is None or "nodes" in self._session.graphs
        words = tr("Show every operation, not the layers alone") if there else tr("Not laid out yet")
        self.all_button.setToolTip(words)
        self.all_button.setAccessibleName(words)
        self.all_button.setEnabled("nodes" in self._session.graphs or self.all_button.isChecked())

    # ------------------------------------------------------------ the session says

    def _on_model(self, model) -> None:
        self._layers = {layer.id: layer for layer in model.layers} if model is not None else {}
        groups: dict[str, list[str]] = {}
        for layer in self._layers.values():
            if layer.group is not None:
                groups.setdefault(layer.group, []).append(layer.id)
        self._coupled = {name: tuple(ids) for name, ids in groups.items() if len(ids) > 1}
        self.finder.clear()
        self._show_graph()

    def _on_graph(self, graph: Graph) -> None:
        self._describe_toggle()
        if graph.detail == self._detail:
            self._show_graph()

    def _on_layout(self, detail: str) -> None:
        """Groups were told, opened or closed."""
        if detail != self._detail:
            return
        items = self.canvas.items
        if items is None or items.graph is not self._session.layouts.graph(detail):
            self._show_graph()
        else:
            self._frame_groups(items)
            self._show_look(items)

    def _on_detail(self, every: bool) -> None:
        self._detail = self.grouping.detail = self._session.layouts.shown = "nodes" if every else "layers"
        self._show_graph()

    def _show_graph(self) -> None:
        graph = self._session.layouts.graph(self._detail)
        tree = self.grouping.tree
        spare = BRACKET_WIDTH if self._coupled else 0.0
        inside = tree.layers if tree is not None else None
        room = FRAMES_ROOM if tree is not None and tree.groups else 0.0
        items = GraphItems(graph, spare, inside, room) if graph is not None and graph.nodes else None
        self._figures = resolve(self._session, self.figure, self.comparison.against)
        self._frame_groups(items)
        self.finder.show_items(items)
        kept, place, marked = self.grouping.where(graph) if items is not None else (None, None, None)
        # first the colours, then the boxes: nothing is painted twice
        self._show_look(items)
        if kept is not None and place is not None:
            self.panel.show_items(items, (items.by_id[kept], place))
        else:
            self.panel.show_items(items)
        self._describe_toggle()
        self._tell_empty()
        if marked is not None:
            self.canvas.mark(items.by_id[marked], scroll=False)
            self.canvas.setAccessibleDescription(self.describe(items.by_id[marked]))
        else:
            self._on_selection(self._session.selection)

    def _frame_groups(self, items: GraphItems | None) -> None:
        tree = self.grouping.tree
        self._frames = GroupFrames(items, tree)
        self._badges = {}
        if items is None or tree is None:
            return
        for index in items.groups:
            group = tree.by_id[items.nodes[index].id]
            if group.repeats:
                self._badges[group.id] = f"× {fmt.count(group.repeats)}"
            elif tree.count_alike(group.id) > 1:
                self._badges[group.id] = f"≡ {fmt.count(tree.count_alike(group.id))}"

    def _on_selection(self, layer_id: str | None) -> None:
        items = self.canvas.items
        if items is not None:
            index = items.by_layer.get(layer_id) if layer_id is not None else None
            if index is not None:
                self.canvas.mark(index)
                self.canvas.setAccessibleDescription(self.describe(index))
        self._show_look(items)

    def _on_coupled(self) -> None:
        self._show_look(self.canvas.items)
        if self.canvas.current is not None:
            self.canvas.setAccessibleDescription(self.describe(self.canvas.current))

    def _on_chosen(self, layer_id: str | None) -> None:
        if layer_id is not None:
            self._session.select(layer_id)
        elif self.canvas.current is not None:
            self.canvas.setAccessibleDescription(self.describe(self.canvas.current))

    def _on_figures(self, _value: object = None) -> None:
        self._session.set_figure(self.figure, self.comparison.against)
        if not self._refresh.isActive():
            self._refresh.start()

    def _on_figure(self, _index: int) -> None:
        self._session.weights.want(self.figure in WEIGHTS)
        self._on_figures()

    def _on_theme(self, _name: str) -> None:
        self._show_look(self.canvas.items)

    @property
    def figure(self) -> str:
        return self.figure_box.currentData()

    def _recolour(self) -> None:
        self._figures = resolve(self._session, self.figure, self.comparison.against)
        self._show_look(self.canvas.items)

    def _show_look(self, items: GraphItems | None) -> None:
        self.ties.resolve(items, self._detail, self.grouping.tree)
        look = GraphLook(
            shares=self._figures.shares,
            scale=self._figures.scale,
            bits=self._figures.bits,
            groups=self._coupled,
            coupled=frozenset(member for ids in self._coupled.values() for member in ids),
            selected=self._session.selection,
            matches=frozenset(self.finder.matches) if self.finder.searching else None,
            hit=self.finder.hit,
            rolled=RollUps(self._rolled),
            badges=self._badges,
            frames=self._frames,
            marks=self.ties.marks,
            mates=self.ties.mates(items),
        )
        self.switches.setText(self.ties.count_words())
        self.switches.setVisible(bool(self.switches.text()))
        self.panel.show_look(look)
        self.legend.show_legend(self._figures.legend)
        self.legend.setVisible(self._session.model is not None)
        self._rule.setStyleSheet(f"background: {self._theme.color('line').name()}; border: none;")

    def _rolled(self, group_id: str) -> Rolled | None:
        tree, figures = self.grouping.tree, self._figures
        if tree is None:
            return None
        weights = {layer: float(self._layers[layer].params) for layer in tree.layers(group_id)}
        layers = tree.layers(group_id)
        zero = 0.5 if figures.scale == "difference" else 0.0
        return rolled(layers, figures.shares, figures.values, figures.rule, figures.short, weights, zero)

    # ------------------------------------------------------------ search and menu

    def focus_search(self) -> None:
        self.finder.take_focus()

    def _searchable(self, node: GraphNode) -> str:
        """A closed group is found by what is in it too."""
        tree = self.grouping.tree
        if node.op == GROUP and tree is not None:
            return f"{node.label}\n{tree.words(node.id)}"
        layer = self._layers.get(node.layer_id)
        kind = f"{layer.kind}\n{fmt.layer_kind(layer.kind)}" if layer is not None else node.op
        return f"{node.label}\n{node.id}\n{kind}\n{node.op}"

    def _on_search(self) -> None:
        self._show_look(self.canvas.items)

    def _on_reached(self, index: int) -> None:
        self.canvas.mark(index)
        self._on_chosen(self.canvas.items.nodes[index].layer_id)
        self._show_look(self.canvas.items)

    def _fill_menu(self) -> None:
        self.more_menu.clear()
        self.comparison.fill(self.more_menu)
        self.more_menu.addSeparator()
        self.grouping.fill(self.more_menu)
        self.more_menu.addSeparator()
        self.export.fill(self.more_menu)

    # ------------------------------------------------------------ words

    def describe(self, index: int) -> str:
        """Plain text about a node: full name, kind, shape, parameters, figures."""
        node, tree = self.canvas.items.nodes[index], self.grouping.tree
        if node.op == GROUP and tree is not None:
            return describe_group(node, tree, self._rolled(node.id), self._figures, self.figure, self._layers)
        layer = self._layers.get(node.layer_id)
        more = self.ties.lines(self.canvas.items, node)
        if layer is None:
            return "\n".join(part for part in (node.id, node.op, node.detail, *more) if part)
        coupled = layer.id in self.canvas.look.coupled
        return "\n".join((describe_layer(layer, self._figures, self.figure, coupled), *more))

    def _tell_empty(self) -> None:
        if self.canvas.items is not None:
            words = ""
        elif self._session.model is None:
            words = tr("Open a model to see its layers here.")
        elif self._detail in self._session.graphs:
            words = why_empty(self._session.graphs[self._detail])
        else:
            words = tr("Laying out the graph …")
        self.panel.say(words)
