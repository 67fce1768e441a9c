"""A model that Secateur made says so when it is opened: from what, when, how good. Gone with a click."""

from __future__ import annotations

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.values import ModelCard
from gui import format
from gui.i18n import tr
from gui.job import Job
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating


class CardBar(Retranslating, QFrame):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cardBar")
        self._session = session
        self._theme = theme
        self.what = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self.what.setProperty("heading", True)
        self.facts = QLabel(self)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QPushButton(self)
        self._close.setProperty("flat", True)
        self._close.clicked.connect(self.hide)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self.what)
        words.addWidget(self.facts)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 10, 9)
        row.addLayout(words, 1)
        row.addWidget(self._close)
        session.model_changed.connect(self._on_model)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def _on_model(self, model: object) -> None:
        self.retranslate()
        self.setVisible(self._card is not None)

    def _on_job(self, job: Job | None) -> None:
        # whoever begins to work with this file has read it, and needs the room
        if job is not None and job.kind in ("analyze", "plan", "compress"):
            self.hide()

    @property
    def _card(self) -> ModelCard | None:
        model = self._session.model
        return model.card if model is not None else None

    def retranslate(self) -> None:
        self._close.setText(tr("Close"))
        card = self._card
        if card is None:
            return
        what = tr("This file was compressed by Secateur {version} from {source}, on {date}").format(
            version=card.version[:20], source=card.source[:120], date=_when(card.made)
        )
        self.what.set_full_text(what)
        self.setAccessibleName(what)
        facts = self._facts(card)
        self.facts.setText(facts)
        self.facts.setToolTip(
            plain_tip(tr("Plan: {plan}").format(plan=card.plan[:2000])) if card.plan else ""
        )
        self.setAccessibleDescription(facts)

    def _facts(self, card: ModelCard) -> str:
        model = self._session.model
        assert model is not None
        parts = []
        if card.source_bytes:
            parts.append(
                tr("{before} before, {after} now").format(
                    before=format.size(card.source_bytes), after=format.size(model.size_bytes)
                )
            )
        if card.before is not None and card.after is not None:
            parts.append(
                tr("{metric} then {before} before, {after} after, on {n} samples").format(
                    metric=format.metric_name(card.metric),
                    before=f"{format.number(card.before)} {card.unit}".strip(),
                    after=f"{format.number(card.after)} {card.unit}".strip(),
                    n=format.count(card.samples),
                )
            )
        parts.append(tr("SHA-256 of the original {hash}…").format(hash=card.source_sha256[:16]))
        parts.append(tr("What is compressed once more loses once more: better start from the original."))
        return " · ".join(parts)

    def _recolor(self, *_: object) -> None:
        back, line = self._theme.color("panel").name(), self._theme.color("line").name()
        self.setStyleSheet(
            f"QFrame#cardBar {{ background: {back}; border: 1px solid {line}; border-radius: 9px; }}"
        )


def _when(made: str) -> str:
    """The date as the locale writes it; what is no date as it stands."""
    date = QDateTime.fromString(made, Qt.DateFormat.ISODate)
    if not date.isValid():
        return made[:40]
    return QLocale().toString(date.toLocalTime().date(), QLocale.FormatType.LongFormat)
