"""The layers that cost a plan most, as bars with their points, one click from the layer."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import Theme
from gui.widgets.cut_name import cut_name
from gui.widgets.plain_tip import plain_tip
from gui.widgets.told_widget import ToldWidget

ROW = 22
NAME_SHARE = 0.28
LEAST_TRACK = 60


@dataclass(frozen=True)
class Bar:
    layer_id: str
    name: str
    share: float
    """Of the longest bar, 0..1."""
    figure: str
    tip: str


class BlameBars(ToldWidget):
    """A click, or arrows and Return, choose a layer."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bars: tuple[Bar, ...] = ()
        self._current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.changed.connect(self._on_theme)

    @property
    def bars(self) -> tuple[Bar, ...]:
        return self._bars

    def show_bars(self, bars: tuple[Bar, ...]) -> None:
        if bars == self._bars:
            return
        self._bars = bars
        self._current = min(self._current, max(len(bars) - 1, 0))
        self.setAccessibleDescription("\n".join(f"{bar.name}: {bar.figure}" for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, ROW * len(self._bars))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, ROW * len(self._bars))

    def row_at(self, place: QPoint) -> int | None:
        row = place.y() // ROW
        return row if 0 <= row < len(self._bars) else None

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        names = round(self.width() * NAME_SHARE)
        longest = max((metrics.horizontalAdvance(bar.figure) for bar in self._bars), default=0) + 8
        # figures are read, bars only compared: where there is little room the bars give way
        figures = min(longest, self.width() - names - LEAST_TRACK)
        for row, bar in enumerate(self._bars):
            top = row * ROW
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.setPen(self._theme.color("text"))
            name = cut_name(bar.name, metrics, names - 8)
            painter.drawText(QRectF(2, top, names - 4, ROW), int(Qt.AlignmentFlag.AlignLeft | middle), name)
            track = QRectF(names, top + ROW / 2 - 4, max(self.width() - names - figures - 8, 10), 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("track"))
            painter.drawRoundedRect(track, 4, 4)
            if bar.share > 0:
                painter.setBrush(self._theme.scale_color("damage", max(bar.share, 0.12)))
                width = max(bar.share * track.width(), 3.0)
                painter.drawRoundedRect(QRectF(track.left(), track.top(), width, 8), 4, 4)
            painter.setPen(self._theme.color("muted"))
            area = QRectF(self.width() - figures, top, figures - 4, ROW)
            figure = metrics.elidedText(bar.figure, Qt.TextElideMode.ElideRight, int(area.width()))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | middle), figure)
            if self.hasFocus() and row == self._current:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(self._theme.color("accent"), 1))
                painter.drawRoundedRect(QRectF(0.5, top + 0.5, self.width() - 1, ROW - 1), 5, 5)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().toPoint())
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self._current = row
            self.chosen.emit(self._bars[row].layer_id)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if self._bars and event.key() in moves:
            self._current = min(max(self._current + moves[event.key()], 0), len(self._bars) - 1)
            self.update()
        elif self._bars and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self._bars[self._current].layer_id)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos())
            if row is not None:
                QToolTip.showText(event.globalPos(), plain_tip(self._bars[row].tip), self)
                return True
        return super().event(event)

    def _on_theme(self, _name: str) -> None:
        self.update()
