"""A tool button whose icon and text stand in its middle together, the icon in the text's colour."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyleOptionToolButton, QStylePainter, QToolButton

GAP = 6
"""Between icon and text, in points."""
PAD = 13
"""Left and right of them."""


class CentredButton(QToolButton):
    def sizeHint(self) -> QSize:
        width = self.iconSize().width() + GAP + self.fontMetrics().horizontalAdvance(self.text()) + 2 * PAD
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        icon, words = self.icon(), option.text
        option.icon, option.text = QIcon(), ""
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        color = self.palette().color(group, QPalette.ColorRole.ButtonText)
        width = self.iconSize().width()
        total = width + GAP + self.fontMetrics().horizontalAdvance(words)
        left = (self.width() - total) // 2
        place = QRect(left, (self.height() - width) // 2, width, width)
        painter.drawPixmap(place, _tinted(icon, width, self.devicePixelRatioF(), color))
        painter.setPen(color)
        area = QRect(left + width + GAP, 0, self.width() - left, self.height())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextHideMnemonic
        painter.drawText(area, int(flags), words)


def _tinted(icon: QIcon, edge: int, ratio: float, color: QColor) -> QPixmap:
    """The icon's shape in one colour."""
    drawn = QPixmap(QSize(edge, edge) * ratio)
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    tint = QPainter(drawn)
    icon.paint(tint, QRect(0, 0, edge, edge))
    tint.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    tint.fillRect(QRect(0, 0, edge, edge), color)
    tint.end()
    return drawn
