"""Anything may be done to the window, in any order: nothing fails, no panel dies, the engine is there.

`bench/random_events.py` does the same with 20,000 events and five seeds.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from random_run import live

EVENTS = 400


def test_hundreds_of_random_events_harm_nothing(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    faults, dead, person = live(qapp, tmp_path, seed=7, events=EVENTS, with_netron=False)
    assert faults == []
    assert dead == []
    assert len(person.done) > 12, "it is not one kind of event alone"
