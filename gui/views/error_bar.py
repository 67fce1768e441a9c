"""What went wrong or must be decided, above the work area: what, why, what next. Never a modal box."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from core import __version__
from gui.i18n import tr, tr_text
from gui.job import Job, Problem
from gui.session import Session
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating


class ErrorBar(Retranslating, QFrame):
    chosen = Signal(object, str)
    """The problem and the key of one of its choices."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("errorBar")
        self._theme = theme
        self._problem: Problem | None = None
        self._asked: list[Problem] = []
        """Questions that something else came before: they are asked again."""
        self._ways: list[QPushButton] = []
        self._what, self._why, self._next = (QLabel(self) for _ in range(3))
        for label in (self._what, self._why, self._next):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._what.setProperty("heading", True)
        self._details = QPlainTextEdit(self)
        self._details.setReadOnly(True)
        self._details.setFixedHeight(130)
        self._fold = QPushButton(self)
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._details.setVisible)
        self._copy = QPushButton(self)
        self._copy.clicked.connect(self.copy_report)
        self._close = QPushButton(self)
        self._close.clicked.connect(self.dismiss)
        for button in (self._fold, self._copy, self._close):
            button.setProperty("flat", True)
        words = QVBoxLayout()
        words.setSpacing(3)
        for label in (self._what, self._why, self._next):
            words.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addLayout(words, 1)
        self._row = QHBoxLayout()
        self._row.setSpacing(6)
        row.addLayout(self._row)
        row.setAlignment(self._row, Qt.AlignmentFlag.AlignTop)
        for button in (self._fold, self._copy, self._close):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 10, 10)
        column.addLayout(row)
        column.addWidget(self._details)
        session.problem.connect(self.show_problem)
        session.leaving.connect(self._asked.clear)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def show_problem(self, problem: Problem) -> None:
        if self._problem is not None and self._problem.choices and self._problem.kind != problem.kind:
            self._asked.append(self._problem)
        self._problem = problem
        self._show_choices()
        self._fold.setChecked(False)
        self._details.setVisible(False)
        self.retranslate()
        self.show()
        if self._ways and problem.kind == "project":
            self._ways[0].setFocus()

    def dismiss(self) -> None:
        """Closed: of a question that is the answer that changes nothing."""
        if self._problem is not None and any(choice.key == "cancel" for choice in self._problem.choices):
            self._choose("cancel")
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._problem = None
        self._show_choices()
        if self._asked:
            self.show_problem(self._asked.pop())
        else:
            self.hide()

    def _show_choices(self) -> None:
        """A button for each way out; the first is the one that is meant."""
        for button in self._ways:
            self._row.removeWidget(button)
            button.deleteLater()
        self._ways = []
        for index, choice in enumerate(self._problem.choices if self._problem is not None else ()):
            button = QPushButton(self)
            button.setProperty("primary", "soft" if index == 0 else "")
            button.setProperty("key", choice.key)
            button.setAutoDefault(True)  # Enter presses it too
            button.clicked.connect(self._on_choice)
            self._row.addWidget(button)
            button.show()  # now, not with the next event: it may get the focus
            self._ways.append(button)

    def _on_choice(self) -> None:
        self._choose(self.sender().property("key"))

    def _choose(self, key: str) -> None:
        problem = self._problem
        self._go_on()
        if problem is not None:
            self.chosen.emit(problem, key)

    def report(self) -> str:
        """All there is to say, for an issue: in English, whatever the window's language."""
        if self._problem is None:
            return ""
        problem = self._problem
        lines = [
            f"Secateur {__version__}, {platform.platform()}, Python {platform.python_version()}",
            f"While: {problem.kind}",
            *(str(part) for part in (problem.what, problem.why, problem.next_step) if part.template),
        ]
        if problem.details:
            lines += ["", problem.details]
        return "\n".join(lines)

    def copy_report(self) -> None:
        QGuiApplication.clipboard().setText(self.report())
        self._copy.setText(tr("Copied"))

    def retranslate(self) -> None:
        self._fold.setText(tr("Details"))
        self._copy.setText(tr("Copy report"))
        self._close.setText(tr("Close"))
        self._details.setAccessibleName(tr("Details of the problem"))
        if self._problem is None:
            return
        for button, choice in zip(self._ways, self._problem.choices, strict=True):
            button.setText(tr_text(choice.label))
        sentences = (self._problem.what, self._problem.why, self._problem.next_step)
        for label, sentence in zip((self._what, self._why, self._next), sentences, strict=True):
            label.setText(tr_text(sentence))
            label.setVisible(bool(sentence.template))
        self._details.setPlainText(self._problem.details)
        self._fold.setVisible(bool(self._problem.details))
        self._copy.setVisible(bool(self._problem.details) or not self._problem.choices)
        self.setAccessibleName(tr("Problem: {what}").format(what=tr_text(self._problem.what)))

    def _on_job(self, job: Job | None) -> None:
        # trying again is an answer to the problem: it has been read
        if job is not None and self._problem is not None and job.kind == self._problem.kind:
            self._go_on()

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("attention_soft").name()
        line = self._theme.color("attention").name()
        self.setStyleSheet(
            f"QFrame#errorBar {{ background: {back}; border: 1px solid {line}; border-radius: 9px; }}"
        )
