"""What the engine keeps between requests: the last model, data and judge, and where it may write."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import platformdirs

from core.activation_view import Seen, see_activations
from core.context import Context
from core.convert.conversion import origin_of
from core.data import open_data
from core.data.dataset import DataSet
from core.evaluate.give_back import give_back, give_back_at_once
from core.evaluate.judge import Judge
from core.evaluate.large_file import LARGE_FILE
from core.formats import open_model
from core.formats.safety import shown
from core.graph.drawing import Drawing
from core.graph.opened import OpenedModel
from core.kernels.shelf import Shelf
from core.kernels.table import KernelTable
from core.layer_view import Look, look, seed_of
from core.messages import Inspect
from core.project import Project, untitled_path
from core.scoring import Scoring
from core.sweep.meter import PlanMeter
from core.values import DataSpec, Text


class Reading:
    """Measurements of a project that must not be written to: new ones go to another."""

    def __init__(self, source: Project, sink: Project) -> None:
        self._source = source
        self._sink = sink

    @property
    def in_place(self) -> bool:
        return self._sink.in_place

    def get(self, key: str) -> bytes | None:
        kept = self._source.get(key)
        return self._sink.get(key) if kept is None else kept

    def put(self, key: str, value: bytes) -> None:
        self._sink.put(key, value)

    def close(self) -> None:
        self._source.close()
        self._sink.close()


PLAN_SAMPLES = 512
"""Judging samples on which a plan is measured where nobody says how many."""
KEEP_RUNS_SECONDS = 3 * 24 * 3600
"""Finished runs that nobody exported are removed after three days."""


@dataclass
class Workspace:
    """One model, its data and its judge at a time: opening another lets go of the last."""

    cache_dir: Path = field(default_factory=lambda: platformdirs.user_cache_path("secateur"))
    data_dir: Path = field(default_factory=lambda: platformdirs.user_data_path("secateur"))
    _model: tuple[object, OpenedModel] | None = None
    _data: tuple[object, DataSpec, DataSet] | None = None
    _judge: tuple[object, Judge] | None = None
    _meter: PlanMeter | None = None
    _shelf: Shelf | None = None
    _kernels: tuple[Judge, KernelTable] | None = None
    _scoring: tuple[object, Scoring] | None = None
    _look: tuple[object, Look] | None = None
    _seen: tuple[object, Seen | Text] | None = None
    _project: tuple[tuple[Path, bool], Project | Reading] | None = None
    _beside: tuple[object, OpenedModel] | None = None
    _drawings: dict[str, Drawing] = field(default_factory=dict)
    """Of the last model, by detail."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _data_lock: threading.RLock = field(default_factory=threading.RLock)
    """Apart, so that looking at a layer does not wait while samples are read."""

    def opened(self, path: str, context: Context) -> OpenedModel:
        """The model at `path`, read anew if the file has changed since."""
        key = _identity(path)
        with self._lock:
            if self._model is None or self._model[0] != key:
                self._data = self._judge = self._scoring = self._look = self._seen = None
                # what was measured of the last model holds it too
                self._meter = self._kernels = None
                self._drawings, self._beside = {}, None
                if self._model is not None and self._model[1].info.size_bytes >= LARGE_FILE:
                    # two large ones need not lie side by side; what cannot be opened costs reading it again
                    self._model = None
                    give_back(networks=True)
                give_back_at_once()
                self._model = (key, self._with_origin(open_model(path, context)))
            return self._model[1]

    def opened_beside(self, path: str, context: Context) -> OpenedModel:
        """A file made from the model, for looking at: the model itself stays the one that jobs are about."""
        key = _identity(path)
        with self._lock:
            kept = self._beside
        if kept is None or kept[0] != key:
            kept = (key, open_model(path, context))
            with self._lock:
                self._beside = kept
        return kept[1]

    def drawing(self, opened: OpenedModel, detail: Literal["layers", "nodes"]) -> Drawing:
        """The graph of this model as it is drawn; what was worked out for it is kept."""
        with self._lock:
            kept = self._drawings.get(detail)
            if kept is None or kept.opened is not opened:
                kept = self._drawings[detail] = Drawing(opened, detail)
            return kept

    def _with_origin(self, opened: OpenedModel) -> OpenedModel:
        """A model that was converted goes by the name of the file that the person has."""
        origin = origin_of(opened.source, self.cache_dir)
        if origin is None:
            return opened
        info = msgspec.structs.replace(
            opened.info, origin=origin, name=shown(origin.name), producer=str(origin.label)
        )
        return dataclasses.replace(opened, info=info)

    def data(self, path: str, spec: DataSpec, context: Context) -> DataSet:
        """The samples of `spec`, prepared for the model at `path`."""
        info = self.opened(path, context).info
        with self._data_lock:
            known = self._known_data(info.sha256, spec)
            if known is not None:
                return known
            self._judge = None
            data = open_data(spec, info.inputs, info.outputs, context)
            self._data = ((info.sha256, _identity(spec.path)), spec, data)
            return data

    def _known_data(self, model_sha256: str, spec: DataSpec) -> DataSet | None:
        """The samples if they are those that were opened last."""
        if self._data is None:
            return None
        source, asked, data = self._data
        # asked for as before, or with everything that was guessed filled in
        same = source == (model_sha256, _identity(spec.path)) and spec in (asked, data.info.spec)
        return data if same else None

    def scoring(self, request: Inspect, context: Context) -> Scoring:
        """The scores of the model on these samples, with all that was measured for them so far.

        Where nothing is to be measured no samples are opened: scores that need them may have to wait.
        """
        path, spec = request.model, request.data
        opened = self.opened(path, context)
        project = self.project(request.project, opened.info.sha256, request.read_only)
        data = None
        if spec is not None:
            known = self._known_data(opened.info.sha256, spec)
            data = self.data(path, spec, context) if request.measure else known
        if spec is not None and data is None:
            return Scoring(opened, None, project, promised=True)
        key = (opened.info.sha256, id(data), id(project))
        with self._lock:
            if self._scoring is None or self._scoring[0] != key:
                self._scoring = (key, Scoring(opened, data, project))
            return self._scoring[1]

    def look(self, request: Inspect, scoring: Scoring, context: Context) -> Look:
        """What there is to see of a layer whatever the plan; kept, as sliders ask again and again."""
        opened = self.opened(request.model, context)
        seed, layer_id, score = seed_of(request.plan), request.layer_id, request.score
        if scoring.promised:
            return look(opened, layer_id, score, scoring, request.position, seed)
        known = not scoring.to_measure([layer_id], score)
        key = (opened.info.sha256, id(scoring), known, layer_id, score, request.position, seed)
        with self._lock:
            if self._look is not None and self._look[0] == key:
                return self._look[1]
        made = look(opened, layer_id, score, scoring, request.position, seed)
        self._look = (key, made)
        return made

    def seen_activations(self, path: str, spec: DataSpec, layer_id: str, context: Context) -> Seen | Text:
        """What samples show of a layer's values; of the layer that was looked at last it is known."""
        opened, data = self.opened(path, context), self.data(path, spec, context)
        key = (opened.info.sha256, id(data), layer_id)
        if self._seen is None or self._seen[0] != key:
            self._seen = (key, see_activations(opened, layer_id, data, context))
        return self._seen[1]

    def judge(self, path: str, spec: DataSpec, context: Context) -> Judge:
        """The judge of everything made from the model at `path`, on the judging samples of `spec`."""
        data = self.data(path, spec, context)
        key = (path, id(data))
        if self._judge is None or self._judge[0] != key:
            self._judge = (key, Judge(Path(path), data, context))
        return self._judge[1]

    def project(self, path: str | None, model_sha256: str, read_only: bool = False) -> Project | Reading:
        """The project file at `path`, or the untitled one of this model. Raises ProjectError.

        A file that was named must be there: whoever names it has made it. With `read_only` nothing is
        written into it; what is measured goes to the untitled one.
        """
        untitled = untitled_path(model_sha256, self.data_dir)
        wanted = Path(path) if path else untitled
        key = (wanted, read_only)
        with self._lock:
            if self._project is not None and self._project[0] == key and self._project[1].in_place:
                return self._project[1]
            if self._project is not None:
                self._project[1].close()
                self._project = None
            opened = Project(wanted, create=not path, read_only=read_only)
            project = Reading(opened, Project(untitled)) if read_only else opened
            self._project = (key, project)
            return project

    def meter(self, opened: OpenedModel, judge: Judge, store: Project | Reading) -> PlanMeter:
        """What measures whole plans of this model on this data, with what it made for earlier plans.

        `store`: where steps on the whole network keep what they make.
        """
        if self._meter is None or self._meter.judge is not judge:
            self._meter = PlanMeter(opened, judge, PLAN_SAMPLES, self.run_dir())
        self._meter.store = store
        return self._meter

    def kernels(self, opened: OpenedModel, judge: Judge) -> KernelTable:
        """The times of this model's nodes on this computer, as far as they are known."""
        if self._kernels is None or self._kernels[0] is not judge:
            self._kernels = (judge, KernelTable(opened, judge.feeds(judge.run_batch), self.shelf()))
        return self._kernels[1]

    def shelf(self) -> Shelf:
        """Where times that this computer took are kept from project to project."""
        with self._lock:
            if self._shelf is None:
                self._shelf = Shelf(self.cache_dir)
            return self._shelf

    def run_dir(self) -> Path:
        """Where finished runs wait to be exported. Old ones are cleared away."""
        folder = self.cache_dir / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                if entry.is_file() and time.time() - entry.stat().st_mtime > KEEP_RUNS_SECONDS:
                    entry.unlink()
        return folder


def _identity(path: str) -> tuple[str, int, int]:
    """Path, size and time of change; a missing file is its own identity."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return (path, -1, -1)
    return (path, stat.st_size, stat.st_mtime_ns)
