"""What fewer bits cost one layer: a bar for each bit width, side by side, to click."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import FLOAT_BITS
from gui import format as fmt
from gui.i18n import tr
from gui.models.choices import bits_help, weight_bits_name
from gui.table_text import Value
from gui.theme import Theme
from gui.widgets.axis import paint_focus, small_font
from gui.widgets.copying import Copies
from gui.widgets.plain_tip import plain_tip

HEIGHT = 72
LINE = 18
"""Of the figure above and the bits below the bar."""
GAP = 3


class BitsBars(QWidget):
    bits_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._choices: tuple[tuple[int, float | None], ...] = ()
        self._current = FLOAT_BITS
        self._top = 1.0
        self._unit = ""
        self.setFixedHeight(HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._recolor)
        self.copies = Copies(self, theme, self.table)

    def show_bits(
        self, choices: Sequence[tuple[int, float | None]], current: int, top: float, unit: str
    ) -> None:
        """`choices`: bits with the loss measured there (None: not measured); `top` ends the scale."""
        self._choices, self._current, self._top, self._unit = tuple(choices), current, top, unit
        self.setAccessibleDescription(
            fmt.listed(f"{weight_bits_name(bits)} {self._figure(loss)}" for bits, loss in self._choices)
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, HEIGHT)

    def cell(self, index: int) -> QRectF:
        """Where a choice is, in pixels."""
        width = self.width() / max(len(self._choices), 1)
        return QRectF(index * width, 0, width, self.height()).adjusted(GAP / 2, 0.5, -GAP / 2, -0.5)

    def choice_at(self, x: float) -> int | None:
        """The bits of the bar at this place."""
        index = int(x * len(self._choices) / max(self.width(), 1))
        return self._choices[index][0] if 0 <= index < len(self._choices) else None

    def table(self) -> list[list[Value]]:
        """The bits with the loss at each: what is copied."""
        rows: list[list[Value]] = [[tr("Bits"), tr("Loss"), tr("Unit"), tr("In the plan")]]
        rows += [[bits, loss, self._unit, int(bits == self._current)] for bits, loss in self._choices]
        return rows

    def _figure(self, loss: float | None) -> str:
        return "–" if loss is None else fmt.points(loss, 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small, plain = small_font(self.font(), 11), small_font(self.font(), 12)
        for index, (bits, loss) in enumerate(self._choices):
            cell = self.cell(index)
            chosen = bits == self._current
            if chosen:
                painter.setPen(QPen(self._theme.color("accent"), 1.6 if self.hasFocus() else 1))
                painter.setBrush(self._theme.color("accent_soft"))
                painter.drawRoundedRect(cell.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            bar = cell.adjusted(cell.width() * 0.28, LINE + 2, -cell.width() * 0.28, -LINE - 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("track"))
            painter.drawRoundedRect(bar, 3, 3)
            if loss is not None and loss > 0:
                share = min(loss / self._top, 1.0)
                painter.setBrush(self._theme.scale_color("damage", max(share, 0.12)))
                height = max(share * bar.height(), 3)
                painter.drawRoundedRect(QRectF(bar.left(), bar.bottom() - height, bar.width(), height), 3, 3)
            centre = int(Qt.AlignmentFlag.AlignCenter)
            painter.setFont(small)
            painter.setPen(self._theme.color("muted"))
            painter.drawText(QRectF(cell.left(), 1, cell.width(), LINE), centre, self._figure(loss))
            painter.setFont(plain)
            painter.setPen(self._theme.color("text"))
            below = QRectF(cell.left(), cell.bottom() - LINE - 1, cell.width(), LINE)
            painter.drawText(below, centre, str(bits) if bits < FLOAT_BITS else tr("float"))
        paint_focus(painter, self._theme, self)
        painter.end()

    def _recolor(self, _name: str) -> None:
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._show_tip(event)
            return True
        return super().event(event)

    def _show_tip(self, event: QHelpEvent) -> None:
        bits = self.choice_at(event.pos().x())
        if bits is None:
            return
        loss = dict(self._choices)[bits]
        known = (
            tr("not measured yet")
            if loss is None
            else tr("loses {loss}").format(loss=f"{fmt.number(loss, 2)} {self._unit}")
        )
        words = [f"{weight_bits_name(bits)}: {known}", bits_help(bits)]
        QToolTip.showText(event.globalPos(), plain_tip("\n".join(filter(None, words))), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bits = self.choice_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and bits is not None:
            self.bits_chosen.emit(bits)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        step = {keys.Key_Left: -1, keys.Key_Up: -1, keys.Key_Right: 1, keys.Key_Down: 1}.get(event.key())
        known = [bits for bits, _ in self._choices]
        if step is None or self._current not in known:
            super().keyPressEvent(event)
            return
        index = min(max(known.index(self._current) + step, 0), len(known) - 1)
        self.bits_chosen.emit(known[index])
