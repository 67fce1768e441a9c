"""The drawn graph: shows `GraphItems` under a zoom and an offset, and says what was clicked.

The wheel scrolls and Ctrl with the wheel zooms about the cursor, as in Netron beside it; a drag pans.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QToolTip, QWidget

from gui.models.graph_items import GraphItems
from gui.theme import Theme
from gui.widgets.graph_painter import GraphLook, GraphPainter

MARGIN = 14
"""Pixels around the graph."""
MINIMAP_SPACE = 46
"""Pixels at the left that the minimap of a narrow graph takes."""
BELOW = 90
"""Pixels that a graph with a scroll bar has below it, so that nothing stays under what floats there."""
SMALLEST, LARGEST = 0.002, 4.0
"""Limits of the zoom."""
STEP = 1.25


class GraphCanvas(QAbstractScrollArea):
    node_chosen = Signal(object)
    """Layer id of the node that was clicked or reached by an arrow key; None if it is no layer."""
    view_moved = Signal()
    search_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._painter = GraphPainter(theme)
        self._items: GraphItems | None = None
        self._look = GraphLook()
        self._zoom = 1.0
        self._current: int | None = None
        self._press: QPoint | None = None
        self._dragged = False
        self._untouched = True
        self._tooltip = _no_tooltip
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        # without one the style draws a grip between the scroll bars
        self.setCornerWidget(QWidget())
        self.horizontalScrollBar().setSingleStep(24)
        self.verticalScrollBar().setSingleStep(24)
        self.horizontalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    # ------------------------------------------------------------ content

    @property
    def items(self) -> GraphItems | None:
        return self._items

    @property
    def look(self) -> GraphLook:
        return self._look

    @property
    def zoom(self) -> float:
        return self._zoom

    @property
    def current(self) -> int | None:
        """Index of the node with the keyboard's mark."""
        return self._current

    def set_tooltip(self, function) -> None:
        """`function(index) -> str` gives the plain text of a node's tooltip."""
        self._tooltip = function

    def show_items(self, items: GraphItems | None) -> None:
        self._items = items
        self._current = None
        self._untouched = True
        self._painter.forget()
        self.fit_width()

    def show_look(self, look: GraphLook) -> None:
        self._look = look
        self.viewport().update()

    def mark(self, index: int | None, scroll: bool = True) -> None:
        """Put the keyboard's mark on a node and bring it into view."""
        self._current = index
        if index is not None and scroll:
            self.bring_into_view(index)
        self.viewport().update()

    # ------------------------------------------------------------ zoom and place

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
        bounds, size = self._items.bounds, self.viewport().size()
        self._untouched = False
        self._set_zoom(
            min(
                (size.width() - 2 * MARGIN) / bounds.width(),
                (size.height() - 2 * MARGIN) / bounds.height(),
                1.5,
            )
        )
        self._on_scrolled()

    def fit_width(self) -> None:
        """The first look: readable, from the top; as wide as the view where that stays readable."""
        if self._items is not None and not self._items.bounds.isEmpty():
            width = (self.viewport().width() - 2 * MARGIN) / self._items.bounds.width()
            self._set_zoom(min(1.0, max(width, 0.7)))
            self.centre_on(QPointF(self._items.start_x(), self._items.bounds.top()))
        else:
            self._set_zoom(1.0)
        self._untouched = True
        self._on_scrolled()

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

    def _set_zoom(self, zoom: float) -> None:
        self._zoom = min(max(zoom, SMALLEST), LARGEST)
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

    def _on_scrolled(self, _value: int = 0) -> None:
        self.viewport().update()
        self.view_moved.emit()

    # ------------------------------------------------------------ events

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._items is None:
            return
        painter = QPainter(self.viewport())
        painter.translate(self._origin())
        shown = QRectF(
            self.to_graph(QPointF(event.rect().topLeft())), QRectF(event.rect()).size() / self._zoom
        )
        current = self._current if self.hasFocus() else None
        self._painter.paint(painter, self._items, self._look, shown, self._zoom, current)
        if self.hasFocus() and self._current is None:
            # nothing has the keyboard's mark yet: the whole canvas shows where the keys go
            painter.resetTransform()
            self._painter.focus_frame(painter, QRectF(self.viewport().rect()))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._untouched:
            self.fit_width()
        else:
            self._set_ranges()
            self._on_scrolled()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_to(self._zoom * STEP ** (event.angleDelta().y() / 120), event.position())
            event.accept()
        else:
            self._untouched = False
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_to(self._zoom * (1 + event.value()), event.position())
                return True
        elif event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._show_tooltip(event)
            return True
        return super().viewportEvent(event)

    def _show_tooltip(self, event: QHelpEvent) -> None:
        index = self._node_at(QPointF(event.pos()))
        if index is None or self._items is None:
            QToolTip.hideText()
            return
        rect = self._items.rect(index)
        box = QRectF(self.to_view(rect.topLeft()), rect.size() * self._zoom).toRect()
        QToolTip.showText(event.globalPos(), self._tooltip(index), self.viewport(), box)

    def _node_at(self, position: QPointF) -> int | None:
        return self._items.at(self.to_graph(position)) if self._items is not None else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = event.position().toPoint()
            self._dragged = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self._press is None:
            over = self._node_at(event.position()) is not None
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
            )
            return
        moved = position - self._press
        if self._dragged or moved.manhattanLength() >= QApplication.startDragDistance():
            self._dragged = True
            self._untouched = False
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self._scroll_by(-moved.x(), -moved.y())
            self._press = position

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._press is not None and not self._dragged
        self._press = None
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        if clicked and event.button() == Qt.MouseButton.LeftButton:
            index = self._node_at(event.position())
            if index is not None:
                self._choose(index)

    def _choose(self, index: int) -> None:
        self.mark(index)
        self.node_chosen.emit(self._items.nodes[index].layer_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, text = event.key(), event.text()
        if text in ("+", "="):
            self.zoom_in()
        elif text == "-":
            self.zoom_out()
        elif text == "0":
            self.fit()
        elif text == "1":
            self.zoom_to(1.0)
        elif text == "/":
            self.search_asked.emit()
        elif key in _ARROWS and self._items is not None and len(self._items.nodes):
            self._move(key)
        else:
            # without super(): Escape, Tab and the window's shortcuts go on to the parent
            event.ignore()

    def _move(self, key: int) -> None:
        items = self._items
        if self._current is None:
            goal = 0
        elif key == Qt.Key.Key_Home:
            goal = int(items.rects[:, 1].argmin())
        elif key == Qt.Key.Key_End:
            goal = int(items.rects[:, 3].argmax())
        elif key == Qt.Key.Key_Down:
            goal = items.below(self._current)
        elif key == Qt.Key.Key_Up:
            goal = items.above(self._current)
        else:
            goal = items.beside(self._current, 1 if key == Qt.Key.Key_Right else -1)
        if goal is not None:
            self._choose(goal)

    def focusInEvent(self, event) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event) -> None:
        super().focusOutEvent(event)
        self.viewport().update()


_ARROWS = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)


def _no_tooltip(_index: int) -> str:
    return ""
