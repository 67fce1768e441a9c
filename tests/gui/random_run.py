"""A window with a sample, a random person before it, and whether everything is alive afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from alive import dead_parts
from PySide6.QtWidgets import QApplication
from random_person import RandomPerson
from watching import Watch
from workbench import close, wait

from gui import samples
from gui.app import Window
from gui.engine_client import EngineClient
from gui.settings import Settings


class Outcome(NamedTuple):
    faults: list[str]
    dead: list[str]
    person: RandomPerson


def live(
    application: QApplication,
    folder: Path,
    seed: int,
    events: int,
    with_netron: bool,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """So many random events on a window with the iris sample. `tell` hears of faults at once."""
    engine = EngineClient(application)
    engine.start()
    window = Window(application, engine, Settings(folder / "window.json"), "en", "light")
    window.main.show()
    sample = samples.samples()[-1]
    window.session.open_model(samples.model_path(sample), samples.data_spec(sample))
    wait(lambda: window.session.data is not None)
    with Watch(window, tell) as watch:
        person = RandomPerson(window, watch, seed, folder / "files", with_netron)
        for number in range(1, events + 1):
            person.act()
            if tell is not None and number % 1000 == 0:
                tell(f"seed {seed}: {number} events, {len(watch.faults)} faults")
        person.leave()
        watch.recent.append("the end")
        dead = dead_parts(window)
    close(window)
    return Outcome(watch.faults, dead, person)
