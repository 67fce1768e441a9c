"""The drawn graph: shows `GraphItems` under a zoom and an offset, and says what was clicked.

The wheel scrolls and Ctrl with the wheel zooms about the cursor, as in Netron beside it; a drag pans.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from gui.models.graph_items import GROUP, GraphItems
from gui.theme import Theme
from gui.widgets.graph_painter import TEXT_FROM, GraphLook, GraphPainter
from gui.widgets.graph_scroller import STEP, GraphScroller
from gui.widgets.group_painter import BUTTON, SIGN
from gui.widgets.plain_tip import plain_tip

_MOST_STRIPS = 4


class GraphCanvas(GraphScroller):
    node_chosen = Signal(object)
    """Layer id of the node that was clicked or reached by an arrow key; None if it is no layer."""
    open_asked = Signal(str)
    """Id of a closed group that shall be opened."""
    close_asked = Signal(str)
    """Id of an open group that shall be one box."""
    around_asked = Signal(int)
    """Node whose surrounding group shall be closed."""
    menu_asked = Signal(object, QPoint)
    """Node index or None, and where the menu shall open on the screen."""
    search_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._painter = GraphPainter(theme)
        self._look = GraphLook()
        self._press: QPoint | None = None
        self._dragged = False
        self._tooltip = _no_tooltip
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)

    # ------------------------------------------------------------ content

    @property
    def look(self) -> GraphLook:
        return self._look

    @property
    def current(self) -> int | None:
        """Index of the node with the keyboard's mark."""
        return self._current

    def set_tooltip(self, function) -> None:
        """`function(index) -> str` gives the plain text of a node's tooltip."""
        self._tooltip = function

    def show_items(self, items: GraphItems | None, keep: tuple[int, QPointF] | None = None) -> None:
        """Show another graph from its beginning, or with a node where `keep` says, at the same zoom."""
        self._items = items
        self._current = None
        self._painter.forget()
        if keep is None:
            self._untouched = True
            self.fit_width()
        else:
            self._set_ranges()
            self.hold(*keep)
            self._on_scrolled()

    def show_look(self, look: GraphLook) -> None:
        self._look = look
        self.viewport().update()

    def mark(self, index: int | None, scroll: bool = True) -> None:
        """Put the keyboard's mark on a node and bring it into view."""
        self._current = index
        if index is not None and scroll:
            self.bring_into_view(index)
        self.viewport().update()

    # ------------------------------------------------------------ events

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._items is None:
            return
        painter = QPainter(self.viewport())
        current = self._current if self.hasFocus() else None
        # after a scroll one or two strips: their bounding box would often be everything
        region = event.region()
        for rect in region if region.rectCount() <= _MOST_STRIPS else [event.rect()]:
            painter.setClipRect(rect)
            painter.translate(self._origin())
            shown = QRectF(self.to_graph(QPointF(rect.topLeft())), QRectF(rect).size() / self._zoom)
            self._painter.paint(painter, self._items, self._look, shown, self._zoom, current)
            painter.resetTransform()
        painter.setClipping(False)
        if self.hasFocus() and self._current is None:
            # nothing has the keyboard's mark yet: the whole canvas shows where the keys go
            self._painter.focus_frame(painter, QRectF(self.viewport().rect()))
        painter.end()

    def _moves_as_one(self) -> bool:
        framed = self.hasFocus() and self._current is None
        # the words at a bracket stand in the middle of what is seen of it
        return not framed and not self._look.groups

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
        QToolTip.showText(event.globalPos(), plain_tip(self._tooltip(index)), self.viewport(), box)

    def _node_at(self, position: QPointF) -> int | None:
        return self._items.at(self.to_graph(position)) if self._items is not None else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = event.position().toPoint()
            self._dragged = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self._press is None:
            place = event.position()
            over = self._node_at(place) is not None or self._frame_at(place) is not None
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

    def _frame_at(self, position: QPointF) -> str | None:
        """The group whose closing sign is under the pointer."""
        if self._zoom < TEXT_FROM:
            return None
        point, reach = self.to_graph(position), BUTTON + 2.0
        near = QRectF(point.x() - reach, point.y() - reach, 2 * reach, 2 * reach)
        for frame in self._look.frames.visible(near):
            away = frame.button - point
            if away.x() ** 2 + away.y() ** 2 <= reach**2:
                return frame.group
        return None

    def _is_group(self, index: int | None) -> bool:
        return self._items is not None and index is not None and self._items.nodes[index].op == GROUP

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._press is not None and not self._dragged
        self._press = None
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        if not clicked or event.button() != Qt.MouseButton.LeftButton:
            return
        framed, index = self._frame_at(event.position()), self._node_at(event.position())
        if framed is not None:
            self.close_asked.emit(framed)
        elif index is not None:
            self._choose(index)
            if self._is_group(index):
                inside = self.to_graph(event.position()).x() - self._items.rects[index][0]
                if inside <= SIGN and self._zoom >= TEXT_FROM:
                    self.open_asked.emit(self._items.nodes[index].id)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self._node_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and self._is_group(index):
            self.open_asked.emit(self._items.nodes[index].id)
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._items is None:
            return
        place = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self._current
            if index is not None:
                place = self.to_view(self._items.rect(index).center()).toPoint()
        else:
            index = self._node_at(QPointF(place))
            if index is not None:
                self._choose(index)
        self.menu_asked.emit(index, self.viewport().mapToGlobal(place))

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
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._is_group(self._current):
            self.open_asked.emit(self._items.nodes[self._current].id)
        elif key == Qt.Key.Key_Backspace and self._current is not None:
            self.around_asked.emit(self._current)
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
