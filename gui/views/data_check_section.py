"""What the model makes of the guesses about the data: a figure for each way, a click for the best."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.values import DataCheck, LabelOrder, Preprocess, PreprocessScore
from gui import format
from gui.i18n import tr, tr_text
from gui.session import Session
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating

SHOWN = 5


class DataCheckSection(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.heading, self.words, self.order = (QLabel(self) for _ in range(3))
        self.heading.setProperty("heading", True)
        self.order.setObjectName("classOrder")
        for label in (self.words, self.order):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.take, self.again = QPushButton(self), QPushButton(self)
        self.take.setProperty("primary", "soft")
        self.take.clicked.connect(self._on_take)
        self.again.clicked.connect(session.check.ask)
        self._rows = QGridLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setHorizontalSpacing(14)
        self._rows.setVerticalSpacing(3)
        self._rows.setColumnStretch(0, 1)
        self._shown: list[QWidget] = []
        buttons = QHBoxLayout()
        buttons.addWidget(self.take)
        buttons.addWidget(self.again)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        column.addWidget(self.heading)
        column.addWidget(self.words)
        column.addWidget(self.order)
        column.addLayout(buttons)
        column.addLayout(self._rows)
        session.check.changed.connect(self.refresh)
        session.data_changed.connect(self.refresh)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(tr("Does it fit the model?"))
        self.refresh()

    def refresh(self, _value: object = None) -> None:
        check = self._session.check
        found = check.found
        pictures = self._has_pictures
        self.again.setText(tr("Try the usual ways") if pictures else tr("Try the order of the classes"))
        self.again.setToolTip(
            tr("Prepares labelled samples in each usual way and counts how often the model is right")
            if pictures
            else tr("Looks whether the model answers labelled samples in another order of the classes")
        )
        self.setVisible(check.possible)
        for widget in self._shown:
            self._rows.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._shown = []
        order = found.order if found is not None else None
        if check.busy:
            self.words.setText(tr("Trying the usual ways on labelled samples…"))
        elif found is None:
            self.words.setText(
                tr(
                    "Whether the model understands pictures depends on how they are scaled. The labels show "
                    "which way is right."
                )
                if pictures
                else tr("The labels can tell whether the classes stand in the model's order.")
            )
        else:
            self.words.setText(_verdict(found))
            for score in _worth_showing(found):
                self._add_row(score)
        self.order.setText(_order_words(order) if order is not None else "")
        self.order.setVisible(order is not None)
        proposed = found is not None and (found.proposed is not None or order is not None)
        self.take.setVisible(proposed)
        if found is not None and proposed:
            self.take.setText(_take_words(found))
        self.again.setVisible(not check.busy and found is None)
        self._on_job()

    @property
    def _has_pictures(self) -> bool:
        data = self._session.data
        return data is not None and data.spec.preprocess is not None and bool(data.spec.preprocess.color)

    def _add_row(self, score: PreprocessScore) -> None:
        row = self._rows.rowCount()
        name = QLabel(tr_text(score.name), self)
        name.setWordWrap(True)
        name.setProperty("muted", not score.current)
        figure = QLabel(f"{format.measured(score.accuracy)} {format.interval(score.accuracy)}", self)
        figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        last: QWidget
        if score.current:
            last = QLabel(tr("in force"), self)
            last.setProperty("muted", True)
        else:
            last = _Use(score.preprocess, self)
            last.setText(tr("Use"))
            last.setAccessibleName(tr("Use {way}").format(way=tr_text(score.name)))
            last.clicked.connect(self._on_use)
        for column, widget in enumerate((name, figure, last)):
            self._rows.addWidget(widget, row, column)
            widget.show()
            self._shown.append(widget)

    def _on_job(self, _job: object = None) -> None:
        free = self._session.job is None
        self.take.setEnabled(free)
        self.again.setEnabled(free)
        for widget in self._shown:
            if isinstance(widget, QPushButton):
                widget.setEnabled(free)

    def _on_take(self) -> None:
        self._session.check.use()

    def _on_use(self) -> None:
        button = self.sender()
        if isinstance(button, _Use):
            self._session.check.use(button.preprocess)

    def _recolor(self, *_: object) -> None:
        attention = self._theme.color("attention").name()
        self.setStyleSheet(f"QLabel#classOrder {{ color: {attention}; }}")


class _Use(QPushButton):
    """Takes one way."""

    def __init__(self, preprocess: Preprocess, parent: QWidget) -> None:
        super().__init__(parent)
        self.preprocess = preprocess
        self.setStyleSheet("padding: 2px 9px;")


def _worth_showing(found: DataCheck) -> list[PreprocessScore]:
    """The best few, and always the one in force."""
    return [score for place, score in enumerate(found.scores) if place < SHOWN or score.current]


def _verdict(found: DataCheck) -> str:
    if not found.scores:
        return tr("The classes stand in the model's order.") if found.order is None else ""
    current = next(score for score in found.scores if score.current)
    if found.proposed is not None:
        return tr("{best} gives {score}, {current} gives {now}.").format(
            best=tr_text(found.proposed.name),
            score=format.measured(found.proposed.accuracy),
            current=tr_text(current.name),
            now=format.measured(current.accuracy),
        )
    return tr("Tried on {n} labelled samples: no usual way is clearly better than the one in force.").format(
        n=format.count(current.accuracy.count)
    )


def _order_words(order: LabelOrder) -> str:
    """'The classes stand in another order …: a is output b, …'."""
    moved = tr(", ").join(
        tr("“{name}” is output “{output}”").format(name=name, output=output) for name, output in order.moved
    )
    return tr(
        "The classes stand in another order than the model's outputs ({moved} …). "
        "With the order put right the model is right in {after} of the samples instead of {before}."
    ).format(
        moved=moved,
        after=format.measured(order.after),
        before=format.measured(order.before),
    )


def _take_words(found: DataCheck) -> str:
    if found.proposed is None:
        return tr("Put the order right")
    if found.order is None:
        return tr("Use {way}").format(way=tr_text(found.proposed.name))
    return tr("Use {way} and put the order right").format(way=tr_text(found.proposed.name))
