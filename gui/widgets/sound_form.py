"""How sounds become the model's input: rate and length."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QSpinBox, QWidget

from core.values import Preprocess
from gui.i18n import tr
from gui.widgets.retranslating import Retranslating
from gui.widgets.samples_form import LABEL_WIDTH

MOST_RATE = 1_000_000
MOST_LENGTH = 100_000_000


class SoundForm(Retranslating, QWidget):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = Preprocess()
        self._labels = [QLabel(self) for _ in range(2)]
        self.rate, self.length = QSpinBox(self), QSpinBox(self)
        self.rate.setRange(1, MOST_RATE)
        self.rate.setSingleStep(1000)
        self.length.setRange(1, MOST_LENGTH)
        self.length.setSingleStep(1000)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(7)
        for label, spin in zip(self._labels, (self.rate, self.length), strict=True):
            label.setProperty("muted", True)
            label.setMinimumWidth(LABEL_WIDTH)
            label.setBuddy(spin)
            spin.setFixedWidth(118)
            spin.setGroupSeparatorShown(True)
            spin.lineEdit().setTextMargins(5, 0, 0, 0)
            spin.valueChanged.connect(self._on_edit)
            form.addRow(label, spin)
        self.retranslate()

    def set_value(self, value: Preprocess) -> None:
        self._value = value
        length = value.crop if isinstance(value.crop, int) else 1
        for spin, number in ((self.rate, value.sample_rate or 1), (self.length, length)):
            spin.blockSignals(True)
            spin.setValue(number)
            spin.blockSignals(False)

    def value(self) -> Preprocess:
        return msgspec.structs.replace(self._value, sample_rate=self.rate.value(), crop=self.length.value())

    def _on_edit(self, _value: int) -> None:
        self.edited.emit()

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        names = (tr("Rate, samples a second"), tr("Length, samples"))
        helps = (
            tr("The rate at which the model was trained. Sounds of another rate are resampled."),
            tr("Longer sounds are cut to their middle, shorter ones get silence behind."),
        )
        for label, spin, name, help_text in zip(
            self._labels, (self.rate, self.length), names, helps, strict=True
        ):
            label.setText(name)
            for widget in (spin, spin.lineEdit()):
                widget.setAccessibleName(name)
            spin.setToolTip(help_text)
