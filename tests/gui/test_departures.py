"""A project that is left gets its copy beside the window's thread; the program's end waits for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog, QLabel
from pytestqt.qtbot import QtBot

from core.project import Project, previous_path
from gui.departures import Departures
from gui.project_lock import ProjectLock
from gui.widgets.last_words import wait_visibly


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes nothing until the event is set."""
    ready, forced = threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        assert ready.wait(30)
        forced(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    yield ready
    ready.set()


def left(departures: Departures, path: Path) -> None:
    project, lock = Project(path), ProjectLock(path)
    assert lock.take()
    project.put("a", b"1")
    departures.leave(project, lock)


def kept(path: Path) -> bytes | None:
    copy = Project(previous_path(path), create=False, read_only=True)
    try:
        return copy.get("a")
    finally:
        copy.close()


def test_nobody_waits_for_the_copy_and_no_other_window_comes_in_between(
    tmp_path: Path, disk: threading.Event
) -> None:
    path, departures = tmp_path / "p.secateur", Departures()
    left(departures, path)
    assert not departures.wait(0.05), "the disk has not taken it, and nobody stands still"
    assert not ProjectLock(path).is_free
    disk.set()
    assert departures.wait(30)
    assert ProjectLock(path).is_free
    assert kept(path) == b"1"


def test_this_window_may_go_on_in_it_at_once(tmp_path: Path, disk: threading.Event) -> None:
    path, departures = tmp_path / "p.secateur", Departures()
    left(departures, path)
    lock = departures.lock(path)
    assert lock.take()
    again = Project(path, create=False)
    again.put("a", b"2")
    disk.set()
    assert departures.wait(30)
    assert not ProjectLock(path).is_free, "it is ours again"
    assert kept(path) in (b"1", b"2"), "whole, from before or behind what was written meanwhile"
    assert again.get("a") == b"2"
    again.close()
    lock.release()
    assert ProjectLock(path).is_free


def test_the_end_of_the_program_waits_and_says_so(
    tmp_path: Path, disk: threading.Event, qtbot: QtBot
) -> None:
    path, departures = tmp_path / "p.secateur", Departures()
    left(departures, path)
    seen: list[str] = []

    def look() -> None:
        notes = [
            one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()
        ]
        seen.extend(note.findChild(QLabel).text() for note in notes)
        disk.set()

    QTimer.singleShot(0, look)
    wait_visibly(departures.wait)
    assert seen == ["A copy of the project is being written. Secateur ends by itself when it is done."]
    assert kept(path) == b"1"
    wait_visibly(departures.wait)  # nothing is left to be waited for
