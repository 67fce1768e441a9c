"""The data step: which samples judge the model, and how they become its input."""

from __future__ import annotations

import os

import msgspec
from PySide6.QtCore import Qt, Signal
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

from core.values import DataInfo, DataSpec, Preprocess
from gui.glossary import explain
from gui.i18n import tr
from gui.job import Job
from gui.models import data_words as words
from gui.models.first_guess import preprocess_for
from gui.session import Session
from gui.theme import Theme
from gui.views.data_check_section import DataCheckSection
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.preprocess_form import PreprocessForm
from gui.widgets.retranslating import Retranslating
from gui.widgets.sample_preview import SamplePreview
from gui.widgets.samples_form import SamplesForm
from gui.widgets.sound_form import SoundForm
from gui.widgets.task_choice import TaskChoice

RANDOM = "random"
"""The path of a DataSpec that asks for random inputs."""


class DataView(Retranslating, QWidget):
    folder_asked = Signal()
    file_asked = Signal()
    calibration_folder_asked = Signal()
    calibration_file_asked = Signal()
    closed = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._failed_shown: DataSpec | None = None
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
        self._task = TaskChoice(self)
        self._task.chosen.connect(self._on_task)
        self._samples_title = _label(self, heading=True)
        self._samples = SamplesForm(self)
        self._samples.edited.connect(self._on_edited)
        self._samples.folder_asked.connect(self.calibration_folder_asked)
        self._samples.file_asked.connect(self.calibration_file_asked)
        self._samples.same_asked.connect(self._on_same_source)
        self._form_title = _label(self, heading=True)
        explain(self._form_title, "preprocessing")
        self._guessed = _label(self, muted=True)
        self._form = PreprocessForm(self)
        self._form.edited.connect(self._on_edited)
        self._form.confirmed.connect(self._on_confirmed)
        self._check = DataCheckSection(session, theme, self)
        self._sound_form = SoundForm(self)
        self._sound_form.edited.connect(self._on_edited)
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
        # a widget: an empty layout that would grow keeps those above it as narrow as their longest word
        self._apply_row = QWidget(self)
        apply_row = QHBoxLayout(self._apply_row)
        apply_row.setContentsMargins(0, 0, 0, 0)
        apply_row.addWidget(self._apply)
        apply_row.addWidget(self._revert)
        apply_row.addWidget(self._unread, 1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self._samples_title)
        left.addWidget(self._samples)
        left.addSpacing(8)
        for item in (self._form_title, self._guessed, self._form, self._sound_form):
            left.addWidget(item)
        left.addWidget(self._apply_row)
        left.addStretch()
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._preview_title)
        right.addWidget(self._preview)
        right.addSpacing(8)
        right.addWidget(self._check)  # beside the form, so that nobody has to scroll to what it says
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
        column.addWidget(self._task)
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
        self._fill_forms()
        if data is not None:
            self._label_column.clear()
            self._label_column.addItems(list(data.columns))
            self._label_column.setCurrentText(data.label_column or "")
            self._task.set_task(data.task)
        self._preview.set_data(data)
        self._show()

    def _fill_forms(self) -> None:
        """With what holds; after data could not be read, with what a person may have to correct."""
        spec, value = self._spec, self._preprocess
        if spec is not None:
            self._samples.set_spec(spec)
        if value is not None:
            self._own_form.set_value(value)

    @property
    def _spec(self) -> DataSpec | None:
        data = self._session.data
        return data.spec if data is not None else self._session.failed_data

    @property
    def _own_form(self) -> PreprocessForm | SoundForm:
        """The form for what the samples are: sounds or pictures."""
        value = self._preprocess
        return self._form if value is None or value.sample_rate is None else self._sound_form

    @property
    def _preprocess(self) -> Preprocess | None:
        """None where the form has nothing to say: for tables, arrays and random inputs."""
        session, spec = self._session, self._spec
        if spec is None:
            return None
        if session.data is not None:
            preprocess = spec.preprocess
            known = preprocess is not None and (preprocess.color or preprocess.sample_rate)
            return preprocess if known else None
        if not os.path.isdir(spec.path) or session.model is None:
            return None
        return spec.preprocess or preprocess_for(session.model)

    def _on_job(self, job: Job | None) -> None:
        failed = self._session.failed_data
        if failed is not None and failed != self._failed_shown:
            self._fill_forms()
        self._failed_shown = failed
        self._show()

    def _show(self) -> None:
        data = self._session.data
        busy = self._session.job is not None
        loaded = data is not None
        failed = self._session.failed_data
        prepared = self._preprocess is not None
        choosable = self._spec is not None and self._spec.path != RANDOM
        for button in (self._folder, self._file, self._random):
            button.setEnabled(not busy)
        reading = busy and self._session.job.kind == "data"
        self._path.set_full_text(self._path_text(data) if not reading else tr("Reading the samples…"))
        self._samples.set_busy(busy)
        for widget in (self._samples_title, self._samples):
            widget.setVisible(choosable)
        self._facts.setText(words.facts(data) if loaded and not reading else "")
        self._meaning.setText(words.meaning(data) if loaded and not reading else "")
        self._warnings.setText(words.lines(data.warnings) if loaded else "")
        self._skipped.setText(words.skipped(data) if loaded else "")
        for label in (self._path, self._facts, self._meaning, self._warnings, self._skipped):
            shown = label.full_text if label is self._path else label.text()
            label.setVisible(bool(shown))
        for widget in (self._label_title, self._label_column):
            widget.setVisible(loaded and bool(data.columns))
        self._label_column.setEnabled(not busy)
        self._task.setVisible(loaded and choosable)
        self._task.setEnabled(not busy)
        self._form_title.setVisible(prepared)
        self._form_title.setText(
            tr("How a picture becomes the model's input")
            if self._own_form is self._form
            else tr("How a sound becomes the model's input")
        )
        for form in (self._form, self._sound_form):
            form.setVisible(prepared and form is self._own_form)
        for widget in (self._apply_row, self._apply, self._revert, self._unread):
            widget.setVisible(choosable)
        self._apply.setText(tr("Apply") if loaded or failed is None else tr("Try again"))
        self._guessed.setText(words.lines(data.guessed) if loaded else "")
        guessed = loaded and bool(data.guessed)
        self._guessed.setVisible(guessed)
        # a table's rows take the whole width where there is nothing to their left
        self._columns.setStretch(0, 4 if choosable or guessed else 0)
        self._columns.setSpacing(28 if choosable or guessed else 0)
        self._preview_title.setVisible(self._preview.filled)
        self._preview.setVisible(self._preview.filled)
        self._preview_title.setText(
            tr("What the model will see") if loaded and data.preview_png else tr("The first rows")
        )
        self._done.setProperty("primary", "soft" if loaded and not busy else "")
        self._done.style().unpolish(self._done)
        self._done.style().polish(self._done)
        self._done.setText(tr("Use this data") if loaded else tr("Back"))
        self._on_edited()

    def _path_text(self, data: DataInfo | None) -> str:
        if data is None:
            failed = self._session.failed_data
            return tr("{path} could not be read").format(path=failed.path) if failed is not None else ""
        return tr("Random inputs") if data.spec.path == RANDOM else data.spec.path

    @property
    def first_choice(self) -> QWidget:
        """Where choosing samples begins."""
        return self._folder

    # ------------------------------------------------------------ edits

    def _on_edited(self) -> None:
        prepared = self._preprocess is not None
        value = self._own_form.value() if prepared else None
        unread = prepared and value is None
        edited = (prepared and value != self._preprocess) or bool(self._samples.changes())
        free = self._session.job is None
        # what could not be read may be tried again as it is: the reason may lie in the file
        again = self._session.data is None and self._spec is not None
        self._apply.setEnabled(free and not unread and (edited or again))
        self._revert.setEnabled(free and edited)
        self._unread.setText(tr("A field cannot be read: use numbers only.") if unread else "")

    def _on_confirmed(self) -> None:
        if self._apply.isEnabled():
            self._on_apply()

    def _on_apply(self) -> None:
        changes = self._samples.changes()
        value = self._own_form.value() if self._preprocess is not None else None
        # what the engine guessed well is not forced on it by changing a number
        if value is not None and (self._session.data is None or value != self._preprocess):
            changes["preprocess"] = value
        self._session.change_data(**changes)

    def _on_same_source(self) -> None:
        self._session.change_data(calibration_path=None)

    def _on_revert(self) -> None:
        self._fill_forms()
        self._on_edited()

    def _on_label_column(self, index: int) -> None:
        data = self._session.data
        column = self._label_column.itemText(index)
        if data is not None and column != data.label_column:
            self._session.open_data(msgspec.structs.replace(data.spec, label_column=column, kind=data.kind))

    def _on_task(self, task: str) -> None:
        self._session.change_data(task=task, label_order=())

    def _use_random(self) -> None:
        self._session.open_data(DataSpec(path=RANDOM))

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self._heading.setText(tr("Data: samples that judge the model"))
        self._intro.setText(
            tr(
                "Secateur tries every cut on real samples. Choose a folder (pictures with one folder per "
                "class, with masks or with a table of labels; sounds; requests) or a file (CSV, Parquet, "
                "NPZ, NPY, COCO). A few hundred samples are enough to begin."
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
        self._samples_title.setText(tr("Which samples"))
        self._revert.setText(tr("Undo edits"))
        self._scroll.setAccessibleName(tr("Data"))
        self._show()

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
