"""The plan's defaults in a small window under its button, and the way from there to the method."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QSlider, QWidget

from core.values import FLOAT_BITS, NO_CHANGE, LayerPlan
from gui import format as fmt
from gui.i18n import tr
from gui.models.choices import (
    SHARED,
    STEPS,
    bits_help,
    fixed_reason,
    float_reason,
    pattern_help,
    scales_help,
    scales_of,
    steps_help,
    steps_of,
    takes_integers,
)
from gui.widgets.choice_boxes import (
    ChoiceBox,
    activation_bits_box,
    pattern_box,
    scales_box,
    steps_box,
    weight_bits_box,
)


class DefaultsPopup(QFrame):
    changed = Signal(str, object)
    """Name and value of a choice, as `choices.default_settings` reads them."""
    method_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("panel", True)
        self._filling = False
        self._defaults = NO_CHANGE
        self._title = QLabel()
        self._title.setProperty("heading", True)
        self._hint = QLabel()
        self._hint.setProperty("small", True)
        self._hint.setWordWrap(True)
        self._labels = tuple(QLabel() for _ in range(6))
        self.sparsity = QSlider(Qt.Orientation.Horizontal)
        self.sparsity.setRange(0, 100)
        self.sparsity.setSingleStep(5)
        self.sparsity.setPageStep(10)
        self.sparsity.setMinimumWidth(150)
        self._value = QLabel()
        self._value.setMinimumWidth(44)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.pattern = pattern_box()
        self.weight_bits = weight_bits_box()
        self.activation_bits = activation_bits_box()
        self.scales = scales_box()
        self.steps = steps_box()
        self.method = QPushButton()
        self.method.clicked.connect(self._on_method)
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(9)
        grid.addWidget(self._title, 0, 0, 1, 3)
        grid.addWidget(self._hint, 1, 0, 1, 3)
        grid.addWidget(self._labels[0], 2, 0)
        grid.addWidget(self.sparsity, 2, 1)
        grid.addWidget(self._value, 2, 2)
        boxes = self._boxes()
        for row, (label, box) in enumerate(zip(self._labels[1:], boxes, strict=True), 3):
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1, 1, 2)
        grid.addWidget(self.method, 3 + len(boxes), 0, 1, 3)
        self.retranslate()
        self.sparsity.valueChanged.connect(self._on_sparsity)
        self.pattern.currentIndexChanged.connect(self._on_pattern)
        self.weight_bits.currentIndexChanged.connect(self._on_weight_bits)
        self.activation_bits.currentIndexChanged.connect(self._on_activation_bits)
        self.scales.currentIndexChanged.connect(self._on_scales)
        self.steps.currentIndexChanged.connect(self._on_steps)

    def show_defaults(self, defaults: LayerPlan) -> None:
        """Take over the plan's defaults without announcing them."""
        self._defaults = full = defaults.over(NO_CHANGE)
        self._filling = True
        self.sparsity.setValue(round(full.zeros * 100))
        self._value.setText(fmt.percent(full.zeros))
        self.pattern.show_value(full.pattern)
        self.weight_bits.show_value(full.weight_bits)
        self.activation_bits.show_value(full.activation_bits)
        self.scales.show_value(scales_of(full))
        self.steps.show_value(steps_of(full))
        self._filling = False
        self._explain()

    def _explain(self) -> None:
        """What cannot be chosen now, and why; what is chosen, and what it means."""
        full = self._defaults
        fixed = fixed_reason(full)
        self.sparsity.setEnabled(not fixed)
        for widget in (self.sparsity, self._value):
            widget.setToolTip(fixed)
        reason = float_reason(full)
        self.activation_bits.setEnabled(not reason)
        self.activation_bits.setToolTip(reason)
        self.pattern.setToolTip(pattern_help(full.pattern or "unstructured"))
        integer = takes_integers(full)
        self.scales.setEnabled(integer)
        self.scales.setToolTip(
            scales_help(scales_of(full)) if integer else tr("Float weights have no scales.")
        )
        self.steps.allow(STEPS if integer else SHARED)
        self.steps.setToolTip(
            steps_help(steps_of(full))
            if integer
            else tr("Float weights have no steps. Shared values make some.")
        )
        self.weight_bits.setToolTip(bits_help(full.weight_bits or FLOAT_BITS))

    def open_under(self, button: QWidget) -> None:
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), button.height() + 4))
        self.move(corner)
        self.show()
        first = self.sparsity if self.sparsity.isEnabled() else self.pattern
        first.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def retranslate(self) -> None:
        self._title.setText(tr("What every layer gets"))
        self._hint.setText(tr("Layers that you changed keep their own settings."))
        names = (
            tr("Sparsity"),
            tr("Pattern"),
            tr("Weights"),
            tr("Activations"),
            tr("A scale for"),
            tr("Steps of weights"),
        )
        for label, text in zip(self._labels, names, strict=True):
            label.setText(text)
        self.sparsity.setAccessibleName(tr("Default sparsity"))
        self.pattern.setAccessibleName(tr("Default pattern of zeros"))
        self.weight_bits.setAccessibleName(tr("Default bits of weights"))
        self.activation_bits.setAccessibleName(tr("Default bits of activations"))
        self.method.setText(tr("Presets, steps and settings…"))
        self.scales.setAccessibleName(tr("Default scales of weights"))
        self.steps.setAccessibleName(tr("Default steps of weights"))
        self._filling = True
        for box in self._boxes():
            box.retranslate()
        self._filling = False
        self._explain()

    def _boxes(self) -> tuple[ChoiceBox, ...]:
        return self.pattern, self.weight_bits, self.activation_bits, self.scales, self.steps

    def _on_method(self) -> None:
        self.close()
        self.method_asked.emit()

    def _on_sparsity(self, value: int) -> None:
        self._value.setText(fmt.percent(value / 100))
        self._announce("sparsity", value / 100)

    def _on_pattern(self, _index: int) -> None:
        self._announce("pattern", self.pattern.currentData())

    def _on_weight_bits(self, _index: int) -> None:
        self._announce("weight_bits", self.weight_bits.currentData())

    def _on_activation_bits(self, _index: int) -> None:
        self._announce("activation_bits", self.activation_bits.currentData())

    def _on_scales(self, _index: int) -> None:
        self._announce("scales", self.scales.currentData())

    def _on_steps(self, _index: int) -> None:
        self._announce("steps", self.steps.currentData())

    def _announce(self, name: str, value: object) -> None:
        if not self._filling:
            self.changed.emit(name, value)
