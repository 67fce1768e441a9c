"""A ring around a real control, and a bubble beside it that says what it is for. Neither is in the way."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.i18n import tr
from gui.theme import Theme

TAIL = 10
"""Points between the ring and the bubble, bridged by the bubble's tail."""
AROUND = 4
"""Points by which the ring is larger than the control."""
WIDTH = 330
EDGE = 8
"""Points kept free at the edges."""


class Ring(QWidget):
    """Lets every event through: what it goes around stays usable."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("attention"), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 9, 9)
        painter.end()


class CoachMark(QFrame):
    """The bubble: a child of the window, so that it never takes the keyboard by itself."""

    back_asked = Signal()
    next_asked = Signal()
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._side = Qt.Edge.TopEdge
        self._tip = QPointF()
        self._count, self._title, self._words = QLabel(self), QLabel(self), QLabel(self)
        self._count.setProperty("small", True)
        self._title.setProperty("heading", True)
        for label in (self._title, self._words):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.skip, self.back, self.next = QPushButton(self), QPushButton(self), QPushButton(self)
        self.skip.setProperty("flat", True)
        self.skip.clicked.connect(self.closed)
        self.back.clicked.connect(self.back_asked)
        self.next.clicked.connect(self.next_asked)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self._count)
        buttons.addStretch(1)
        for button in (self.skip, self.back, self.next):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16 + TAIL, 12 + TAIL, 12 + TAIL, 10 + TAIL)
        column.setSpacing(6)
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addSpacing(4)
        column.addLayout(buttons)
        self.setFixedWidth(WIDTH + 2 * TAIL)
        self.hide()

    def say(self, at: int, of: int, title: str, words: str) -> None:
        """What is shown: the `at`-th of `of` stops, counted from 1."""
        self._count.setText(tr("{n} of {total}").format(n=at, total=of))
        self._title.setText(title)
        self._words.setText(words)
        self.skip.setText(tr("Close") if at == of else tr("Skip"))
        self.back.setText(tr("Back"))
        self.next.setText(tr("Next"))
        self.back.setEnabled(at > 1)
        self.next.setVisible(at < of)
        self.setAccessibleName(title)
        self.setAccessibleDescription(words)
        self.adjustSize()
        if self.isVisible():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, f"{title}. {words}"))

    def sizeHint(self) -> QSize:
        width = WIDTH + 2 * TAIL
        return QSize(width, self.layout().heightForWidth(width))

    def place(self, target: QRect, room: QRect) -> None:
        """Stand beside `target`, inside `room`; both in points of the window."""
        size = self.sizeHint()
        self.resize(size)
        sides = {
            Qt.Edge.TopEdge: room.bottom() - target.bottom() - size.height(),  # below: the tail is on top
            Qt.Edge.LeftEdge: room.right() - target.right() - size.width(),
            Qt.Edge.RightEdge: target.left() - room.left() - size.width(),
            Qt.Edge.BottomEdge: target.top() - room.top() - size.height(),
        }
        self._side = next((side for side, left in sides.items() if left >= 0), max(sides, key=sides.get))
        middle = target.center()
        if self._side in (Qt.Edge.TopEdge, Qt.Edge.BottomEdge):
            x = middle.x() - size.width() // 2
            y = target.bottom() if self._side == Qt.Edge.TopEdge else target.top() - size.height()
        else:
            x = target.right() if self._side == Qt.Edge.LeftEdge else target.left() - size.width()
            y = min(target.top(), middle.y() - size.height() // 2) if target.height() < 200 else target.top()
        x = max(room.left(), min(x, room.right() - size.width()))
        y = max(room.top(), min(y, room.bottom() - size.height()))
        self.move(x, y)
        inner = QPointF(middle - QPoint(x, y))
        self._tip = QPointF(
            min(max(inner.x(), TAIL + 20), size.width() - TAIL - 20),
            min(max(inner.y(), TAIL + 20), size.height() - TAIL - 20),
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(TAIL, TAIL, -TAIL, -TAIL)
        painter.setPen(QPen(self._theme.color("attention"), 1.5))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(box, 10, 10)
        painter.drawPolygon(self._tail(box, 0.0))
        # the tail grows out of the box: no line between them
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(self._tail(box, 2.0))
        painter.end()

    def _tail(self, box: QRectF, inside: float) -> QPolygonF:
        x, y, half = self._tip.x(), self._tip.y(), TAIL - 2 - inside / 2
        if self._side == Qt.Edge.TopEdge:
            edge, tip = box.top() + inside, 1 + inside
            return QPolygonF([QPointF(x - half, edge), QPointF(x, tip), QPointF(x + half, edge)])
        if self._side == Qt.Edge.BottomEdge:
            edge, tip = box.bottom() - inside, self.height() - 1 - inside
            return QPolygonF([QPointF(x - half, edge), QPointF(x, tip), QPointF(x + half, edge)])
        if self._side == Qt.Edge.LeftEdge:
            edge, tip = box.left() + inside, 1 + inside
        else:
            edge, tip = box.right() - inside, self.width() - 1 - inside
        return QPolygonF([QPointF(edge, y - half), QPointF(tip, y), QPointF(edge, y + half)])

    # ------------------------------------------------------------ keys

    def event(self, event: QEvent) -> bool:
        """Escape closes the bubble that has the keyboard, before it stops what is running."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
