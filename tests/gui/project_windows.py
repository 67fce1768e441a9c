"""Windows one after another over the same home, each with a fake engine that opens what it is asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec
from conftest import FakeEngine
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model
from shiboken6 import delete

from core import messages as m
from core.values import DataInfo, ModelInfo
from gui.app import Window
from gui.job import Problem
from gui.settings import Settings


class Desk:
    """Opens windows and answers for their engines, as the real engine would."""

    def __init__(self, qapp: QApplication, qtbot: QtBot, settings: Path) -> None:
        self._qapp, self._qtbot, self._settings = qapp, qtbot, settings
        self.files: dict[str, ModelInfo] = {}
        self.data: dict[str, DataInfo] = {}
        self.window: Window | None = None
        self.problems: list[Problem] = []

    def start(self, language: str = "en") -> Window:
        self.window = Window(self._qapp, FakeEngine(self._qapp), Settings(self._settings), language, "light")
        self.window.session.problem.connect(self.problems.append)
        self.window.main.show()
        self._qtbot.waitExposed(self.window.main)
        return self.window

    def end(self) -> None:
        """A clean close."""
        window = self.window
        if window is None:
            return
        window.main.close()
        window.close()
        self._delete()

    def cut_off(self) -> None:
        """As after kill -9: nothing is closed in order, the file stays as it is."""
        keeper = self.window.keeper
        if keeper.project is not None:
            keeper.project.connection._connection.close()
            keeper._journal.leave()
            keeper._lock.release()  # the system does that for the dead
            keeper.project = None
        self._delete()

    def _delete(self) -> None:
        window, self.window = self.window, None
        for part in (window.main, window.session, window.translations, window.theme, window.engine):
            delete(part)

    def make_model(self, path: Path, sha256: str = "a") -> ModelInfo:
        """A file, and what the engine will say of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"onnx")
        self.files[str(path)] = msgspec.structs.replace(make_model(str(path)), sha256=sha256)
        return self.files[str(path)]

    def make_data(self, path: Path, sha256: str = "d") -> DataInfo:
        path.mkdir(parents=True, exist_ok=True)
        plain = make_data(sha256=sha256)
        spec = msgspec.structs.replace(plain.spec, path=str(path))
        self.data[str(path)] = msgspec.structs.replace(plain, spec=spec)
        return self.data[str(path)]

    def work(self) -> None:
        """Answer everything that was asked for so far, and what follows from the answers."""
        answered = -1
        while answered != len(self.window.engine.sent):
            answered = len(self.window.engine.sent)
            job = self.window.session.job
            request = next((one for one in self.window.engine.sent if job and one.id == job.id), None)
            if isinstance(request, m.OpenModel):
                self._tell(m.Partial(id=request.id, value=self.files[request.model]))
                self._tell(m.Done(id=request.id, value=self.files[request.model]))
            elif isinstance(request, m.OpenData):
                self._tell(m.Done(id=request.id, value=self.data[request.data.path]))

    def _tell(self, event: m.AnyEvent) -> None:
        self.window.engine.event.emit(event)

    def open(self, path: Path) -> None:
        self.window.commands.open_path(str(path))
        self.work()

    def asked(self) -> str:
        """What the error bar asks; empty if it is not there."""
        bar = self.window.main.error_bar
        return bar._what.text() if bar.isVisible() else ""

    def way(self, text: str) -> QPushButton:
        """The error bar's button with this text."""
        bar = self.window.main.error_bar
        self._qtbot.wait(1)  # laid out
        return next(button for button in bar._ways if button.text() == text)
