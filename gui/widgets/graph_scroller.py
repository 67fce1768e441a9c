"""A view over the graph's plane: how far away, which part; knows nothing of boxes' looks or of clicks."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from gui.models.graph_items import GraphItems

MARGIN = 14
"""Pixels around the graph."""
MINIMAP_SPACE = 46
"""Pixels at the left that the minimap of a narrow graph takes."""
BELOW = 90
"""Pixels that a graph with a scroll bar has below it, so that nothing stays under what floats there."""
SMALLEST, LARGEST = 0.002, 4.0
"""Limits of the zoom; a graph that would not fit even so may be made smaller still."""
READABLE = 0.7
"""The zoom of the first look, at least."""
STEP = 1.25
FEW = 3
"""Boxes that a first look should show at least."""


class GraphScroller(QAbstractScrollArea):
    view_moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: GraphItems | None = None
        self._zoom = 1.0
        self._untouched = True
        self._current: int | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        # without one the style draws a grip between the scroll bars
        self.setCornerWidget(QWidget())
        self.horizontalScrollBar().setSingleStep(24)
        self.verticalScrollBar().setSingleStep(24)
        self.horizontalScrollBar().valueChanged.connect(self._on_bar)
        self.verticalScrollBar().valueChanged.connect(self._on_bar)

    @property
    def items(self) -> GraphItems | None:
        return self._items

    @property
    def zoom(self) -> float:
        return self._zoom

    def area(self) -> QRectF:
        """The part of the graph that is in view, in its own coordinates."""
        size = self.viewport().size()
        top_left = self.to_graph(QPointF(0, 0))
        return QRectF(top_left.x(), top_left.y(), size.width() / self._zoom, size.height() / self._zoom)

    def fits(self) -> bool:
        """Whether all of it is in view."""
        return self.horizontalScrollBar().maximum() == 0 and self.verticalScrollBar().maximum() == 0

    def to_graph(self, position: QPointF) -> QPointF:
        return (position - self._origin()) / self._zoom

    def to_view(self, point: QPointF) -> QPointF:
        return point * self._zoom + self._origin()

    def _origin(self) -> QPointF:
        """Where the graph's (0, 0) is, in pixels of the viewport. A narrow graph is centred."""
        if self._items is None:
            return QPointF()
        bounds = self._items.bounds
        size = self.viewport().size()
        free_x = size.width() - bounds.width() * self._zoom
        if free_x < 2 * MARGIN:
            x = MARGIN - self.horizontalScrollBar().value()
        elif self.verticalScrollBar().maximum() > 0:
            # a little to the right where the minimap would lie on it
            x = max(free_x / 2, min(MINIMAP_SPACE, free_x - 8))
        else:
            x = free_x / 2
        y = MARGIN - self.verticalScrollBar().value()
        return QPointF(x - bounds.left() * self._zoom, y - bounds.top() * self._zoom)

    def zoom_to(self, zoom: float, about: QPointF | None = None) -> None:
        """Set the zoom, keeping what is at `about` (in the viewport; default its middle) where it is."""
        about = about if about is not None else QPointF(self.viewport().rect().center())
        fixed = self.to_graph(about)
        self._untouched = False
        self._set_zoom(zoom)
        moved = self.to_view(fixed) - about
        self._scroll_by(moved.x(), moved.y())
        self._on_scrolled()

    def zoom_in(self) -> None:
        self.zoom_to(self._zoom * STEP)

    def zoom_out(self) -> None:
        self.zoom_to(self._zoom / STEP)

    def fit(self) -> None:
        """Show all of it."""
        if self._items is None or self._items.bounds.isEmpty():
            return
        self._untouched = False
        self._set_zoom(min(self._fitting(), 1.5))
        self._on_scrolled()

    def _fitting(self) -> float:
        """The zoom at which all of it is in view."""
        if self._items is None or self._items.bounds.isEmpty():
            return 1.0
        bounds, size = self._items.bounds, self.viewport().size()
        across, down = size.width() - 2 * MARGIN, size.height() - 2 * MARGIN
        return max(min(across / bounds.width(), down / bounds.height()), 1e-5)

    def fit_width(self) -> None:
        """The first look: readable, from the top; as wide as the view where that stays readable."""
        if self._items is not None and not self._items.bounds.isEmpty():
            width = (self.viewport().width() - 2 * MARGIN) / self._items.bounds.width()
            self._set_zoom(min(1.0, max(width, READABLE)))
            self.centre_on(QPointF(self._items.start_x(), self._items.bounds.top()))
            layers = self._items.by_layer.values()
            if layers and len(self._items.nodes_in(self.area())) < FEW:
                # branches that lie far apart leave the input alone in the middle between them
                self.centre_on(self._items.rect(min(layers, key=self._top)).center())
        else:
            self._set_zoom(1.0)
        self._untouched = True
        self._on_scrolled()

    def _top(self, index: int) -> float:
        assert self._items is not None
        return self._items.rect(index).top()

    def bring_into_view(self, index: int) -> None:
        """Scroll as little as needed; a node far outside comes to the middle."""
        if self._items is None:
            return
        rect = self._items.rect(index)
        view = QRectF(self.viewport().rect())
        box = QRectF(self.to_view(rect.topLeft()), rect.size() * self._zoom).adjusted(-12, -12, 12, 12)
        if view.contains(box):
            return
        far = not view.intersects(box)
        if far or box.height() > view.height() or box.width() > view.width():
            self.centre_on(rect.center())
        else:
            self._scroll_by(
                max(0.0, box.right() - view.right()) or min(0.0, box.left() - view.left()),
                max(0.0, box.bottom() - view.bottom()) or min(0.0, box.top() - view.top()),
            )

    def centre_on(self, point: QPointF) -> None:
        moved = self.to_view(point) - QPointF(self.viewport().rect().center())
        self._scroll_by(moved.x(), moved.y())

    def hold(self, index: int, position: QPointF) -> None:
        """Scroll so that a node's middle is at `position` of the viewport, as nearly as the ends allow."""
        if self._items is not None:
            moved = self.to_view(self._items.rect(index).center()) - position
            self._scroll_by(moved.x(), moved.y())
            self._untouched = False

    def _set_zoom(self, zoom: float) -> None:
        self._zoom = min(max(zoom, min(SMALLEST, self._fitting())), LARGEST)
        self._set_ranges()

    def _set_ranges(self) -> None:
        size = self.viewport().size()
        bounds = self._items.bounds if self._items is not None else QRectF()
        for bar, length, page in (
            (self.horizontalScrollBar(), bounds.width(), size.width()),
            (self.verticalScrollBar(), bounds.height(), size.height()),
        ):
            spare = round(length * self._zoom + 2 * MARGIN - page)
            if spare > 0 and bar is self.verticalScrollBar():
                spare += BELOW
            bar.setRange(0, max(0, spare))
            bar.setPageStep(max(1, page - 40))

    def _scroll_by(self, x: float, y: float) -> None:
        for bar, distance in ((self.horizontalScrollBar(), x), (self.verticalScrollBar(), y)):
            bar.setValue(bar.value() + round(distance))

    def _on_scrolled(self) -> None:
        """All of the view is another."""
        self.viewport().update()
        self.view_moved.emit()

    def _on_bar(self, _value: int) -> None:
        self.view_moved.emit()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted, and paint only what came into view."""
        if self._moves_as_one():
            self.viewport().scroll(dx, dy)
        else:
            self.viewport().update()

    def _moves_as_one(self) -> bool:
        """Whether nothing painted keeps its place in the view while the graph moves."""
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._untouched:
            self._set_ranges()
            self._on_scrolled()
            return
        self.fit_width()
        if self._current is not None:  # what was turned to stays in view
            self.bring_into_view(self._current)
