"""Which layers the plan's damage comes from: a sentence, the worst as bars, the button that measures it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr
from gui.models.blame_words import blame_sentence, damage_share, names_of, points_text
from gui.models.damage import loss_unit
from gui.session import Session
from gui.theme import Theme
from gui.widgets.blame_bars import Bar, BlameBars
from gui.widgets.retranslating import Retranslating

MOST_BARS = 5


class BlameSection(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.heading = QLabel()
        explain(self.heading, "blame", "damage")
        self.heading.setProperty("heading", True)
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.bars = BlameBars(theme)
        self.button = QPushButton()
        row = QHBoxLayout()
        row.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.heading)
        words.addWidget(self.sentence)
        row.addLayout(words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.bars)
        self.button.clicked.connect(session.blame.ask)
        self.bars.chosen.connect(session.select)
        for signal in (
            session.blame.changed,
            session.plan_changed,
            session.model_changed,
            session.job_changed,
        ):
            signal.connect(self.refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(tr("Which layers cause the loss"))
        self.button.setText(tr("Measure"))
        self.button.setAccessibleName(tr("Measure which layers the loss comes from"))
        self.button.setToolTip(tr("Leaves one layer at a time as it was and measures what comes back"))
        self.bars.setAccessibleName(tr("Layers that cost most"))
        self.refresh()

    def refresh(self, _value: object = None) -> None:
        blame = self._session.blame
        whole, layers = blame.whole, blame.layers
        found = len(blame.by_layer())
        planned = sum(self._session.plan.changes(layer.id) for layer in self._layers()) if found else 0
        done = found >= planned > 0
        self.button.setEnabled(blame.possible and self._session.job is None and not done)
        self.sentence.setText(blame_sentence(self._session) or self._why_nothing())
        bars: tuple[Bar, ...] = ()
        if whole is not None and layers:
            unit, longest = loss_unit(), max(damage_share(layers[0], whole), 1e-9)
            bars = tuple(
                Bar(
                    layer_id=back.layers[0],
                    name=names_of(self._session, back),
                    share=damage_share(back, whole) / longest,
                    figure=tr("{share} · {points}").format(
                        share=fmt.percent(damage_share(back, whole)), points=points_text(back, unit)
                    ),
                    tip=tr("{share} of the damage; left as it was it gives back {points}").format(
                        share=fmt.percent(damage_share(back, whole)), points=points_text(back, unit)
                    ),
                )
                for back in layers[:MOST_BARS]
            )
        self.bars.show_bars(bars)
        self.bars.setVisible(bool(bars))

    def _layers(self) -> tuple:  # type: ignore[type-arg]
        return self._session.model.layers if self._session.model is not None else ()

    def _why_nothing(self) -> str:
        session = self._session
        if session.model is None:
            return tr("Open a model first.")
        if session.data is None:
            return tr("Choose data first.")
        if not session.blame.possible and session.plan.restructures:
            return tr("Only whole channels go, or training is planned: no layer has bits or zeros to return.")
        if not session.blame.possible:
            return tr("The plan changes nothing: set bits or sparsity first.")
        return tr("Leave one layer at a time as it was, the others as planned, and measure what comes back.")
