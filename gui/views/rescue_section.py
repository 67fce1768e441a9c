"""A plan that loses too much: the fewest layers to give back, found by measuring, taken with one click."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.values import Rescue
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr
from gui.models.blame_words import labels_of
from gui.models.damage import loss_unit
from gui.session import Session
from gui.widgets.flow import Flow
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating

MOST_NAMES = 5
"""Names beside the button; the rest stands in its tooltip."""


class RescueSection(Retranslating, QWidget):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.goal_label = QLabel()
        explain(self.goal_label, "rescue", "point")
        self.goal = QDoubleSpinBox()
        self.goal.setRange(0.0, 50.0)
        self.goal.setSingleStep(0.5)
        self.goal.setDecimals(1)
        self.goal.setValue(1.0)
        self.goal.lineEdit().setTextMargins(5, 0, 0, 0)
        self.find_button, self.take_button = QPushButton(), QPushButton()
        self.take_button.setProperty("primary", "soft")
        self.words = QLabel()
        self.words.setProperty("small", True)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        row = Flow(8)
        row.add_together(self.goal_label, self.goal)
        row.addWidget(self.find_button)
        found = QHBoxLayout()
        found.setSpacing(10)
        found.addWidget(self.take_button, 0, Qt.AlignmentFlag.AlignTop)
        found.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addLayout(found)
        self.find_button.clicked.connect(self._find)
        self.take_button.clicked.connect(self._take)
        for signal in (
            session.rescue.changed,
            session.blame.changed,
            session.plan_changed,
            session.job_changed,
        ):
            signal.connect(self.refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self.goal_label.setText(tr("Lose at most"))
        self.goal.setAccessibleName(tr("Points that may be lost"))
        self.find_button.setText(tr("Find the fewest layers to give back"))
        self.find_button.setToolTip(
            tr("Measures which layers, left as they were or milder, bring the plan back to the goal")
        )
        self.refresh()

    def _find(self) -> None:
        self._session.rescue.find(self.goal.value())

    def _take(self) -> None:
        self._session.rescue.take(tr("Give layers back"))

    def refresh(self, _value: object = None) -> None:
        session, found = self._session, self._session.rescue.found
        self.goal.setSuffix(" " + loss_unit())
        self.find_button.setEnabled(session.blame.possible and session.job is None)
        self.take_button.setVisible(found is not None and bool(found.layers))
        self.words.setVisible(found is not None)
        if found is None:
            return
        names = self._names(found)
        self.take_button.setText(
            tr("Give back 1 layer") if len(names) == 1 else tr("Give back {n} layers").format(n=len(names))
        )
        self.take_button.setToolTip(plain_tip("\n".join(names)))
        shown = names[:MOST_NAMES] + (["…"] if len(names) > MOST_NAMES else [])
        self.take_button.setAccessibleName(f"{self.take_button.text()}: {', '.join(names)}")
        # a name of any length must not make the button wider than the panel
        self.words.setText("\n".join(line for line in (fmt.listed(shown), self._sentence(found)) if line))

    def _names(self, found: Rescue) -> list[str]:
        names = []
        for ids in found.layers:
            name = labels_of(self._session, ids)
            if ids in found.milder:
                own = found.after.plan.layer(ids[0])
                how = (
                    tr("{n} % zeros").format(n=fmt.number(100 * own.zeros, 0))
                    if own.zeros > 0
                    else tr("{n} bits").format(n=own.weight_bits)
                )
                name = f"{name} ({how})"
            names.append(name)
        return names

    def _sentence(self, found: Rescue) -> str:
        primary = found.after.outcome.primary
        count = fmt.count(primary.count if primary is not None else 0)
        unit = loss_unit()
        before, after = fmt.number(found.before.loss, 2), fmt.number(found.after.loss, 2)
        if not found.layers:
            return tr("Nothing to give back: {n} {unit} lost on {count} samples it has not seen.").format(
                n=after, unit=unit, count=count
            )
        words = tr("{after} {unit} lost instead of {before}, on {count} samples it has not seen.").format(
            after=after, before=before, unit=unit, count=count
        )
        return words if found.reached else tr("The goal is not reached; closest: {plan}").format(plan=words)
