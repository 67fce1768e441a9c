"""Boxes to choose bits or a pattern from; each choice explains itself in its tooltip."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.values import FLOAT_BITS, HALF_BITS
from gui.models.choices import (
    ACTIVATION_BITS,
    PATTERNS,
    SCALES,
    STEPS,
    WEIGHT_BITS,
    activation_help,
    bits_help,
    bits_name,
    pattern_help,
    pattern_name,
    scales_help,
    scales_name,
    steps_help,
    steps_name,
    steps_short_name,
    weight_bits_name,
)
from gui.widgets.retranslating import Retranslating
from gui.widgets.yielding_box import YieldingBox


class ChoiceBox(Retranslating, YieldingBox):
    """Shows values by name; a value that is not among the choices is added where it is in force."""

    def __init__(
        self,
        choices: tuple[object, ...],
        name: Callable[..., str],
        help_of: Callable[..., str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name, self._help = name, help_of
        for choice in choices:
            self._add(choice)

    def show_value(self, value: object) -> None:
        """Take over a value without announcing it as the person's."""
        if self.findData(value) < 0:
            self._add(value)
        self.setCurrentIndex(self.findData(value))

    def allow(self, values: Collection[object]) -> None:
        """Only these can be chosen now; the others stay visible, greyed."""
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        for index in range(self.count()):
            model.item(index).setEnabled(self.itemData(index) in values)

    def retranslate(self) -> None:
        for index in range(self.count()):
            value = self.itemData(index)
            self.setItemText(index, self._name(value))
            self.setItemData(index, self._help(value), Qt.ItemDataRole.ToolTipRole)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # scrolling past the box must not change the plan
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _add(self, value: object) -> None:
        self.addItem(self._name(value), value)
        self.setItemData(self.count() - 1, self._help(value), Qt.ItemDataRole.ToolTipRole)


def weight_bits_box(parent: QWidget | None = None) -> ChoiceBox:
    return ChoiceBox((*WEIGHT_BITS, HALF_BITS, FLOAT_BITS), weight_bits_name, bits_help, parent)


def activation_bits_box(parent: QWidget | None = None) -> ChoiceBox:
    return ChoiceBox((*ACTIVATION_BITS, FLOAT_BITS), bits_name, activation_help, parent)


def scales_box(parent: QWidget | None = None) -> ChoiceBox:
    return ChoiceBox(SCALES, scales_name, scales_help, parent)


def steps_box(parent: QWidget | None = None, short: bool = False) -> ChoiceBox:
    return ChoiceBox(STEPS, steps_short_name if short else steps_name, steps_help, parent)


def pattern_box(parent: QWidget | None = None) -> ChoiceBox:
    return ChoiceBox(PATTERNS, pattern_name, pattern_help, parent)
