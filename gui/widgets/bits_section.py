"""The inspector's part about bits: what fewer bits of the weights cost, and the activations' bits."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from core.values import FLOAT_BITS, HALF_BITS, Layer, LayerPlan, SensitivityPoint
from gui.glossary import explain
from gui.i18n import tr
from gui.models.choices import (
    SHARED,
    STEPS,
    WEIGHT_BITS,
    float_reason,
    scales_help,
    scales_of,
    scales_settings,
    steps_help,
    steps_of,
    steps_settings,
    takes_integers,
)
from gui.theme import Theme
from gui.widgets.bits_bars import BitsBars
from gui.widgets.choice_boxes import activation_bits_box, scales_box, steps_box
from gui.widgets.flow import Flow
from gui.widgets.labels import Heading, heading, note
from gui.widgets.retranslating import Retranslating


class BitsSection(Retranslating, QWidget):
    bits_chosen = Signal(int)
    activation_bits_chosen = Signal(int)
    scales_chosen = Signal(object)
    """Settings of LayerPlan, by name."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._possible = True
        self._title, self._note = heading(), note()
        explain(self._title, "bits", "quantisation")
        self.bars = BitsBars(theme)
        self._activations = Heading(64)
        self._activations.setProperty("small", True)
        explain(self._activations, "activation")
        self.activations = activation_bits_box()
        self.activations.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activations.setMinimumWidth(64)
        self._activations.setBuddy(self.activations)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._note.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        # in a narrow inspector the activations go on in a line of their own, and no word loses its end
        head = Flow()
        head.addWidget(self._title)
        head.addWidget(self._note)
        head.add_break()
        head.add_together(self._activations, self.activations)
        column.addSpacing(2)
        column.addLayout(head)
        column.addWidget(self.bars)
        self._scales = Heading(64)
        self._scales.setProperty("small", True)
        explain(self._scales, "scale", "per_channel", "zero_point")
        self.scales, self.steps = scales_box(), steps_box(short=True)
        for box in (self.scales, self.steps):
            # as wide as its choices where there is room; none may widen the inspector
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(70)
        self._scales.setBuddy(self.scales)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._scales)
        row.addWidget(self.scales, 1)
        row.addWidget(self.steps, 1)
        column.addLayout(row)
        self.scales.activated.connect(self._on_scales)
        self.steps.activated.connect(self._on_steps)
        self.bars.bits_chosen.connect(self.bits_chosen)
        self.activations.activated.connect(self._on_activations)
        self.retranslate()

    def show_layer(
        self,
        layer: Layer,
        plan: LayerPlan,
        points: Sequence[SensitivityPoint],
        top: float,
        unit: str,
    ) -> None:
        """`top` ends the scale of losses, whose unit is `unit`."""
        self._possible = layer.quantizable
        for widget in (
            self.bars,
            self._activations,
            self.activations,
            self._scales,
            self.scales,
            self.steps,
        ):
            widget.setVisible(self._possible)
        self._say()
        if not self._possible:
            return
        measured = {
            point.weight_bits: point.loss
            for point in points
            if point.weight_bits < FLOAT_BITS and point.sparsity == 0
        }
        chosen = plan.weight_bits or FLOAT_BITS
        known = sorted({HALF_BITS, *WEIGHT_BITS, *measured, chosen} - {FLOAT_BITS}, reverse=True)
        choices: list[tuple[int, float | None]] = [(FLOAT_BITS, 0.0)]
        choices += [(bits, measured.get(bits)) for bits in known if bits < layer.weight_bits]
        self.bars.show_bits(choices, chosen, top, unit)
        self.activations.show_value(plan.activation_bits or FLOAT_BITS)
        integer, reason = takes_integers(plan), float_reason(plan)
        self.scales.show_value(scales_of(plan))
        self.scales.setEnabled(integer)
        self.scales.setToolTip(
            scales_help(scales_of(plan)) if integer else tr("Float weights have no scales.")
        )
        self.steps.show_value(steps_of(plan))
        self.steps.allow(STEPS if integer else SHARED)
        self.steps.setToolTip(
            steps_help(steps_of(plan))
            if integer
            else tr("Float weights have no steps. Shared values make some.")
        )
        self.activations.setEnabled(not reason)
        self.activations.setToolTip(
            reason or tr("The bits of what the layer computes with. 8: on integers, which is faster.")
        )

    def _say(self) -> None:
        self._note.set_full_text(tr("points lost") if self._possible else tr("cannot be quantised"))
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """What the figures are stands beside the title where it can be read as a whole."""
        needed = self._title.sizeHint().width() + 6 + self._note.sizeHint().width()
        self._note.setVisible(not self._possible or needed <= self.width())

    def retranslate(self) -> None:
        self._title.setText(tr("Fewer bits"))
        self.bars.setAccessibleName(tr("Loss by bits; Left and Right choose"))
        self._activations.setText(tr("Activations"))
        self._scales.setText(tr("Scales"))
        self.scales.setAccessibleName(tr("Scales of this layer's weights"))
        self.steps.setAccessibleName(tr("Steps of this layer's weights"))
        self.activations.setAccessibleName(tr("Bits of this layer's activations"))
        self._say()

    def _on_scales(self, _index: int) -> None:
        self.scales_chosen.emit(scales_settings(self.scales.currentData()))

    def _on_steps(self, _index: int) -> None:
        self.scales_chosen.emit(steps_settings(self.steps.currentData()))

    def _on_activations(self, _index: int) -> None:
        self.activation_bits_chosen.emit(self.activations.currentData())
