"""What the actions do: the handlers that need a dialog, the theme, the language or the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtWidgets import QFileDialog, QTreeView, QWidget

from core.project import ENDING, is_project
from core.values import DataSpec, Foreign, Recipe
from gui import samples
from gui.i18n import Translations, tr
from gui.job import Problem
from gui.next_step import NextStep
from gui.project_keeper import ProjectKeeper
from gui.project_lock import ProjectLock
from gui.project_opening import ProjectOpening
from gui.session import Session
from gui.settings import Settings
from gui.theme import Theme

TABLE_ENDINGS = {".csv", ".tsv", ".txt", ".parquet", ".json"}
DIALOG_SIZE = QSize(820, 500)
"""Of Qt's own file dialog, where the desktop has none: dates are in sight too."""
ARRAY_ENDINGS = {".npz", ".npy"}


def _model_filters() -> list[str]:
    return [
        tr("Models (*.onnx *.pt2 *.pt *.pth *.safetensors *.keras *.h5)"),
        tr("ONNX models (*.onnx)"),
        tr("All files (*)"),
    ]


def is_data(path: str) -> bool:
    """Whether a dropped path looks like samples rather than a model; the engine has the last word."""
    if os.path.isdir(path):
        # a folder that TensorFlow wrote is a model that wants converting
        return not os.path.exists(os.path.join(path, "saved_model.pb"))
    return Path(path).suffix.lower() in TABLE_ENDINGS | ARRAY_ENDINGS


