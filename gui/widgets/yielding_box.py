"""A box of choices that gives way: what has no room is cut short with …, and told whole in the tool tip."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QToolTip, QWidget

from gui.widgets.plain_tip import plain_tip


class YieldingBox(QComboBox):
    """Where room lacks it may become as narrow as its layout or `setMinimumWidth` lets it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Qt would keep the width of the first language that is shown
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def room(self) -> int:
        """Pixels for the words of the choice in force."""
        option = QStyleOptionComboBox()
        super().initStyleOption(option)
        return self._words_of(option).width()

    def is_cut_short(self) -> bool:
        return self.fontMetrics().horizontalAdvance(self.currentText()) > self.room()

    def tip(self) -> str:
        """What the tool tip says now: the choice whole, where it does not fit, then what there is to say."""
        whole = self.currentText() if self.is_cut_short() else ""
        return "\n".join(filter(None, (whole, self.toolTip())))

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        width = self._words_of(option).width()
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, max(width, 1)
        )

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.is_cut_short():
            QToolTip.showText(event.globalPos(), plain_tip(self.tip()), self)
            return True
        return super().event(event)

    def _words_of(self, option: QStyleOptionComboBox):
        return self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
