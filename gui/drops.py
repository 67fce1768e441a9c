"""What is dropped on the window, one thing or several at once, and what becomes of it.

Only names are looked at here; the engine recognises files by their content and has the last word.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject

from core.project import is_project
from core.values import DataSpec, Foreign, Text, text
from gui.commands import ARRAY_ENDINGS, TABLE_ENDINGS, Commands, is_data
from gui.job import Choice, Job, Problem
from gui.session import Session

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
SOUNDS = frozenset({".wav", ".mp3", ".flac", ".ogg", ".m4a"})
MODELS = frozenset({".onnx", ".pt2", ".keras", ".pt", ".pth", ".safetensors", ".h5"})
_BESIDE = (".data", ".onnx_data", ".bin")
_CALIBRATING = ("train", "calib")
_WORK = frozenset({"analyze", "measure", "plan", "blame", "rescue", "compress", "export"})
"""Jobs that nobody wants to lose to a file let go by mistake."""
_MOST_ENTRIES = 2000
"""Of a folder that are looked at."""


@dataclass
class Dropped:
    """Paths by what they look like."""

    projects: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    """Single pictures and sounds."""


def told_apart(paths: Sequence[str], model_open: bool) -> Dropped:
    """A folder is taken for samples, but for a model where it holds just one.

    Where a model is open, only if it holds no samples beside it.
    """
    found, beside = Dropped(), []
    for path in paths:
        ending = Path(path).suffix.lower()
        if is_project(path):
            found.projects.append(path)
        elif os.path.isdir(path):
            within = _model_within(path, alone=model_open)
            (found.models if within or not is_data(path) else found.data).append(within or path)
        elif ending in PICTURES | SOUNDS:
            found.loose.append(path)
        elif ending == ".py":
            found.code.append(path)
        elif is_data(path):
            found.data.append(path)
        elif path.lower().endswith(_BESIDE):
            beside.append(path)
        else:
            found.models.append(path)
    if not found.models:
        # external data is opened through its model
        found.models = list(dict.fromkeys(_model_of(path) or path for path in beside))
    return found


def _model_within(folder: str, alone: bool) -> str | None:
    try:
        with os.scandir(folder) as entries:
            listed = [(entry.name, entry.is_dir()) for entry in itertools.islice(entries, _MOST_ENTRIES)]
    except OSError:
        return None
    if alone and any(is_folder or _is_sample(name) for name, is_folder in listed):
        return None
    names = [name for name, _ in listed]
    models = [name for name in names if Path(name).suffix.lower() in MODELS]
    # of several kinds of one network, as its maker hands them out, ONNX needs no conversion
    best = [name for name in models if name.lower().endswith(".onnx")] or models
    return os.path.join(folder, best[0]) if len(best) == 1 else None


def _is_sample(name: str) -> bool:
    ending = Path(name).suffix.lower()
    return ending in (PICTURES | SOUNDS | TABLE_ENDINGS | ARRAY_ENDINGS) - {".json", ".txt"}


def _model_of(path: str) -> str | None:
    """The ONNX file whose external data this is."""
    stem = Path(path)
    for candidate in (stem.with_suffix(""), stem.with_suffix(".onnx")):
        if candidate.suffix.lower() == ".onnx" and candidate.is_file():
            return str(candidate)
    return None


class Drops(QObject):
    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(session)
        self._session = session
        self._commands = commands
        self._waiting: DataSpec | None = None
        """Samples that were dropped before any model."""
        self._code = ""
        self._asked: Foreign | None = None
        self._held: tuple[str | None, DataSpec | None] = (None, None)
        commands.dropped.connect(self.take)
        commands.drop_answered.connect(self.answer)
        session.job_changed.connect(self._on_job)
        session.model_changed.connect(self._on_model)
        session.foreign.asked.connect(self._on_foreign)

    def take(self, paths: list[str], links: list[str]) -> None:
        """What the window was given: paths of this computer, and addresses elsewhere."""
        if not paths:
            self._tell(
                text("This is a link, not a file."),
                text("Secateur opens what lies on this computer, and fetches nothing by itself."),
                text("Download the file, then drop it here."),
            )
            return
        found = told_apart(paths, self._session.model is not None)
        if found.projects:
            self._commands.open_path(found.projects[0])
        elif len(found.models) > 1:
            self._tell(
                text("{count} models were dropped at once.", count=len(found.models)),
                text("One model is worked on at a time."),
                text("Drop one of them, with its samples if you like."),
            )
        elif found.models:
            self._code = found.code[0] if found.code else ""
            self._take_model(found.models[0], found.data)
        elif found.data:
            self._take_data(found.data)
        elif found.loose:
            self._take_loose(found.loose)
        else:
            self._take_code(found.code[0])

    def answer(self, key: str) -> None:
        """Whether the work under way may be stopped for what was dropped."""
        (model, spec), self._held = self._held, (None, None)
        if key == "open" and model is not None:
            self._open(model, spec)
        elif key == "open" and spec is not None:
            self._session.stop()
            self._open_data(spec)

    # ------------------------------------------------------------ by what it is

    def _take_model(self, model: str, data: Sequence[str]) -> None:
        spec = self._spec(data)
        if data and spec is None:
            return
        if self._is_working:
            self._held = model, spec
            self._ask(Path(model).name)
        else:
            self._open(model, spec)

    def _open(self, model: str, spec: DataSpec | None) -> None:
        self._waiting = spec or self._waiting
        self._commands.open_path(model)

    def _take_data(self, data: Sequence[str]) -> None:
        spec = self._spec(data)
        if spec is None:
            return
        if self._session.model is None and self._session.job is None:
            self._waiting = spec
            self._tell(
                text("These look like samples, and no model is open yet."),
                text("How samples are read depends on what the model takes in."),
                text("Open the model now: these samples are opened with it."),
            )
        elif self._is_working:
            self._held = None, spec
            self._ask(Path(spec.path).name)
        else:
            self._open_data(spec)

    def _open_data(self, spec: DataSpec) -> None:
        if self._session.model is not None and spec.calibration_path is None:
            self._commands.open_data_path(spec.path)
        else:
            self._session.open_data_later(spec)
            self._commands.show_data()

    def _spec(self, data: Sequence[str]) -> DataSpec | None:
        """One judges the model; a second one calibrates if its name says so. None: it was told why not."""
        calibrating = [path for path in data if any(w in Path(path).stem.lower() for w in _CALIBRATING)]
        judging = [path for path in data if path not in calibrating]
        if len(data) == 1:
            return DataSpec(path=data[0])
        if len(judging) == len(calibrating) == 1:
            return DataSpec(path=judging[0], calibration_path=calibrating[0])
        if data:
            self._tell(
                text("{count} sets of samples were dropped at once.", count=len(data)),
                text("One judges the model, and it cannot be told which is meant."),
                text("Drop that one alone; what to calibrate on is chosen on the data screen."),
            )
        return None

    def _take_loose(self, files: Sequence[str]) -> None:
        is_picture = Path(files[0]).suffix.lower() in PICTURES
        if len(files) == 1 and is_picture and self._session.result is not None:
            self._commands.own_chosen.emit(files[0])
            return
        self._tell(
            text("Samples are opened as a folder, not one by one."),
            text("The name of the folder that a file is in says which class it belongs to."),
            text("Drop the folder. After a run, a single picture that you drop is tried on both networks.")
            if is_picture
            else text("Drop the folder with the sounds; WAV files are read."),
        )

    def _take_code(self, path: str) -> None:
        if self._asked is not None and self._asked.needs_architecture:
            self._session.foreign.read(path)
            return
        self._tell(
            text("'{name}' is Python code, not a model.", name=Path(path).name),
            text("The code of a network is asked for when its weights are opened."),
            text("Drop the file of weights, or both together."),
        )

    # ------------------------------------------------------------ meanwhile

    @property
    def _is_working(self) -> bool:
        job = self._session.job
        return job is not None and job.kind in _WORK and not job.stopping

    def _on_job(self, job: Job | None) -> None:
        waiting = self._waiting
        if (
            job is not None
            and job.kind == "open"
            and waiting is not None
            and not self._session.data_is_coming
        ):
            self._session.open_data_later(waiting)

    def _on_model(self, model: object) -> None:
        if model is not None:
            self._waiting, self._asked, self._code = None, None, ""

    def _on_foreign(self, foreign: Foreign) -> None:
        self._asked = foreign
        if self._code and foreign.needs_architecture:
            self._session.foreign.read(self._code)

    def _ask(self, name: str) -> None:
        self._session.problem.emit(
            Problem(
                kind="drop",
                what=text("Work is going on. Stop it to open '{name}'?", name=name),
                why=text("What was measured so far is kept, so that it can go on later from there."),
                choices=(
                    Choice(key="cancel", label=text("Keep working")),
                    Choice(key="open", label=text("Stop and open")),
                ),
            )
        )

    def _tell(self, what: Text, why: Text, next_step: Text) -> None:
        self._session.problem.emit(Problem(kind="drop", what=what, why=why, next_step=next_step))