class Commands(QObject):
    data_asked = Signal()
    """Show the data screen."""
    goal_asked = Signal()
    """Show where a goal is said and what is found for it."""
    compare_asked = Signal()
    """Show what a run has changed."""
    help_asked = Signal(str)
    """'tour', 'glossary' or 'keys'."""
    choose_asked = Signal()
    """Put the focus where plans are made."""
    quit_asked = Signal()
    own_chosen = Signal(str)
    """The path of a picture or a sound to try."""
    dropped = Signal(object, object)
    """Paths and addresses elsewhere, two lists."""
    drop_answered = Signal(str)
    """Which way out was chosen of a problem with what was dropped."""
    snapshot_taken = Signal(int)
    """Its id."""

    def __init__(
        self,
        session: Session,
        theme: Theme,
        translations: Translations,
        settings: Settings,
        keeper: ProjectKeeper,
        opening: ProjectOpening,
        following: NextStep,
    ) -> None:
        super().__init__(session)
        self._session = session
        self._theme = theme
        self._translations = translations
        self._settings = settings
        self._keeper = keeper
        self._opening = opening
        self._following = following
        self._window: QWidget | None = None
        session.model_changed.connect(self._remember_model)
        keeper.changed.connect(self._remember_project)
        opening.locate_model_asked.connect(self._locate_model)
        opening.locate_data_asked.connect(self._locate_data)

    def attach(self, window: QWidget) -> None:
        """Dialogs open over this window."""
        self._window = window

    # ------------------------------------------------------------ model and data

    def open_model(self) -> None:
        dialog = self._file_dialog(tr("Open a model"), QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(_model_filters())
        dialog.fileSelected.connect(self.open_path)
        dialog.open()

    # ------------------------------------------------------------ projects

    def convert(self, foreign: Foreign, recipe: Recipe) -> None:
        """The person has said what a file of another framework needs."""
        self._session.open_model(foreign.path, recipe=recipe)

    def leave_unconverted(self) -> None:
        if self._opening.under_way:
            self._opening.answer("cancel")

    def choose_architecture(self) -> None:
        dialog = self._file_dialog(tr("Choose the code of the network"), QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([tr("Python files (*.py)"), tr("All files (*)")])
        dialog.fileSelected.connect(self._session.foreign.read)
        dialog.open()

    def new_project(self) -> None:
        self._opening.new()

    def open_project(self) -> None:
        dialog = self._file_dialog(tr("Open a project"), QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([tr("Secateur projects (*.secateur)"), tr("All files (*)")])
        dialog.fileSelected.connect(self.open_project_path)
        dialog.open()

    def open_project_path(self, path: str) -> None:
        """Whatever it looks like: the person says that it is a project."""
        self._settings.values.folder = str(Path(path).parent)
        self._opening.open(path)

    def save_project_as(self) -> None:
        model = self._session.model
        if model is None:
            return
        dialog = self._file_dialog(tr("Save the project as"), QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("Secateur projects (*.secateur)")])
        dialog.setDefaultSuffix(ENDING.removeprefix("."))
        dialog.selectFile(f"{self._keeper.name or Path(model.path).stem}{ENDING}")
        dialog.fileSelected.connect(self.save_project_to)
        dialog.open()

    def save_project_to(self, path: str) -> None:
        self._settings.values.folder = str(Path(path).parent)
        self._keeper.save_as(Path(path))

    def take_snapshot(self) -> None:
        number = len(self._keeper.snapshots) + 1
        snapshot = self._keeper.take_snapshot(tr("Snapshot {n}").format(n=number))
        if snapshot is not None:
            self.snapshot_taken.emit(snapshot.id)

    def answer(self, problem: Problem, key: str) -> None:
        """One of the ways out of a problem was chosen."""
        if problem.kind == "drop":
            self.drop_answered.emit(key)
        elif key == "retry" and problem.kind == "project":
            self._keeper.save_now()
        elif key == "retry":
            self._session.retry(problem.kind)
        elif key == "save_as":
            self.save_project_as()
        elif key == "reopen":
            self._opening.reopen()
        else:
            self._opening.answer(key)

    def _locate_model(self) -> None:
        dialog = self._file_dialog(tr("Show where the model is"), QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(_model_filters())
        dialog.fileSelected.connect(self._opening.located_model)
        dialog.rejected.connect(self._opening.locating_ended)
        dialog.open()

    def _locate_data(self, folder: bool) -> None:
        if folder:
            self._folder_dialog(tr("Show where the samples are"), self._opening.located_data)
        else:
            self._samples_dialog(tr("Show where the samples are"), self._opening.located_data)

    def open_path(self, path: str) -> None:
        """A project, a model, or samples for the model that is open."""
        self._settings.values.folder = str(Path(path).parent)
        if is_project(path):
            self._opening.open(path)
        elif self._session.model is not None and is_data(path):
            self.open_data_path(path)
        else:
            self._session.open_model(path)

    def open_data_path(self, path: str) -> None:
        self._settings.values.folder = str(Path(path).parent)
        self._session.open_data(DataSpec(path=path))
        self.data_asked.emit()

    def open_sample(self) -> None:
        self.open_sample_named(samples.samples()[0].name)

    def open_sample_named(self, name: str) -> None:
        sample = next(each for each in samples.samples() if each.name == name)
        self._session.open_model(samples.model_path(sample), samples.data_spec(sample))

    def choose_data_folder(self) -> None:
        self._folder_dialog(tr("Choose a folder of pictures"), self.open_data_path)

    def choose_data_file(self) -> None:
        self._samples_dialog(tr("Choose a file of samples"), self.open_data_path)

    def choose_calibration_folder(self) -> None:
        self._folder_dialog(tr("Choose a folder of pictures to calibrate on"), self.calibrate_on)

    def choose_calibration_file(self) -> None:
        self._samples_dialog(tr("Choose a file of samples to calibrate on"), self.calibrate_on)

    def calibrate_on(self, path: str) -> None:
        self._settings.values.folder = str(Path(path).parent)
        self._session.change_data(calibration_path=path)

    def _folder_dialog(self, title: str, taken: Callable[[str], None]) -> None:
        dialog = self._file_dialog(title, QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.fileSelected.connect(taken)
        dialog.open()

    def _samples_dialog(self, title: str, taken: Callable[[str], None]) -> None:
        dialog = self._file_dialog(title, QFileDialog.FileMode.ExistingFile)
        known = tr("Tables, arrays and annotations (*.csv *.tsv *.txt *.parquet *.npz *.npy *.json)")
        dialog.setNameFilters([known, tr("All files (*)")])
        dialog.fileSelected.connect(taken)
        dialog.open()

    def choose_own(self, kind: str) -> None:
        """A 'picture', a 'sound' or a 'request' of the person's own, for both networks to look at."""
        title, files = {
            "sound": (tr("Choose a sound to try"), tr("Sounds (*.wav *.wave)")),
            "request": (tr("Choose a sample to try"), tr("Samples (*.npz *.npy)")),
        }.get(
            kind,
            (
                tr("Choose a picture to try"),
                tr("Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff)"),
            ),
        )
        dialog = self._file_dialog(title, QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([files, tr("All files (*)")])
        dialog.fileSelected.connect(self.own_chosen)
        dialog.open()

    def show_data(self) -> None:
        self.data_asked.emit()

    # ------------------------------------------------------------ work

    def go_on(self) -> None:
        """Do what comes next."""
        kind = self._following.kind
        if kind == "goal":
            self.goal_asked.emit()
            self._following.find()
        elif kind:
            {
                "open": self.open_model,
                "data": self.show_data,
                "closest": self._following.take_closest,
                "run": self.run,
                "export": self.export,
                "compare": self.compare_asked.emit,
            }[kind]()

    def analyze(self) -> None:
        self._session.analyze()

    def choose(self) -> None:
        self.choose_asked.emit()

    def run(self) -> None:
        self._session.run()

    def stop(self) -> None:
        self._session.stop()

    def export(self) -> None:
        model = self._session.model
        if model is None:
            return
        source = Path(model.path)
        dialog = self._file_dialog(tr("Export the compressed model"), QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("ONNX models (*.onnx)"), tr("PyTorch programs, to train on (*.pt2)")])
        dialog.setDefaultSuffix("onnx")
        dialog.filterSelected.connect(self._follow_filter)
        dialog.selectFile(f"{source.stem}-secateur.onnx")
        dialog.fileSelected.connect(self._export_to)
        dialog.open()

    def _follow_filter(self, chosen: str) -> None:
        """The ending goes with the kind of file that was chosen in the dialog."""
        dialog = self.sender()
        suffix = "pt2" if "*.pt2" in chosen else "onnx"
        dialog.setDefaultSuffix(suffix)
        for path in dialog.selectedFiles()[:1]:
            dialog.selectFile(Path(path).with_suffix(f".{suffix}").name)

    def _export_to(self, path: str) -> None:
        self._session.export(path, self._translations.language)

    def undo(self) -> None:
        self._session.undo_stack.undo()

    def redo(self) -> None:
        self._session.undo_stack.redo()

    # ------------------------------------------------------------ the window itself

    def toggle_theme(self) -> None:
        self._theme.toggle()
        self._settings.values.theme = self._theme.name
        self._settings.save()

    @property
    def notifies(self) -> bool:
        """Whether the system is told when a run ends."""
        return self._settings.values.notify

    def toggle_notify(self) -> None:
        self._settings.values.notify = not self._settings.values.notify
        self._settings.save()

    def choose_language(self, language: str) -> None:
        self._translations.choose(language)
        self._settings.values.language = language
        self._settings.save()

    def about(self) -> None:
        from gui.views.about_dialog import AboutDialog

        AboutDialog(self._theme, self._window).open()

    def show_tour(self) -> None:
        self.help_asked.emit("tour")

    def show_glossary(self) -> None:
        self.help_asked.emit("glossary")

    def show_keys(self) -> None:
        self.help_asked.emit("keys")

    def quit(self) -> None:
        self.quit_asked.emit()

    @property
    def recent(self) -> list[str]:
        return list(self._settings.values.recent)

    @property
    def recent_projects(self) -> list[str]:
        return [path for path in self._settings.values.recent if path.endswith(ENDING)]

    @property
    def interrupted(self) -> tuple[str, str]:
        """Project and model's name that were open when the last window was cut off; empty: none were."""
        values = self._settings.values
        there = bool(values.working) and os.path.isfile(values.working)
        # another window may be at work on it
        if not there or not ProjectLock(Path(values.working)).is_free:
            return "", ""
        return values.working, values.working_name

    def _remember_model(self, model: object) -> None:
        if (
            self._session.model is not None
            and not self._opening.under_way
            and self._session.model.source_path not in self._sample_paths()
        ):
            self._settings.add_recent(self._session.model.source_path)

    def _remember_project(self) -> None:
        if self._keeper.project is not None and not self._keeper.untitled:
            self._settings.add_recent(str(self._keeper.project.path))

    def _sample_paths(self) -> set[str]:
        return {samples.model_path(sample) for sample in samples.samples()}

    def _file_dialog(self, title: str, mode: QFileDialog.FileMode) -> QFileDialog:
        """Not modal for the program: `open` returns at once, so the engine's events keep flowing."""
        dialog = QFileDialog(self._window, title, self._settings.values.folder or str(Path.home()))
        dialog.setFileMode(mode)
        dialog.resize(DIALOG_SIZE)
        files = dialog.findChild(QTreeView)
        if files is not None:  # Qt's own dialog
            files.header().setStretchLastSection(True)
        # Qt's own dialog has these in English in every language
        dialog.setLabelText(QFileDialog.DialogLabel.LookIn, tr("Look in:"))
        dialog.setLabelText(QFileDialog.DialogLabel.FileType, tr("Files of type:"))
        dialog.finished.connect(dialog.deleteLater)
        return dialog
