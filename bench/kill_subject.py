"""What bench/kill.py kills: the program itself, off screen, at work on a project.

It opens the project, analyses, edits the plan a few times a second and takes a snapshot now and then, and
writes a line into a log for everything that has reached it: whoever kills it, or its engine, can hold the
project against that log. A job that fails because the engine died is tried again, as a person would.

python bench/kill_subject.py PROJECT LOG [--model M --data D --preprocess P --judge N --calibration N]
With a model it makes the project and ends.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec
from kill_log import Log, figures_of, key_of, mark_of
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from core.values import DataSpec, Preprocess, SensitivityPoint
from gui.app import Window
from gui.engine_client import EngineClient
from gui.job import Job, Problem
from gui.netron_page import register_scheme
from gui.settings import Settings

EDIT_MS = 150
"""From one edit to the next, its own time not counted: on a busy machine the engine needs its share."""
UNDO_EVERY, SNAPSHOT_EVERY = 7, 20
"""Edits."""


class Worker(QObject):
    def __init__(self, window: Window, log: Log, edits: int) -> None:
        super().__init__(window.session)
        self._window, self._session, self._log = window, window.session, log
        self._edits = edits
        self._asked = self._done = False
        self._begun = 0
        self._timer = QTimer(self)
        self._timer.setInterval(EDIT_MS)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._edit)
        self._engine = 0
        self._session.points_changed.connect(self._on_point)
        self._session.job_changed.connect(self._on_job)
        self._session.problem.connect(self._on_problem)
        window.engine.event.connect(self._note_engine)
        window.engine.started.connect(self._note_engine)

    def _note_engine(self, *_: object) -> None:
        if self._window.engine.process_id != self._engine:
            self._engine = self._window.engine.process_id
            self._log.write(engine=self._engine)

    def _on_point(self, point: SensitivityPoint | None) -> None:
        if point is not None and not point.estimate:
            self._log.write(point=key_of(point), figures=figures_of(point))

    def _on_job(self, job: Job | None) -> None:
        session = self._session
        if job is not None:
            if job.kind == "analyze" and job.id != self._begun:
                self._begun = job.id
                self._log.write(begun=True)
            return
        if session.data is None or self._window.keeper.project is None or self._done:
            return
        if session.analyzed and self._asked:
            self._done = True
            self._log.write(done=True)
            QTimer.singleShot(0, self._window.main, self._window.main.close)
        elif not self._asked:
            self._asked = True
            self._timer.start()
            QTimer.singleShot(0, session, session.analyze)

    def _on_problem(self, problem: Problem) -> None:
        self._log.write(problem=str(problem.what), why=str(problem.why))
        if any(choice.key == "retry" for choice in problem.choices):
            QTimer.singleShot(0, self, lambda: self._window.commands.answer(problem, "retry"))

    def _edit(self) -> None:
        """One edit after another, each with a number of its own, some undone again."""
        session = self._session
        self._edits += 1
        layer = session.model.layers[self._edits % len(session.model.layers)]
        session.set_layers([layer.id], f"edit {self._edits}", sparsity=(self._edits % 97 + 1) / 100)
        if self._edits % UNDO_EVERY == 0:
            session.undo_stack.undo()
        self._log.write(edit=self._edits, mark=mark_of(session.plan))
        if self._edits % SNAPSHOT_EVERY == 0:
            taken = self._window.keeper.take_snapshot(f"after {self._edits}")
            if taken is not None:
                self._log.write(snapshot=taken.id, mark=mark_of(taken.plan))
        self._timer.start()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--data")
    parser.add_argument("--preprocess", default="{}")
    parser.add_argument("--judge", type=int, default=64)
    parser.add_argument("--calibration", type=int, default=32)
    parser.add_argument("--edits", type=int, default=0, help="how many were made before")
    options = parser.parse_args()
    register_scheme()
    application = QApplication([])
    engine = EngineClient(application)
    engine.start()
    window = Window(application, engine, Settings(), "en", "light")
    window.main.showMinimized()  # painting has no part in what is kept
    if options.model:
        spec = DataSpec(
            path=options.data,
            preprocess=msgspec.json.decode(options.preprocess, type=Preprocess)
            if options.preprocess != "{}"
            else None,
            judge_count=options.judge,
            calibration_count=options.calibration,
        )

        def save(_job: object) -> None:
            if window.session.job is None and window.session.data is not None:
                window.keeper.save_as(options.project)
                window.main.close()

        window.session.job_changed.connect(save)
        window.session.open_model(options.model, spec)
    else:
        worker = Worker(window, Log(options.log), options.edits)
        QTimer.singleShot(0, worker, lambda: window.commands.open_path(str(options.project)))
    application.exec()
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
