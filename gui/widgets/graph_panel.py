"""A graph with what floats over it: the minimap, the buttons for the zoom, a word where there is no graph."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from gui.i18n import tr
from gui.models.graph_items import GraphItems
from gui.theme import Theme
from gui.widgets.graph_canvas import GraphCanvas
from gui.widgets.graph_painter import GraphLook
from gui.widgets.graph_scroller import MARGIN, READABLE
from gui.widgets.minimap import Minimap

EDGE = 10
BESIDE, BELOW = 34, 36
"""Pixels between the canvas's border and what floats over it, at least."""

LEAST_WITH_MAP = 200
"""Pixels: on a narrower canvas the minimap would lie over the drawing."""


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
        self.minimap.set_over(beside < EDGE + self.minimap.width() - MARGIN)

    def show_look(self, look: GraphLook) -> None:
        self.canvas.show_look(look)
        self.minimap.show_look(look)

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
        self.minimap.move(EDGE, view.bottom() - self.minimap.height() + 1)
        wide = self.canvas.width() >= LEAST_WITH_MAP
        self.minimap.setVisible(self.canvas.items is not None and wide and not self.canvas.fits())
        self.minimap.show_area(self.canvas.area())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.canvas and event.type() == QEvent.Type.Resize:
            self._make_room(self.canvas.items)
            # after the canvas itself has taken the new size
            QTimer.singleShot(0, self, self.place_overlays)
        return super().eventFilter(watched, event)
