"""A whole window over a fake engine, fed with values: real widgets and events, no child process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from core.messages import Request
from gui.app import Window
from gui.engine_client import EngineClient
from gui.settings import Settings


class FakeEngine(QObject):
    """The seam: takes requests, and answers only what a test says."""

    event = Signal(object)
    started = Signal()
    crashed = Signal(str)
    log = ""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._ids = itertools.count(1)
        self.sent: list[Request] = []
        self.cancelled: list[int] = []
        self.preferred: list[tuple[int, tuple[str, ...]]] = []

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, request: Request) -> Request:
        numbered = msgspec.structs.replace(request, id=next(self._ids))
        self.sent.append(numbered)
        return numbered

    def cancel(self, request_id: int, firm: bool = True) -> None:
        self.cancelled.append(request_id)

    def prefer(self, request_id: int, layers: Sequence[str]) -> None:
        self.preferred.append((request_id, tuple(layers)))

    def last(self, kind: type[Request]) -> Request:
        return next(request for request in reversed(self.sent) if isinstance(request, kind))


@pytest.fixture(scope="session", autouse=True)
def clipboard(qapp: QApplication) -> Iterator[None]:
    """A platform without a screen deletes what was copied after Python has ended, and crashes on it."""
    yield
    QApplication.clipboard().clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "window.json")


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, settings: Settings) -> Iterator[Window]:
    """The window of the program, shown, in English and light, with nothing open."""
    made = Window(qapp, FakeEngine(qapp), settings, "en", "light")
    made.main.show()
    qtbot.waitExposed(made.main)
    yield made
    made.main.close()
    # at once, not with the next event loop: each new style sheet would polish all old windows again
    for part in (made.main, made.session, made.translations, made.theme, made.engine):
        delete(part)


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    """The program as it starts: a window with nothing open and an engine of its own."""
    engine = EngineClient(qapp)
    engine.start()
    made = Window(qapp, engine, Settings(tmp_path / "window.json"), "en", "light")
    made.main.show()
    qtbot.waitActive(made.main)
    with qtbot.waitActive(made.main):
        made.main.activateWindow()
    problems: list[object] = []
    made.session.problem.connect(problems.append)
    yield made
    made.main.close()
    made.close()
    for part in (made.main, made.session, made.translations, made.theme, made.engine):
        delete(part)
    assert problems == []
