"""The data step: which samples judge the model, and how they become its input."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.values import DataInfo, DataSpec, Text
from gui import format
from gui.i18n import tr, tr_text
from gui.job import Job
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.preprocess_form import PreprocessForm
from gui.widgets.sample_preview import SamplePreview

RANDOM = "random"
"""The path of a DataSpec that asks for random inputs."""
LISTED = 8
"""So many skipped files are named; the rest is counted."""


class DataView(QWidget):
    folder_asked = Signal()
    file_asked = Signal()
    closed = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._heading = _label(self, heading=True)
        self._done = QPushButton(self)
        self._done.clicked.connect(self.closed)
        self._intro = _label(self, muted=True)
        self._folder, self._file, self._random = (QPushButton(self) for _ in range(3))
        self._folder.clicked.connect(self.folder_asked)
        self._file.clicked.connect(self.file_asked)
        self._random.clicked.connect(self._use_random)
        self._path = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self._path.setProperty("heading", True)
        self._facts = _label(self)
        self._meaning = _label(self, muted=True)
        self._label_title = _label(self, muted=True)
        self._label_title.setWordWrap(False)
        self._label_column = QComboBox(self)
        self._label_column.activated.connect(self._on_label_column)
        self._form_title = _label(self, heading=True)
        self._guessed = _label(self, muted=True)
        self._form = PreprocessForm(self)
        self._form.edited.connect(self._on_edited)
        self._form.confirmed.connect(self._on_confirmed)
        self._apply = QPushButton(self)
        self._apply.clicked.connect(self._on_apply)
        self._revert = QPushButton(self)
        self._revert.setProperty("flat", True)
        self._revert.clicked.connect(self._on_revert)
        self._unread = _label(self, muted=True)
        self._preview_title = _label(self, heading=True)
        self._preview = SamplePreview(theme, self)
        self._warnings = _label(self)
        self._warnings.setObjectName("warnings")
        self._skipped = _label(self, muted=True)
        self._lay_out()
        session.data_changed.connect(self._on_data)
        session.model_changed.connect(self._on_data)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self._on_data()

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(14, 9, 10, 9)
        header.addWidget(self._heading, 1)
        header.addWidget(self._done)
        line = QFrame(self)
        line.setObjectName("headerLine")
        line.setFixedHeight(1)
        choose = QHBoxLayout()
        for button in (self._folder, self._file, self._random):
            choose.addWidget(button)
        choose.addStretch()
        label_row = QHBoxLayout()
        label_row.addWidget(self._label_title)
        label_row.addWidget(self._label_column)
        label_row.addStretch()
        apply_row = QHBoxLayout()
        apply_row.addWidget(self._apply)
        apply_row.addWidget(self._revert)
        apply_row.addWidget(self._unread, 1)
        left = QVBoxLayout()
        left.setSpacing(8)
        for item in (self._form_title, self._guessed, self._form):
            left.addWidget(item)
        left.addLayout(apply_row)
        left.addStretch()
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._preview_title)
        right.addWidget(self._preview)
        right.addStretch()
        body = QWidget(self)
        body.setObjectName("dataBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(18, 14, 18, 16)
        column.setSpacing(10)
        column.addWidget(self._intro)
        column.addLayout(choose)
        column.addSpacing(6)
        for label in (self._path, self._facts, self._meaning, self._warnings, self._skipped):
            column.addWidget(label)
        column.addLayout(label_row)
        column.addSpacing(10)
        self._columns = columns = QHBoxLayout()
        columns.addLayout(left, 4)
        columns.addLayout(right, 5)
        column.addLayout(columns)
        column.addStretch()
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(header)
        whole.addWidget(line)
        whole.addWidget(self._scroll, 1)

    def take_focus(self) -> None:
        first = self._done if self._session.data is not None else self._folder
        first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # ------------------------------------------------------------ what the session says

    def _on_data(self, *_: object) -> None:
        data = self._session.data
        if data is not None and data.spec.preprocess is not None:
            self._form.set_value(data.spec.preprocess)
        if data is not None:
            self._label_column.clear()
            self._label_column.addItems(list(data.columns))
            self._label_column.setCurrentText(data.label_column or "")
        self._preview.set_data(data)
        self._show()

    def _on_job(self, job: Job | None) -> None:
        self._show()

    def _show(self) -> None:
        data = self._session.data
        busy = self._session.job is not None
        loaded = data is not None
        pictures = loaded and data.spec.preprocess is not None and bool(data.spec.preprocess.color)
        for button in (self._folder, self._file, self._random):
            button.setEnabled(not busy)
        reading = busy and self._session.job.kind == "data"
        self._path.set_full_text(self._path_text(data) if not reading else tr("Reading the samples…"))
        self._facts.setText(_facts(data) if loaded and not reading else "")
        self._meaning.setText(_meaning(data) if loaded and not reading else "")
        self._warnings.setText(_lines(data.warnings) if loaded else "")
        self._skipped.setText(_skipped(data) if loaded else "")
        for label in (self._path, self._facts, self._meaning, self._warnings, self._skipped):
            shown = label.full_text if label is self._path else label.text()
            label.setVisible(bool(shown))
        for widget in (self._label_title, self._label_column):
            widget.setVisible(loaded and bool(data.columns))
        self._label_column.setEnabled(not busy)
        for widget in (self._form_title, self._form, self._apply, self._revert, self._unread):
            widget.setVisible(bool(pictures))
        self._guessed.setText(_lines(data.guessed) if loaded else "")
        guessed = loaded and bool(data.guessed)
        self._guessed.setVisible(guessed)
        # a table's rows take the whole width where there is nothing to their left
        self._columns.setStretch(0, 4 if pictures or guessed else 0)
        self._columns.setSpacing(28 if pictures or guessed else 0)
        self._preview_title.setVisible(self._preview.filled)
        self._preview.setVisible(self._preview.filled)
        self._preview_title.setText(
            tr("What the model will see") if loaded and data.preview_png else tr("The first rows")
        )
        self._done.setProperty("primary", loaded and not busy)
        self._done.style().unpolish(self._done)
        self._done.style().polish(self._done)
        self._done.setText(tr("Use this data") if loaded else tr("Back"))
        self._on_edited(quiet=True)

    def _path_text(self, data: DataInfo | None) -> str:
        if data is None:
            return ""
        return tr("Random inputs") if data.spec.path == RANDOM else data.spec.path

    # ------------------------------------------------------------ edits

    def _on_edited(self, quiet: bool = False) -> None:
        data = self._session.data
        value = self._form.value()
        changed = data is not None and value != data.spec.preprocess
        if quiet and not changed:
            self._unread.setText("")
        free = self._session.job is None
        self._apply.setEnabled(free and value is not None and changed)
        self._revert.setEnabled(free and changed)
        self._unread.setText(tr("A field cannot be read: use numbers only.") if value is None else "")

    def _on_confirmed(self) -> None:
        if self._apply.isEnabled():
            self._on_apply()

    def _on_apply(self) -> None:
        value = self._form.value()
        if value is not None:
            self._session.change_preprocess(value)

    def _on_revert(self) -> None:
        data = self._session.data
        if data is not None and data.spec.preprocess is not None:
            self._form.set_value(data.spec.preprocess)
            self._on_edited()

    def _on_label_column(self, index: int) -> None:
        data = self._session.data
        column = self._label_column.itemText(index)
        if data is not None and column != data.label_column:
            self._session.open_data(msgspec.structs.replace(data.spec, label_column=column, kind=data.kind))

    def _use_random(self) -> None:
        self._session.open_data(DataSpec(path=RANDOM))

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self._heading.setText(tr("Data: samples that judge the model"))
        self._intro.setText(
            tr(
                "Secateur tries every cut on real samples. Choose a folder of pictures with one folder per "
                "class, a table (CSV), or arrays (NPZ, NPY). A few hundred are enough to begin."
            )
        )
        self._folder.setText(tr("Choose a folder…"))
        self._file.setText(tr("Choose a file…"))
        self._random.setText(tr("I have no data"))
        self._random.setToolTip(
            tr("Feed random numbers: shows only whether the answers stay the same on noise")
        )
        self._label_title.setText(tr("The answer stands in column"))
        self._label_column.setAccessibleName(tr("The answer stands in column"))
        self._form_title.setText(tr("How a picture becomes the model's input"))
        self._apply.setText(tr("Apply"))
        self._revert.setText(tr("Undo edits"))
        self._scroll.setAccessibleName(tr("Data"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def _recolor(self, *_: object) -> None:
        color = self._theme.color
        self.setStyleSheet(
            f"QFrame#headerLine {{ background: {color('line').name()}; border: none; }}"
            "QWidget#dataBody { background: transparent; }"
            f"QLabel#warnings {{ color: {color('attention').name()}; }}"
        )


def _label(parent: QWidget, heading: bool = False, muted: bool = False) -> QLabel:
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("heading", heading)
    label.setProperty("muted", muted)
    label.setWordWrap(not heading)
    return label


def _facts(data: DataInfo) -> str:
    """'5,000 samples · 10 classes · 256 to calibrate, 1,000 to judge'."""
    parts = [tr("{n} samples").format(n=format.count(data.sample_count))]
    if data.class_names:
        parts.append(tr("{n} classes").format(n=format.count(len(data.class_names))))
    parts.append(
        tr("{calibration} to calibrate, {judge} to judge").format(
            calibration=format.count(data.calibration_count), judge=format.count(data.judge_count)
        )
    )
    return " · ".join(parts)


def _meaning(data: DataInfo) -> str:
    if data.task == "unlabelled":
        return tr(
            "These samples come without the right answers. Secateur then measures how often the "
            "compressed model answers as the original does, instead of accuracy."
        )
    if data.task == "regression":
        return tr("The answers are numbers: Secateur measures the error instead of accuracy.")
    names = ", ".join(data.class_names[:10])
    return tr("Classes: {names}").format(names=names + ("…" if len(data.class_names) > 10 else ""))


def _lines(sentences: tuple[Text, ...]) -> str:
    return "\n".join(tr_text(sentence) for sentence in sentences)


def _skipped(data: DataInfo) -> str:
    if not data.skipped_count:
        return ""
    count = tr("{n} left out:").format(n=format.count(data.skipped_count))
    lines = [count, *(tr_text(sentence) for sentence in data.skipped[:LISTED])]
    if data.skipped_count > len(data.skipped[:LISTED]):
        lines.append("…")
    return "\n".join(lines)
