"""A graph with what floats over it: the minimap, the buttons for the zoom, a word where there is no graph."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from gui.i18n import tr
from gui.models.graph_items import GraphItems
from gui.theme import Theme
from gui.widgets.graph_canvas import GraphCanvas
from gui.widgets.graph_painter import GraphLook
from gui.widgets.graph_scroller import MARGIN, READABLE
from gui.widgets.map_corner import best_corner
from gui.widgets.minimap import Minimap

EDGE = 10
BESIDE, BELOW = 34, 36
"""Pixels between the canvas's border and what floats over it, at least."""

LEAST_WITH_MAP = 200
"""Pixels: on a narrower canvas the minimap would lie over the drawing."""
REST_MS = 250
"""So long the view has to stand still before the minimap gives way: over a moving one it would jump about."""


class GraphPanel(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = GraphCanvas(theme)
        # below the drawing there is room for the buttons
        self.canvas.setViewportMargins(BESIDE, 0, 0, BELOW)
        self.empty = QLabel(self.canvas)
        self.empty.setProperty("muted", True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.minimap = Minimap(theme, self.canvas)
        self._over = False
        self._corner = 0
        """Place of the minimap among `_corners`."""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._give_way)
        self.zoom_buttons = QWidget(self.canvas)
        zooms = QHBoxLayout(self.zoom_buttons)
        zooms.setContentsMargins(0, 0, 0, 0)
        zooms.setSpacing(4)
        self.in_button, self.out_button, self.fit_button = (
            self._zoom_button(sign, zooms) for sign in ("+", "−", "⤢")
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvas)
        self.canvas.installEventFilter(self)
        self.canvas.view_moved.connect(self.place_overlays)
        self.minimap.moved.connect(self.canvas.centre_on)
        self.in_button.clicked.connect(self.canvas.zoom_in)
        self.out_button.clicked.connect(self.canvas.zoom_out)
        self.fit_button.clicked.connect(self.canvas.fit)

    def _zoom_button(self, sign: str, layout: QHBoxLayout) -> QToolButton:
        button = QToolButton()
        button.setText(sign)
        button.setFixedSize(28, 28)
        # the sheet's side padding leaves no room for a sign in a square button
        button.setStyleSheet("padding: 0;")
        layout.addWidget(button)
        return button

    def retranslate(self) -> None:
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

    def show_items(self, items: GraphItems | None, keep: tuple[int, QPointF] | None = None) -> None:
        """As `GraphCanvas.show_items`."""
        self.minimap.show_items(items)
        self._corner = 0
        self._make_room(items)
        self.canvas.show_items(items, keep)
        self.zoom_buttons.setEnabled(items is not None)

    def _make_room(self, items: GraphItems | None) -> None:
        """The minimap stands beside a drawing that fits there. None is needed where all is in view; beside a
        drawing that is wider than the view, an empty strip would look as if it were cut off."""
        beside = max(BESIDE, EDGE + self.minimap.width() - MARGIN)
        if items is not None:
            wide, high = items.bounds.width(), items.bounds.height()
            across, down = self.canvas.width() - 2 * MARGIN, self.canvas.height() - BELOW - 2 * MARGIN
            beside = min(beside, int(across - wide * READABLE))
            if (wide <= across and high <= down) or beside < BESIDE:
                beside = 0
        self.canvas.setViewportMargins(beside, 0, 0, BELOW)
        self._over = beside < EDGE + self.minimap.width() - MARGIN
        self.minimap.set_over(self._over)

    def show_look(self, look: GraphLook) -> None:
        chosen = look.selected != self.canvas.look.selected
        self.canvas.show_look(look)
        self.minimap.show_look(look)
        if chosen:
            self._rest.start()

    def say(self, words: str) -> None:
        """What stands in place of a graph; '' where there is one."""
        self.empty.setText(words)
        self.empty.setVisible(bool(words))

    def place_overlays(self) -> None:
        view = self.canvas.viewport().geometry()
        self.empty.setGeometry(view.adjusted(24, 0, -24, 0))
        size = self.zoom_buttons.sizeHint()
        self.zoom_buttons.setVisible(self.canvas.items is not None)
        self.zoom_buttons.setGeometry(
            view.right() - size.width() - EDGE + 1, view.bottom() + 4, size.width(), size.height()
        )
        self._place_map()
        self._rest.start()
        wide = self.canvas.width() >= LEAST_WITH_MAP
        self.minimap.setVisible(self.canvas.items is not None and wide and not self.canvas.fits())
        self.minimap.show_area(self.canvas.area())

    def _corners(self) -> list[QRectF]:
        """Where the minimap may lie, in the viewport; at first at the left below, beside a drawing always."""
        view, width, height = self.canvas.viewport(), self.minimap.width(), self.minimap.height()
        left = EDGE - view.geometry().left()
        right, below = view.width() - width - EDGE, view.height() - height
        places = [(left, below), (right, below), (left, EDGE), (right, EDGE)]
        return [QRectF(x, y, width, height) for x, y in places[: 4 if self._over else 1]]

    def _place_map(self) -> None:
        corners = self._corners()
        place = corners[min(self._corner, len(corners) - 1)].topLeft()
        self.minimap.move((place + QPointF(self.canvas.viewport().geometry().topLeft())).toPoint())

    def _give_way(self) -> None:
        """Lie where the least of what is in view is hidden, and nothing of the chosen box."""
        items = self.canvas.items
        if items is None or not self._over or not self.minimap.isVisible() or self.minimap.underMouse():
            return
        seen = items.nodes_in(self.canvas.area())
        origin, zoom = self.canvas.to_view(QPointF(0, 0)), self.canvas.zoom
        boxes = items.rects[seen] * zoom + (origin.x(), origin.y()) * 2
        chosen = items.by_layer.get(self.canvas.look.selected or "")
        row = next(iter((seen == chosen).nonzero()[0].tolist()), None) if chosen is not None else None
        self._corner = best_corner(self._corners(), boxes, row, self._corner)
        self._place_map()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.canvas and event.type() == QEvent.Type.Resize:
            self._make_room(self.canvas.items)
            # after the canvas itself has taken the new size
            QTimer.singleShot(0, self, self.place_overlays)
        return super().eventFilter(watched, event)
