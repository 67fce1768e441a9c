"""What fewer bits cost one layer: a bar for each measured bit width, to click."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.values import FLOAT_BITS
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import small_font

ROW = 24
LABEL = 58
FIGURE = 62


class BitsBars(QWidget):
    bits_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._choices: tuple[tuple[int, float | None], ...] = ()
        self._current = FLOAT_BITS
        self._top = 1.0
        self._unit = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._recolor)

    def show_bits(
        self, choices: Sequence[tuple[int, float | None]], current: int, top: float, unit: str
    ) -> None:
        """`choices`: bits with the loss measured there (None: not measured); `top` ends the scale."""
        if len(choices) != len(self._choices):
            self.updateGeometry()
        self._choices, self._current, self._top, self._unit = tuple(choices), current, top, unit
        self.setFixedHeight(max(len(self._choices), 1) * ROW)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, max(len(self._choices), 1) * ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small_font(self.font(), 12))
        for index, (bits, loss) in enumerate(self._choices):
            row = QRectF(0.5, index * ROW + 1.5, self.width() - 1, ROW - 3)
            chosen = bits == self._current
            if chosen:
                painter.setPen(QPen(self._theme.color("accent"), 1.6 if self.hasFocus() else 1))
                painter.setBrush(self._theme.color("accent_soft"))
                painter.drawRoundedRect(row, 6, 6)
            painter.setPen(self._theme.color("text"))
            name = tr("{n} bits").format(n=bits) if bits < FLOAT_BITS else tr("float")
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(row.adjusted(8, 0, 0, 0), int(middle | Qt.AlignmentFlag.AlignLeft), name)
            bar = QRectF(LABEL + 4, row.center().y() - 3, self.width() - LABEL - FIGURE - 16, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("track"))
            painter.drawRoundedRect(bar, 3, 3)
            if loss is not None and loss > 0:
                share = min(loss / self._top, 1.0)
                painter.setBrush(self._theme.scale_color("damage", max(share, 0.12)))
                painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(share * bar.width(), 3), 6), 3, 3)
            painter.setPen(self._theme.color("muted"))
            figure = "–" if loss is None else f"{fmt.number(loss, 2)} {self._unit}"
            painter.drawText(row.adjusted(0, 0, -8, 0), int(middle | Qt.AlignmentFlag.AlignRight), figure)
        painter.end()

    def _recolor(self, _name: str) -> None:
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = int(event.position().y() // ROW)
        if event.button() == Qt.MouseButton.LeftButton and 0 <= index < len(self._choices):
            self.bits_chosen.emit(self._choices[index][0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        known = [bits for bits, _ in self._choices]
        if step is None or self._current not in known:
            super().keyPressEvent(event)
            return
        index = min(max(known.index(self._current) + step, 0), len(known) - 1)
        self.bits_chosen.emit(known[index])
