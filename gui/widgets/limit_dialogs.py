"""Asks for what no menu can list: a threshold of the score in use, or any N of every M."""

from __future__ import annotations

from PySide6.QtWidgets import QDialogButtonBox, QInputDialog, QWidget

from core.values import Catalogue, Plan
from core.values.plan import parse_pattern
from gui.i18n import tr, tr_text

_DECIMALS = 9
_MOST = 1e9


class _Asking(QInputDialog):
    def __init__(self, title: str, mode: QInputDialog.InputMode, parent: QWidget) -> None:
        super().__init__(parent)
        # before the buttons are there: a later change leaves the first one switched off
        self.setInputMode(mode)
        self.setWindowTitle(title)
        self.setOkButtonText(tr("Set"))
        self.setCancelButtonText(tr("Cancel"))


class ThresholdDialog(_Asking):
    """`doubleValueSelected` says the threshold. The sentence names the score and what it counts in."""

    def __init__(self, plan: Plan, catalogue: Catalogue, current: float, parent: QWidget) -> None:
        super().__init__(tr("Threshold"), QInputDialog.InputMode.DoubleInput, parent)
        name = str(plan.methods.get("prune_weights", {}).get("score", "automatic"))
        name = "magnitude" if name == "automatic" else name
        score = next((each for each in catalogue.scores if each.name == name), None)
        label = tr_text(score.label) if score is not None else name
        unit = tr_text(score.unit) if score is not None else ""
        self.setDoubleDecimals(_DECIMALS)
        self.setDoubleRange(0.0, _MOST)
        self.setDoubleValue(current)
        words = tr("Weights whose score '{score}' is below this become zero.").format(score=label)
        self.setLabelText(words + ("\n" + tr("Counted in: {unit}").format(unit=unit) if unit else ""))


class PatternDialog(_Asking):
    """`textValueSelected` says the pattern; the dialog cannot be accepted while it is none."""

    def __init__(self, current: str, parent: QWidget) -> None:
        super().__init__(tr("Pattern"), QInputDialog.InputMode.TextInput, parent)
        self.setLabelText(tr("How many of how many neighbouring weights stay, such as 2:4"))
        self.textValueChanged.connect(self._allow)
        self.setTextValue(current)
        self._allow()

    def _allow(self, _words: str = "") -> None:
        buttons = self.findChild(QDialogButtonBox)
        if buttons is not None:
            buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(is_pattern(self.textValue()))


def is_pattern(words: str) -> bool:
    try:
        return parse_pattern(words.strip()) is not None
    except ValueError:
        return False
