"""A row that goes on in the next line where the window is too narrow for it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLayout, QLayoutItem, QWidget

BETWEEN_LINES = 6


class Flow(QLayout):
    """Items keep their own size, left to right; those behind `add_break` stand at the right of their line.

    `spacing` in points between the items of a line; lines are always as far apart.
    """

    def __init__(self, spacing: int = 6) -> None:
        super().__init__()
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)
        self._items: list[QLayoutItem] = []
        self._right_from: int | None = None

    def add_together(self, *widgets: QWidget, spacing: int = 6) -> None:
        """These stay side by side."""
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(spacing)
        for widget in widgets:
            row.addWidget(widget)
        self.addWidget(pair)

    def add_break(self) -> None:
        """What is added from here on goes to the right end."""
        self._right_from = len(self._items)

    # ------------------------------------------------------------ Qt

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), place=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, place=True)

    def sizeHint(self) -> QSize:
        shown = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(size.width() for size in shown) + self.spacing() * max(len(shown) - 1, 0)
        return QSize(width, max((size.height() for size in shown), default=0))

    def minimumSize(self) -> QSize:
        shown = [item.minimumSize() for item in self._items if not item.isEmpty()]
        return QSize(
            max((size.width() for size in shown), default=0),
            max((size.height() for size in shown), default=0),
        )

    def _arrange(self, rect: QRect, place: bool) -> int:
        """The height that the lines take in this width; with `place`, put the items there."""
        y = rect.y()
        for line in self._lines(rect.width()):
            height = max(item.sizeHint().height() for _, item in line)
            if place:
                self._place(line, QRect(rect.x(), y, rect.width(), height))
            y += height + BETWEEN_LINES
        return max(y - BETWEEN_LINES - rect.y(), 0)

    def _lines(self, width: int) -> list[list[tuple[int, QLayoutItem]]]:
        lines: list[list[tuple[int, QLayoutItem]]] = []
        used = 0
        for number, item in enumerate(self._items):
            if item.isEmpty():
                continue
            needed = item.sizeHint().width()
            if lines and used + self.spacing() + needed <= width:
                lines[-1].append((number, item))
                used += self.spacing() + needed
            else:
                lines.append([(number, item)])
                used = needed
        return lines

    def _place(self, line: list[tuple[int, QLayoutItem]], rect: QRect) -> None:
        used = sum(item.sizeHint().width() for _, item in line) + self.spacing() * (len(line) - 1)
        spare = max(rect.width() - used, 0)
        x = rect.x()
        for number, item in line:
            if spare and self._right_from is not None and number >= self._right_from:
                x, spare = x + spare, 0
            size = item.sizeHint()
            size.setWidth(min(size.width(), rect.width()))
            top = rect.y() + (rect.height() - size.height()) // 2
            item.setGeometry(QRect(QPoint(x, top), size))
            x += size.width() + self.spacing()
