"""Ways to compress as cards: a name and what it is for; the one in force is marked."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from core.values import Preset
from gui.i18n import tr, tr_text
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.retranslating import Retranslating

PAD = 11
GAP = 8
NARROWEST = 170
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


class PresetCard(QAbstractButton):
    def __init__(self, preset: Preset, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.preset = preset
        self._theme = theme
        self._words = ""
        self.changed = False
        """Whether the plan was made of it, but is no longer as it says."""
        self.setObjectName(preset.name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def retranslate(self) -> None:
        self._words = tr_text(self.preset.help)
        self.setText(tr_text(self.preset.label))
        self.setAccessibleName(self._title())
        self.setAccessibleDescription(self._words)
        self.setToolTip(f"{self.text()}\n{self._words}")

    def set_changed(self, changed: bool) -> None:
        self.changed = changed
        self.setAccessibleName(self._title())
        self.update()

    def _title(self) -> str:
        return tr("{preset} · changed").format(preset=self.text()) if self.changed else self.text()

    def height_for(self, width: int) -> int:
        words = QFontMetrics(self._small()).boundingRect(
            QRect(0, 0, width - 2 * PAD, 10_000), _WRAP, self._words
        )
        return PAD + QFontMetrics(self._bold()).height() + 4 + words.height() + PAD

    def sizeHint(self) -> QSize:
        return QSize(NARROWEST, self.height_for(NARROWEST))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        chosen = self.isChecked()
        soft = (chosen and not self.changed) or self.isDown()
        fill = "accent_soft" if soft else "hover" if self.underMouse() else "panel"
        painter.setBrush(color(fill))
        painter.setPen(QPen(color("accent" if chosen or self.hasFocus() else "line"), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2.5, 2.5, -2.5, -2.5), 6, 6)
        bold = self._bold()
        line = QFontMetrics(bold).height()
        area = self.rect().adjusted(PAD, PAD, -PAD, -PAD)
        painter.setFont(bold)
        painter.setPen(color("text"))
        words = self._title()
        if self.changed and QFontMetrics(bold).horizontalAdvance(words) > area.width():
            words = f"{self.text()} *"
        title = QFontMetrics(bold).elidedText(words, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), title)
        painter.setFont(self._small())
        painter.setPen(color("text" if chosen else "muted"))
        painter.drawText(area.adjusted(0, line + 4, 0, 0), _WRAP, self._words)
        painter.end()

    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _small(self) -> QFont:
        return small_font(self.font(), 12)


class PresetCards(Retranslating, QWidget):
    """As many cards beside each other as there is room for."""

    chosen = Signal(object)
    """Preset."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cards: list[PresetCard] = []
        theme.changed.connect(self._recolor)

    def show_presets(self, presets: tuple[Preset, ...]) -> None:
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards = [PresetCard(preset, self._theme, self) for preset in presets]
        for card in self.cards:
            card.clicked.connect(self._on_clicked)
            card.show()
        self.retranslate()

    def mark(self, preset: Preset | None, changed: int = 0) -> None:
        """Mark the preset in force; `changed`: how many of its settings are not as it has them."""
        for card in self.cards:
            mine = preset is not None and card.preset.name == preset.name
            card.setChecked(mine)
            card.set_changed(mine and changed > 0)

    def _on_clicked(self) -> None:
        self.chosen.emit(self.sender().preset)

    # ------------------------------------------------------------ room

    def retranslate(self) -> None:
        for card in self.cards:
            card.retranslate()
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        if not self.cards:
            self.setFixedHeight(0)
            return
        fitting = max((self.width() + GAP) // (NARROWEST + GAP), 1)
        # even rows look calmer: six cards as three and three, not five and one
        rows = -(-len(self.cards) // fitting)
        columns = -(-len(self.cards) // rows)
        width = (self.width() - GAP * (columns - 1)) // columns
        top = 0
        for start in range(0, len(self.cards), columns):
            row = self.cards[start : start + columns]
            height = max(card.height_for(width) for card in row)
            for place, card in enumerate(row):
                card.setGeometry(place * (width + GAP), top, width, height)
            top += height + GAP
        self.setFixedHeight(top - GAP)

    def _recolor(self, *_: object) -> None:
        for card in self.cards:
            card.update()
