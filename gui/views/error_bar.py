"""What went wrong, above the work area: what, why, what next; details folded. Never a modal box."""

from __future__ import annotations

import platform

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from core import __version__
from gui.i18n import tr, tr_text
from gui.job import Job, Problem
from gui.session import Session
from gui.theme import Theme


class ErrorBar(QFrame):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("errorBar")
        self._theme = theme
        self._problem: Problem | None = None
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
        for button in (self._fold, self._copy, self._close):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 10, 10)
        column.addLayout(row)
        column.addWidget(self._details)
        session.problem.connect(self.show_problem)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def show_problem(self, problem: Problem) -> None:
        self._problem = problem
        self._fold.setChecked(False)
        self._details.setVisible(False)
        self.retranslate()
        self.show()

    def dismiss(self) -> None:
        self._problem = None
        self.hide()

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
        sentences = (self._problem.what, self._problem.why, self._problem.next_step)
        for label, sentence in zip((self._what, self._why, self._next), sentences, strict=True):
            label.setText(tr_text(sentence))
            label.setVisible(bool(sentence.template))
        self._details.setPlainText(self._problem.details)
        self._fold.setVisible(bool(self._problem.details))
        self.setAccessibleName(tr("Problem: {what}").format(what=tr_text(self._problem.what)))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def _on_job(self, job: Job | None) -> None:
        # trying again is an answer to the problem: it has been read
        if job is not None and self._problem is not None and job.kind == self._problem.kind:
            self.dismiss()

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("attention_soft").name()
        line = self._theme.color("attention").name()
        self.setStyleSheet(
            f"QFrame#errorBar {{ background: {back}; border: 1px solid {line}; border-radius: 9px; }}"
        )
