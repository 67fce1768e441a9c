"""A window in the middle of the work: model, samples, analysis, plans, a run, its comparison, snapshots.

Made once for all checks of a file, by the real engine on a sample with few of its pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import delete

from gui import samples
from gui.app import Window
from gui.engine_client import EngineClient
from gui.settings import Settings

PATIENCE_SECONDS = 120
JUDGED, CALIBRATED = 60, 20


def wait(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Let the window live until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the engine did not get there in time"
        QTest.qWait(10)


def at_work(application: QApplication, folder: Path, sample: int = 0) -> Window:
    """The window with everything there. `sample`: its place in the list of samples."""
    engine = EngineClient(application)
    engine.start()
    window = Window(application, engine, Settings(folder / "window.json"), "en", "light")
    window.main.resize(1440, 900)
    window.main.show()
    session = window.session
    problems: list[object] = []
    session.problem.connect(problems.append)
    known = samples.samples()[sample]
    spec = msgspec.structs.replace(samples.data_spec(known), judge_count=JUDGED, calibration_count=CALIBRATED)
    session.open_model(samples.model_path(known), spec)
    wait(lambda: session.data is not None and session.job is None)
    window.actions["snapshot"].trigger()
    session.analyze()
    wait(lambda: session.analyzed and session.job is None)
    layers = [layer.id for layer in session.model.layers]
    session.select(layers[1])
    session.set_layers([layers[1]], "Sparsity", sparsity=0.7)
    session.set_layers([layers[-1]], "Bits", weight_bits=4)
    window.actions["snapshot"].trigger()
    session.run()
    wait(lambda: session.run_state == "done" and session.job is None)
    window.main.tabs.setCurrentWidget(window.main.changed)
    wait(lambda: window.comparing.complete)
    assert problems == []
    return window


def close(window: Window) -> None:
    window.main.close()
    window.close()
    for part in (window.main, window.session, window.translations, window.theme, window.engine):
        delete(part)


def screens(window: Window, with_netron: bool = False) -> Iterator[str]:
    """Each screen of the window in turn, with its name; what is shown has settled."""
    main = window.main
    main.show_work()
    for index in range(main.tabs.count()):
        page = main.tabs.widget(index)
        if page is main.netron and not with_netron:
            continue  # it would start a browser, and has tests of its own
        main.tabs.setCurrentIndex(index)
        settle()
        yield type(page).__name__
        if page is main.changed:
            main.changed.show_matrix.setChecked(True)
            settle()
            yield "confusion matrices"
            main.changed.show_matrix.setChecked(False)
    main.show_data()
    settle()
    yield "data"
    main.show_work()
    settle()


def settle() -> None:
    for _ in range(4):
        QTest.qWait(15)


def shown(root: QWidget) -> list[QWidget]:
    return [root, *(widget for widget in root.findChildren(QWidget) if widget.isVisible())]
