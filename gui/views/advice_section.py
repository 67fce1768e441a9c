"""What would help this model: a few sentences, each with what it rests on and a button that does it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.advice import advise
from core.advice.facts import Facts
from core.values.advice import Advice
from core.values.best import Profile
from gui.i18n import tr, tr_text
from gui.session import Session
from gui.widgets.panels import tab_through
from gui.widgets.retranslating import Retranslating


class _Card(QFrame):
    asked = Signal(object)

    def __init__(self, advice: Advice, parent: QWidget) -> None:
        super().__init__(parent)
        self.advice = advice
        self.words, self.evidence = QLabel(), QLabel()
        self.evidence.setProperty("small", True)
        for label in (self.words, self.evidence):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton()
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(self.words)
        column.addWidget(self.evidence)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(12)
        row.addLayout(column, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.button.clicked.connect(self._on_click)
        self.retranslate()

    def retranslate(self) -> None:
        self.words.setText(tr_text(self.advice.text))
        self.evidence.setText(tr_text(self.advice.evidence))
        self.button.setText(tr_text(self.advice.button))
        self.button.setAccessibleName(f"{tr_text(self.advice.button)}: {tr_text(self.advice.text)}")

    def _on_click(self) -> None:
        self.asked.emit(self.advice)


class AdviceSection(Retranslating, QWidget):
    data_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.cards: list[_Card] = []
        self.above: QWidget | None = None
        """What the keyboard comes from: cards come and go, and each new one would be the window's last."""
        self._shown: tuple[Advice, ...] = ()
        self._facts: Facts | None = None
        self._profile: Profile = "cpu"
        self.heading = QLabel()
        self.heading.setProperty("heading", True)
        self.nothing = QLabel()
        self.nothing.setProperty("muted", True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.heading)
        self._column.addWidget(self.nothing)
        for signal in (
            session.model_changed,
            session.data_changed,
            session.plan_changed,
            session.points_changed,
            session.plan_measured_changed,
            session.result_changed,
            session.blame.changed,
        ):
            signal.connect(self.refresh)
        session.job_changed.connect(self._on_job)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(tr("What would help"))
        self.nothing.setText(tr("Nothing to advise: the plan fits what is known of this model."))
        for card in self.cards:
            card.retranslate()
        self.refresh()

    def set_profile(self, profile: Profile) -> None:
        """What the file is for: as in the tab 'Best plans'."""
        self._profile = profile
        self.refresh()

    def facts(self) -> Facts | None:
        session = self._session
        if session.model is None:
            return None
        return Facts(
            model=session.model,
            plan=session.plan,
            data=session.data,
            profile=self._profile,
            points=session.points,
            link=session.link,
            measured=session.blame.whole or (session.plan_measured if session.plan_is_measured else None),
            result=session.result if session.result_is_current else None,
            blame=session.blame.layers,
        )

    def refresh(self, _value: object = None) -> None:
        facts = self.facts()
        if facts is not None and facts == self._facts and not facts.points:  # points are added in place
            self._on_job()
            return  # several signals tell of one change, and thousands of layers take their time
        self._facts = facts
        found = tuple(advise(facts)) if facts is not None else ()
        self.setVisible(facts is not None)
        self.nothing.setVisible(not found)
        if found != self._shown:
            self._shown = found
            for card in self.cards:
                self._column.removeWidget(card)
                card.hide()
                card.deleteLater()
            self.cards = [_Card(advice, self) for advice in found]
            for card in self.cards:
                self._column.addWidget(card)
                card.asked.connect(self._do)
            if self.above is not None:
                tab_through(self.above, *(card.button for card in self.cards))
        self._on_job()

    def _on_job(self, _job: object = None) -> None:
        for card in self.cards:
            waits = card.advice.command in ("analyze", "blame")
            card.button.setEnabled(not waits or self._session.job is None)

    def _do(self, advice: Advice) -> None:
        session = self._session
        if advice.plan is not None:
            session.replace_plan(advice.plan, tr_text(advice.button))
        elif advice.command == "data":
            self.data_asked.emit()
        elif advice.command == "analyze":
            session.analyze()
        elif advice.command == "blame":
            session.blame.ask()
        if advice.layer_id:
            session.select(advice.layer_id)
