"""Version, licence, and what the program stands on."""

from __future__ import annotations

import platform

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from core import __version__
from gui.i18n import tr
from gui.icons import pixmap
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating


class AboutDialog(Retranslating, QDialog):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        logo = QLabel(self)
        logo.setPixmap(pixmap("scissors", theme, 40, self.devicePixelRatioF()))
        self._title = QLabel(self)
        self._title.setProperty("title", True)
        self._words = QLabel(self)
        self._parts = QLabel(self)
        self._parts.setProperty("muted", True)
        for label in (self._words, self._parts):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self._buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 16)
        column.setSpacing(10)
        for widget in (logo, self._title, self._words, self._parts, self._buttons):
            column.addWidget(widget)
        self.setMinimumWidth(440)
        self.retranslate()

    def retranslate(self) -> None:
        # Qt's own word for it is there in the languages that Qt's package brings only
        self._buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        self.setWindowTitle(tr("About Secateur"))
        self._title.setText(tr("Secateur {version}").format(version=__version__))
        self._words.setText(
            tr(
                "Shows what a trained neural network can spare, and makes it smaller and faster.\n"
                "Licensed under the Apache License 2.0."
            )
        )
        self._parts.setText(
            tr(
                "It stands on Qt and PySide6 {qt} (LGPL 3), ONNX, ONNX Runtime, Netron (MIT or Apache 2.0), "
                "PyTorch and NumPy (BSD), pyqtgraph (MIT), and Python {python}."
            ).format(qt=pyside_version, python=platform.python_version())
        )
