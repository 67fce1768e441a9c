"""What was taken for what: before, after, or the difference, which has two colours around none."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.values import ClassName, Comparison
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.told_widget import ToldWidget

MODES = ("difference", "before", "after")
LARGEST_CELL = 34.0
ROOM_FOR_NUMBERS = 17.0
"""Points of a cell's side from which its count is written into it."""
ROOM_FOR_SIGN = 6.0
"""Points from which a difference says at least whether it is more or less."""


class ConfusionMatrix(ToldWidget):
    """Rows are what samples are, columns what they were called. Arrows and a click choose a cell."""

    chosen = Signal(str)
    """The chosen cell in words."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._called: tuple[ClassName, ...] = ()
        self._before = self._after = np.zeros((0, 0), np.int64)
        self.mode = MODES[0]
        self.current: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(180, 140)
        theme.changed.connect(self._recolor)

    def show_comparison(self, comparison: Comparison | None) -> None:
        known = comparison is not None and comparison.before is not None and comparison.after is not None
        if comparison is None or not known:
            self._called, self.current = (), None
            self._before = self._after = np.zeros((0, 0), np.int64)
        else:
            if comparison.names != self._called:
                self.current = None
            self._called = comparison.names
            self._before, self._after = comparison.before.numpy(), comparison.after.numpy()
        if self.current is None:
            self.setAccessibleDescription(self.summary())
        self.update()

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(fmt.class_name(name) for name in self._called)

    def set_mode(self, mode: str) -> None:
        self.mode = mode
        self._tell()
        self.update()

    @property
    def values(self) -> np.ndarray:
        """What is shown, shape (classes, classes), int64."""
        if self.mode == "before":
            return self._before
        return self._after if self.mode == "after" else self._after - self._before

    def _recolor(self, _name: str) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(340, 260)

    # ------------------------------------------------------------ geometry

    def _names_room(self) -> float:
        metrics = self.fontMetrics()
        longest = max((metrics.horizontalAdvance(name[:20]) for name in self._names), default=0)
        return float(min(longest + 10, 96, self.width() // 3))

    def grid(self) -> QRectF:
        """Where the cells are."""
        count = max(len(self._names), 1)
        room = self._names_room()
        # below there is one line for what the columns are; on top one for their names where they fit
        across = min(self.width() - room - 6, LARGEST_CELL * count)
        side = min(across, self.height() - 38.0)
        if side / count >= ROOM_FOR_NUMBERS:
            return QRectF(room, 20, side, side)
        side = max(min(across, self.height() - 22.0, ROOM_FOR_NUMBERS * count - 1), 10.0)
        return QRectF(room, 3, side, side)

    def cell_at(self, place: QPoint) -> tuple[int, int] | None:
        grid, count = self.grid(), len(self._names)
        if not count or not grid.contains(place):
            return None
        size = grid.width() / count
        row, column = int((place.y() - grid.top()) / size), int((place.x() - grid.left()) / size)
        return min(row, count - 1), min(column, count - 1)

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        count = len(self._names)
        if not count:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        grid, values = self.grid(), self.values
        size = grid.width() / count
        gap = 1.0 if size > 7 else 0.0
        off = values[~np.eye(count, dtype=bool)] if count > 1 else values.ravel()
        # the diagonal is far larger than all that is interesting: it gets a scale of its own
        most = max(int(np.abs(off).max(initial=0)), 1)
        most_right = max(int(np.abs(np.diag(values)).max(initial=0)), 1)
        numbers = small_font(self.font(), 10 if size < 24 else 11)
        for row in range(count):
            for column in range(count):
                value = int(values[row, column])
                color = self._color(value, most_right if row == column else most, row == column)
                box = QRectF(grid.left() + column * size, grid.top() + row * size, size - gap, size - gap)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                painter.drawRect(box)
                if size >= ROOM_FOR_NUMBERS and value:
                    painter.setFont(numbers)
                    painter.setPen(self._theme.text_on(color))
                    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._figure(value))
                elif size >= ROOM_FOR_SIGN and value and self.mode == "difference":
                    painter.setPen(QPen(self._theme.text_on(color), 1))
                    self._paint_sign(painter, box, value)
        self._paint_names(painter, grid, size)
        if self.current is not None:
            row, column = self.current
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent" if self.hasFocus() else "text"), 1.8))
            painter.drawRect(QRectF(grid.left() + column * size, grid.top() + row * size, size, size))

    def _color(self, value: int, most: int, right: bool):  # type: ignore[no-untyped-def]
        if self.mode != "difference":
            return self._theme.scale_color("importance" if right else "damage", value / most)
        # more mistakes are worse, more right answers better: the warm end always means worse
        share = (value if not right else -value) / most
        return self._theme.scale_color("difference", 0.5 + 0.5 * share)

    def _paint_sign(self, painter: QPainter, box: QRectF, value: int) -> None:
        """Whether there are more or fewer, where there is no room for how many."""
        middle, reach = box.center(), min(box.width() / 2 - 1, 3.0)
        painter.drawLine(QPointF(middle.x() - reach, middle.y()), QPointF(middle.x() + reach, middle.y()))
        if value > 0:
            painter.drawLine(QPointF(middle.x(), middle.y() - reach), QPointF(middle.x(), middle.y() + reach))

    def _figure(self, value: int) -> str:
        if self.mode != "difference":
            return fmt.count(value)
        return ("+" if value > 0 else "−") + fmt.count(abs(value))

    def _paint_names(self, painter: QPainter, grid: QRectF, size: float) -> None:
        font = small_font(self.font(), 11)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        painter.setPen(self._theme.color("muted"))
        # what lies below the line reaches into the gap above the next name
        every = max(1, math.ceil(metrics.ascent() / max(size, 1.0)))
        names = self._names
        for index in range(0, len(names), every):
            area = QRectF(0, grid.top() + index * size, grid.left() - 6, size)
            name = metrics.elidedText(names[index][:200], Qt.TextElideMode.ElideRight, int(area.width()))
            where = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(area, int(where) | int(Qt.TextFlag.TextDontClip), name)
        if size >= ROOM_FOR_NUMBERS:
            for index, (called, whole) in enumerate(zip(self._called, names, strict=True)):
                area = QRectF(grid.left() + index * size, 2, size - 1, 16)
                name = metrics.elidedText(whole[:40], Qt.TextElideMode.ElideRight, int(size))
                # three letters and more say something, a lone "…" does not
                fits = name == whole or (len(name) > 2 and isinstance(called, str))
                shown = name if fits else fmt.class_mark(called)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), shown)
        words = tr("rows: true class · columns: answer")
        area = QRectF(0, grid.bottom() + 1, self.width(), 17)
        words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)

    # ------------------------------------------------------------ pointer and keys

    def describe(self, cell: tuple[int, int]) -> str:
        row, column = cell
        template = (
            tr("{name}, rightly called so: {before} before, {after} after")
            if row == column
            else tr("{name}, called {other}: {before} before, {after} after")
        )
        return template.format(
            name=self._names[row][:200],
            other=self._names[column][:200],
            before=fmt.count(int(self._before[row, column])),
            after=fmt.count(int(self._after[row, column])),
        )

    def summary(self) -> str:
        """All of it in words, until a cell is chosen: what stands on the diagonal."""
        if not self._names:
            return ""
        return tr("{n} classes; rightly called so: {before} before, {after} after").format(
            n=fmt.count(len(self._names)),
            before=fmt.count(int(np.trace(self._before))),
            after=fmt.count(int(np.trace(self._after))),
        )

    def _choose(self, cell: tuple[int, int]) -> None:
        self.current = cell
        self._tell()
        self.update()

    def _tell(self) -> None:
        words = self.describe(self.current) if self.current is not None else ""
        self.setAccessibleDescription(words or self.summary())
        self.chosen.emit(words)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position().toPoint())
        if cell is not None:
            self._choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None or not self._names:
            super().keyPressEvent(event)
            return
        last = len(self._names) - 1
        row, column = self.current if self.current is not None else (0, 0)
        self._choose((min(max(row + move[0], 0), last), min(max(column + move[1], 0), last)))

    def tip_at(self, place: QPoint) -> str:
        cell = self.cell_at(place)
        return self.describe(cell) if cell is not None else ""
