"""The panel 'Layers': the network as a graph, coloured by a figure of choice."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.values import Graph, Layer
from gui import format as fmt
from gui.i18n import tr
from gui.models.graph_items import GraphItems
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_figures import FIGURES, Figures, figure_name, resolve
from gui.widgets.graph_canvas import GraphCanvas
from gui.widgets.graph_painter import BRACKET_WIDTH, GraphLook
from gui.widgets.heat_legend import HeatLegend
from gui.widgets.minimap import Minimap

REFRESH_MS = 50
"""A slider being dragged or a sweep under way repaints the colours at most so often."""
EDGE = 10
BESIDE, BELOW = 34, 36
"""Pixels between the canvas's border and what floats over it."""


class GraphView(QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._detail = "layers"
        self._layers: dict[str, Layer] = {}
        self._coupled: dict[str, tuple[str, ...]] = {}
        self._figures = Figures()
        self._matches: list[int] = []
        self._match = -1
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
        self.heading = QLabel()
        self.heading.setProperty("heading", True)
        self.by_label = QLabel()
        self.by_label.setProperty("muted", True)
        self.figure_box = QComboBox()
        # not only at first show: names change their width with the language
        self.figure_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for figure in FIGURES:
            self.figure_box.addItem("", figure)
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 10, 8)
        top.addWidget(self.heading)
        top.addStretch(1)
        top.setSpacing(8)
        top.addWidget(self.by_label)
        top.addWidget(self.figure_box)

        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(80)
        self.found = QLabel()
        self.found.setProperty("small", True)
        self.found.hide()
        self.all_button = QToolButton()
        self.all_button.setCheckable(True)
        tools = QHBoxLayout()
        tools.setContentsMargins(10, 8, 10, 4)
        tools.setSpacing(6)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.found)
        tools.addWidget(self.all_button)

        self.canvas = GraphCanvas(self._theme)
        self.canvas.set_tooltip(self.describe)
        # the minimap stands beside the drawing and the buttons below it: nothing is covered
        self.canvas.setViewportMargins(BESIDE, 0, 0, BELOW)
        self.empty = QLabel(self.canvas)
        self.empty.setProperty("muted", True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.minimap = Minimap(self._theme, self.canvas)
        self.zoom_buttons = QWidget(self.canvas)
        zooms = QHBoxLayout(self.zoom_buttons)
        zooms.setContentsMargins(0, 0, 0, 0)
        zooms.setSpacing(4)
        self.in_button, self.out_button, self.fit_button = (
            self._zoom_button(sign, zooms) for sign in ("+", "−", "⤢")
        )
        self.legend = HeatLegend(self._theme)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(14, 8, 14, 10)
        bottom.addWidget(self.legend)

        self._rule = QFrame()
        self._rule.setFixedHeight(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._rule)
        column.addLayout(tools)
        column.addWidget(self.canvas, 1)
        column.addLayout(bottom)
        self.setMinimumWidth(220)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _zoom_button(self, sign: str, layout: QHBoxLayout) -> QToolButton:
        button = QToolButton()
        button.setText(sign)
        button.setFixedSize(28, 28)
        # the sheet's side padding leaves no room for a sign in a square button
        button.setStyleSheet("padding: 0;")
        layout.addWidget(button)
        return button

    def _connect(self) -> None:
        session = self._session
        session.model_changed.connect(self._on_model)
        session.graph_changed.connect(self._on_graph)
        session.selection_changed.connect(self._on_selection)
        session.plan_changed.connect(self._on_figures)
        session.points_changed.connect(self._on_figures)
        session.timings_changed.connect(self._on_figures)
        session.blame.changed.connect(self._on_figures)
        self._theme.changed.connect(self._on_theme)
        self.figure_box.currentIndexChanged.connect(self._on_figures)
        self.all_button.toggled.connect(self._on_detail)
        self.search.textChanged.connect(self._on_search)
        self.search.installEventFilter(self)
        self.canvas.installEventFilter(self)
        self.canvas.node_chosen.connect(self._on_chosen)
        self.canvas.view_moved.connect(self._place_overlays)
        self.canvas.search_asked.connect(self.focus_search)
        self.minimap.moved.connect(self.canvas.centre_on)
        self.in_button.clicked.connect(self.canvas.zoom_in)
        self.out_button.clicked.connect(self.canvas.zoom_out)
        self.fit_button.clicked.connect(self.canvas.fit)
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
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search the graph"))
        self.search.setToolTip(tr("Part of a name or kind; Enter goes to the next match"))
        self.all_button.setText(tr("All operations"))
        self._describe_toggle()
        for button, words in (
            (self.in_button, tr("Zoom in (+)")),
            (self.out_button, tr("Zoom out (−)")),
            (self.fit_button, tr("Show the whole graph (0)")),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words)
        self.canvas.setAccessibleName(tr("Graph of the network"))
        self.minimap.setAccessibleName(tr("Overview of the graph"))
        self.minimap.setToolTip(tr("Drag to move the view"))
        self._tell_empty()
        self._show_found()
        self._recolour()

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
        with QSignalBlocker(self.search):
            self.search.clear()
        self._show_graph()

    def _on_graph(self, graph: Graph) -> None:
        self._describe_toggle()
        if graph.detail == self._detail:
            self._show_graph()

    def _on_detail(self, everything: bool) -> None:
        self._detail = "nodes" if everything else "layers"
        self._show_graph()

    def _show_graph(self) -> None:
        graph = self._session.graphs.get(self._detail)
        spare = BRACKET_WIDTH if self._coupled else 0.0
        items = GraphItems(graph, spare) if graph is not None and graph.nodes else None
        self._matches, self._match = [], -1
        self._figures = resolve(self._session, self.figure)
        # first the colours, then the boxes: nothing is painted twice
        self._show_look(items)
        self.canvas.show_items(items)
        self.minimap.show_items(items)
        self._describe_toggle()
        self._tell_empty()
        for control in (self.search, self.zoom_buttons):
            control.setEnabled(items is not None)
        if self.search.text():
            self._on_search(self.search.text())
        self._on_selection(self._session.selection)

    def _on_selection(self, layer_id: str | None) -> None:
        items = self.canvas.items
        if items is not None:
            index = items.by_layer.get(layer_id) if layer_id is not None else None
            if index is not None:
                self.canvas.mark(index)
                self.canvas.setAccessibleDescription(self.describe(index))
        self._show_look(items)

    def _on_chosen(self, layer_id: str | None) -> None:
        if layer_id is not None:
            self._session.select(layer_id)
        elif self.canvas.current is not None:
            self.canvas.setAccessibleDescription(self.describe(self.canvas.current))

    def _on_figures(self, _value: object = None) -> None:
        self._session.set_figure(self.figure)
        if not self._refresh.isActive():
            self._refresh.start()

    def _on_theme(self, _name: str) -> None:
        self._show_look(self.canvas.items)

    @property
    def figure(self) -> str:
        return self.figure_box.currentData()

    def _recolour(self) -> None:
        self._figures = resolve(self._session, self.figure)
        self._show_look(self.canvas.items)

    def _show_look(self, items: GraphItems | None) -> None:
        searching = items is not None and bool(self.search.text().strip())
        look = GraphLook(
            shares=self._figures.shares,
            bits=self._figures.bits,
            groups=self._coupled,
            coupled=frozenset(member for ids in self._coupled.values() for member in ids),
            selected=self._session.selection,
            matches=frozenset(self._matches) if searching else None,
            hit=self._matches[self._match] if searching and self._match >= 0 else None,
        )
        self.canvas.show_look(look)
        self.minimap.show_look(look)
        self.legend.show_legend(self._figures.legend)
        self.legend.setVisible(self._session.model is not None)
        self._rule.setStyleSheet(f"background: {self._theme.color('line').name()}; border: none;")

    # ------------------------------------------------------------ search

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _on_search(self, words: str) -> None:
        wanted = words.strip().casefold()
        items = self.canvas.items
        self._matches = []
        self._match = -1
        if wanted and items is not None:
            self._matches = [
                index for index, node in enumerate(items.nodes) if wanted in self._searchable(node)
            ]
            # as the eye goes: from the top, then from the left
            self._matches.sort(key=lambda index: (items.nodes[index].y, items.nodes[index].x))
        self._show_found()
        self._show_look(items)

    def _searchable(self, node) -> str:
        layer = self._layers.get(node.layer_id)
        kind = layer.kind if layer is not None else node.op
        return f"{node.label}\n{node.id}\n{kind}\n{node.op}".casefold()

    def _next_match(self, step: int) -> None:
        if not self._matches:
            return
        self._match = (self._match + step) % len(self._matches) if self._match >= 0 else min(step - 1, 0)
        self._match %= len(self._matches)
        index = self._matches[self._match]
        self.canvas.mark(index)
        self._on_chosen(self.canvas.items.nodes[index].layer_id)
        self._show_found()
        self._show_look(self.canvas.items)

    def _show_found(self) -> None:
        self.found.setVisible(bool(self.search.text().strip()))
        if not self._matches:
            self.found.setText(tr("none"))
        elif self._match < 0:
            self.found.setText(fmt.count(len(self._matches)))
        else:
            self.found.setText(
                tr("{n} of {total}").format(n=fmt.count(self._match + 1), total=fmt.count(len(self._matches)))
            )

    def eventFilter(self, watched, event: QEvent) -> bool:
        if watched is self.search and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
                self._next_match(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.search.clear()
                self.canvas.setFocus()
                return True
        if watched is self.canvas and event.type() == QEvent.Type.Resize:
            # after the canvas itself has taken the new size
            QTimer.singleShot(0, self, self._place_overlays)
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------ words

    def describe(self, index: int) -> str:
        """Plain text about a node: full name, kind, shape, parameters, figures."""
        node = self.canvas.items.nodes[index]
        layer = self._layers.get(node.layer_id)
        if layer is None:
            return "\n".join(part for part in (node.id, node.op, node.detail) if part)
        shape = " × ".join(str(size) for size in layer.shape)
        lines = [
            layer.id,
            tr("{kind} · weights {shape}").format(kind=layer.kind, shape=shape),
            tr("{n} parameters · {size}").format(n=fmt.large(layer.params), size=fmt.size(layer.bytes)),
        ]
        figure = self._figures.texts.get(layer.id, tr("not measured yet"))
        lines.append(tr("{figure}: {value}").format(figure=figure_name(self.figure), value=figure))
        if layer.group is not None and layer.id in self.canvas.look.coupled:
            lines.append(tr("Shares its weights: changed together with other layers"))
        return "\n".join(lines)

    def _tell_empty(self) -> None:
        if self.canvas.items is not None:
            words = ""
        elif self._session.model is None:
            words = tr("Open a model to see its layers here.")
        elif self._detail in self._session.graphs:
            words = tr("This model has no operations to draw.")
        else:
            words = tr("Laying out the graph …")
        self.empty.setText(words)
        self.empty.setVisible(bool(words))

    # ------------------------------------------------------------ Qt

    def _place_overlays(self) -> None:
        view = self.canvas.viewport().geometry()
        self.empty.setGeometry(view.adjusted(24, 0, -24, 0))
        size = self.zoom_buttons.sizeHint()
        self.zoom_buttons.setVisible(self.canvas.items is not None)
        self.zoom_buttons.setGeometry(
            view.right() - size.width() - EDGE + 1, view.bottom() + 4, size.width(), size.height()
        )
        self.minimap.move(EDGE, view.bottom() - self.minimap.height() + 1)
        self.minimap.setVisible(self.canvas.items is not None and not self.canvas.fits())
        self.minimap.show_area(self.canvas.area())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
