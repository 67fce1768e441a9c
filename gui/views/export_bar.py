"""After an export: where the file is, what it weighs, what it gives. Calm, and gone with a click."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.values import Exported
from gui import format
from gui.i18n import tr, tr_text
from gui.job import Job
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.retranslating import Retranslating


class ExportBar(Retranslating, QFrame):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("exportBar")
        self._session = session
        self._theme = theme
        self._exported: Exported | None = None
        self._what = QLabel(self)
        self._what.setTextFormat(Qt.TextFormat.PlainText)
        self._what.setProperty("heading", True)
        self._warning = QLabel(self)
        self._warning.setTextFormat(Qt.TextFormat.PlainText)
        self._warning.setWordWrap(True)
        self._where = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self._folder, self._report, self._close = (QPushButton(self) for _ in range(3))
        self._folder.clicked.connect(self._show_folder)
        self._report.clicked.connect(self._show_report)
        self._close.clicked.connect(self.hide)
        for button in (self._folder, self._report, self._close):
            button.setProperty("flat", True)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self._what)
        words.addWidget(self._where)
        words.addWidget(self._warning)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 10, 9)
        row.setSpacing(4)
        row.addLayout(words, 1)
        for button in (self._folder, self._report, self._close):
            row.addWidget(button)
        session.exported.connect(self.show_exported)
        session.job_changed.connect(self._on_job)
        session.model_changed.connect(self._on_model)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def show_exported(self, exported: Exported) -> None:
        self._exported = exported
        self.retranslate()
        self.show()

    def retranslate(self) -> None:
        self._folder.setText(tr("Show in folder"))
        self._report.setText(tr("Open the report"))
        self._close.setText(tr("Close"))
        exported = self._exported
        if exported is None:
            return
        facts = [format.size(exported.size_bytes)]
        result = self._session.result
        measurement = result.after.primary if result is not None else None
        if measurement is not None:
            value = f"{format.measured(measurement)} {format.interval(measurement)}".strip()
            facts.append(
                tr("{metric} {value} on {n} samples").format(
                    metric=format.metric_name(measurement.metric),
                    value=value,
                    n=format.count(measurement.count),
                )
            )
        what = tr("Exported and checked: {facts}").format(facts=" · ".join(facts))
        self._what.setText(what)
        self.setAccessibleName(what)
        self._where.set_full_text(exported.path)
        warning = " ".join(tr_text(sentence) for sentence in exported.warnings)
        self._warning.setText(warning)
        self._warning.setVisible(bool(warning))
        self.setAccessibleDescription(warning)
        self._report.setVisible(exported.report_path is not None)
        self._report.setToolTip(exported.report_path or "")

    def _show_folder(self) -> None:
        if self._exported is not None:
            self._open(str(Path(self._exported.path).parent))

    def _show_report(self) -> None:
        if self._exported is not None and self._exported.report_path is not None:
            self._open(self._exported.report_path)

    def _open(self, path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def _on_job(self, job: Job | None) -> None:
        if job is not None and job.kind != "data":
            self.hide()

    def _on_model(self, model: object) -> None:
        self.hide()

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("accent_soft").name()
        line = self._theme.color("accent").name()
        self._warning.setStyleSheet(f"color: {self._theme.color('attention').name()};")
        self.setStyleSheet(
            f"QFrame#exportBar {{ background: {back}; border: 1px solid {line}; border-radius: 9px; }}"
        )
