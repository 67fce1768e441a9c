"""The menu of one or several layers: sparsity, bits, keep as is, back to the defaults."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from core.values import FLOAT_BITS
from gui import format as fmt
from gui.i18n import tr
from gui.models.choices import (
    PATTERNS,
    SCALES,
    SHARED,
    SYMMETRIES,
    bits_help,
    pattern_help,
    pattern_name,
    scales_help,
    scales_name,
    scales_of,
    steps_help,
    steps_name,
    steps_of,
    takes_integers,
    weight_bits_name,
)
from gui.models.layer_table import Row, bits_text

SPARSITIES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9)


class LayerMenu(QMenu):
    chosen = Signal(str, object)
    """'sparsity' with a share, 'pattern' and 'scales' with a name, 'bits' with a number, 'steps' with one of
    `choices.STEPS`; 'keep', 'reset', and what is to be asked for ('ask threshold', 'ask pattern') with None.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self.triggered.connect(self._on_triggered)

    def fill(self, rows: list[Row]) -> None:
        """Offer what these layers allow."""
        self.clear()
        title = rows[0].layer.label if len(rows) == 1 else tr("{n} layers").format(n=fmt.count(len(rows)))
        # '&' would become a mnemonic, and names come from files
        self.addAction(title.replace("&", "&&")[:60]).setEnabled(False)
        self.addSeparator()
        prunable = [row for row in rows if row.layer.prunable]
        sparsity = self._group(tr("Sparsity"), bool(prunable))
        for share in SPARSITIES:
            checked = all(row.movable and abs(row.plan.zeros - share) < 0.005 for row in prunable)
            self._choice(sparsity, fmt.percent(share), ("sparsity", share), checked)
        sparsity.addSeparator()
        below = all(bool(row.plan.threshold) and row.movable for row in prunable)
        self._choice(sparsity, tr("Below a threshold…"), ("ask threshold", None), below)
        patterns = self._group(tr("Pattern"), bool(prunable))
        for pattern in PATTERNS:
            chosen = all(row.plan.pattern == pattern for row in prunable)
            action = self._choice(patterns, pattern_name(pattern), ("pattern", pattern), chosen)
            action.setToolTip(pattern_help(pattern))
        patterns.addSeparator()
        other = all(row.plan.pattern not in (None, *PATTERNS) for row in prunable)
        self._choice(patterns, tr("Other…"), ("ask pattern", None), other)
        quantizable = [row for row in rows if row.layer.quantizable]
        self.add_bits(self._group(tr("Bits"), bool(quantizable)), quantizable)
        self._add_scales(self._group(tr("Scales"), bool(quantizable)), quantizable)
        self.addSeparator()
        self._choice(self, tr("Keep as is"), ("keep", None), all(bool(row.plan.keep) for row in rows))
        reset = self.addAction(tr("Reset to default"))
        reset.setData(("reset", None))
        reset.setEnabled(any(row.changed for row in rows))

    def fill_bits(self, row: Row) -> None:
        """Only the bits of one layer, for the box in its row."""
        self.clear()
        self.add_bits(self, [row])
        self.addSeparator()
        default = self.addAction(tr("As the default"))
        default.setData(("bits", None))

    def add_bits(self, menu: QMenu, rows: list[Row]) -> None:
        group = QActionGroup(menu)
        choices = sorted({bits for row in rows for bits in row.bit_choices()})
        for bits in sorted(choices, key=lambda value: (value == FLOAT_BITS, -value)):
            own = min((row.layer.weight_bits for row in rows), default=FLOAT_BITS)
            whole = bits >= FLOAT_BITS
            name = tr("As it is ({bits})").format(bits=bits_text(own)) if whole else weight_bits_name(bits)
            action = self._choice(menu, name, ("bits", bits), all(_has_bits(row, bits) for row in rows))
            action.setToolTip(bits_help(bits))
            group.addAction(action)
        menu.addSeparator()
        for shared in SHARED if rows else ():
            chosen = all(row.plan.clusters == shared for row in rows)
            action = self._choice(menu, steps_name(shared), ("steps", shared), chosen)
            action.setToolTip(steps_help(shared))
            group.addAction(action)

    def _add_scales(self, menu: QMenu, rows: list[Row]) -> None:
        for scales in SCALES:
            chosen = all(scales_of(row.plan) == scales for row in rows)
            self._choice(menu, scales_name(scales), ("scales", scales), chosen).setToolTip(
                scales_help(scales)
            )
        menu.addSeparator()
        for symmetric in SYMMETRIES:
            chosen = all(steps_of(row.plan) is symmetric for row in rows)
            action = self._choice(menu, steps_name(symmetric), ("steps", symmetric), chosen)
            action.setToolTip(steps_help(symmetric))
            action.setEnabled(any(takes_integers(row.plan) for row in rows))

    def _group(self, title: str, enabled: bool) -> QMenu:
        menu = self.addMenu(title)
        menu.setToolTipsVisible(True)
        menu.setEnabled(enabled)
        return menu

    @staticmethod
    def _choice(menu: QMenu, name: str, data: tuple[str, object], checked: bool) -> QAction:
        action = menu.addAction(name)
        action.setData(data)
        action.setCheckable(True)
        action.setChecked(checked)
        return action

    def _on_triggered(self, action: QAction) -> None:
        data = action.data()
        if data:
            self.chosen.emit(data[0], data[1])


def _has_bits(row: Row, bits: int) -> bool:
    return row.bits == bits and not row.plan.clusters
