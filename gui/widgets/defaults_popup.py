"""The plan's defaults in a small window under its button: sparsity, weight bits, activation bits."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QLabel, QSlider, QWidget

from core.values import FLOAT_BITS, NO_CHANGE, LayerPlan
from gui import format as fmt
from gui.i18n import tr
from gui.models.layer_table import bits_text

WEIGHT_BITS = (8, 4, FLOAT_BITS)
ACTIVATION_BITS = (8, FLOAT_BITS)


class DefaultsPopup(QFrame):
    changed = Signal(str, object)
    """Name of a setting of LayerPlan and its value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("panel", True)
        self._filling = False
        self._title = QLabel()
        self._title.setProperty("heading", True)
        self._hint = QLabel()
        self._hint.setProperty("small", True)
        self._hint.setWordWrap(True)
        self._labels = (QLabel(), QLabel(), QLabel())
        self.sparsity = QSlider(Qt.Orientation.Horizontal)
        self.sparsity.setRange(0, 100)
        self.sparsity.setSingleStep(5)
        self.sparsity.setPageStep(10)
        self.sparsity.setMinimumWidth(150)
        self._value = QLabel()
        self._value.setMinimumWidth(44)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.weight_bits = QComboBox()
        self.activation_bits = QComboBox()
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(9)
        grid.addWidget(self._title, 0, 0, 1, 3)
        grid.addWidget(self._hint, 1, 0, 1, 3)
        grid.addWidget(self._labels[0], 2, 0)
        grid.addWidget(self.sparsity, 2, 1)
        grid.addWidget(self._value, 2, 2)
        grid.addWidget(self._labels[1], 3, 0)
        grid.addWidget(self.weight_bits, 3, 1, 1, 2)
        grid.addWidget(self._labels[2], 4, 0)
        grid.addWidget(self.activation_bits, 4, 1, 1, 2)
        self.retranslate()
        self.sparsity.valueChanged.connect(self._on_sparsity)
        self.weight_bits.currentIndexChanged.connect(self._on_weight_bits)
        self.activation_bits.currentIndexChanged.connect(self._on_activation_bits)

    def show_defaults(self, defaults: LayerPlan) -> None:
        """Take over the plan's defaults without announcing them."""
        full = defaults.over(NO_CHANGE)
        self._filling = True
        self.sparsity.setValue(round((full.sparsity or 0.0) * 100))
        self._value.setText(fmt.percent(full.sparsity or 0.0))
        self.weight_bits.setCurrentIndex(self.weight_bits.findData(full.weight_bits))
        self.activation_bits.setCurrentIndex(self.activation_bits.findData(full.activation_bits))
        self._filling = False

    def open_under(self, button: QWidget) -> None:
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), button.height() + 4))
        self.move(corner)
        self.show()
        self.sparsity.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def retranslate(self) -> None:
        self._title.setText(tr("What every layer gets"))
        self._hint.setText(tr("Layers that you changed keep their own settings."))
        for label, text in zip(self._labels, (tr("Sparsity"), tr("Weights"), tr("Activations")), strict=True):
            label.setText(text)
        self.sparsity.setAccessibleName(tr("Default sparsity"))
        self.weight_bits.setAccessibleName(tr("Default bits of weights"))
        self.activation_bits.setAccessibleName(tr("Default bits of activations"))
        for box, choices in ((self.weight_bits, WEIGHT_BITS), (self.activation_bits, ACTIVATION_BITS)):
            at = max(box.currentIndex(), 0)
            self._filling = True
            box.clear()
            for bits in choices:
                name = tr("{n} bits").format(n=bits) if bits < FLOAT_BITS else bits_text(bits)
                box.addItem(name, bits)
            box.setCurrentIndex(at)
            self._filling = False

    def _on_sparsity(self, value: int) -> None:
        self._value.setText(fmt.percent(value / 100))
        self._announce("sparsity", value / 100)

    def _on_weight_bits(self, _index: int) -> None:
        self._announce("weight_bits", self.weight_bits.currentData())

    def _on_activation_bits(self, _index: int) -> None:
        self._announce("activation_bits", self.activation_bits.currentData())

    def _announce(self, name: str, value: object) -> None:
        if not self._filling:
            self.changed.emit(name, value)
