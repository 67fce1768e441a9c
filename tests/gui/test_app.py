"""The program as a whole: it opens what it is given, closes without a trace, and shows its own faults."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import qInstallMessageHandler
from pytestqt.qtbot import QtBot

from gui import app
from gui.app import Window
from gui.faults import Faults, start_log

JOURNEY = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui.app import main
from gui.main_window import MainWindow

def look():
    window = next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow))
    session = window._session
    if session.model is not None and session.job is None:
        data = session.data.sample_count if session.data is not None else 0
        engine = session._engine.process_id
        print("opened", session.model.name, data, engine, window.tabs.tabText(0), flush=True)
        window.close()
    else:
        QTimer.singleShot(50, look)

QTimer.singleShot(0, look)
sys.exit(main(sys.argv[1:]))
"""


def journey(*arguments: str) -> list[str]:
    """Start the program, wait for the model, close the window; what it said, word by word."""
    done = subprocess.run(
        [sys.executable, "-c", JOURNEY, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_sample_opens_with_data_and_no_engine_stays_behind() -> None:
    opened, name, count, engine, tab = journey("--sample", "--language", "zh_CN", "--theme", "dark")
    assert (opened, name, tab) == ("opened", "digits_resnet.onnx", "运行")
    assert int(count) > 100
    deadline = time.monotonic() + 3
    while alive(int(engine)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(engine))


def test_file_given_is_opened(digits_resnet: Path, tmp_path: Path) -> None:
    odd = tmp_path / "模型 & <b>.onnx"
    odd.write_bytes(digits_resnet.read_bytes())
    assert journey(str(odd), "--language", "en")[1:4] == ["模型", "&", "<b>.onnx"]


def test_frozen_program_becomes_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = types.ModuleType("core.engine")
    engine.main = lambda: 7
    monkeypatch.setitem(sys.modules, "core.engine", engine)
    assert app.main(["--engine"]) == 7


def test_unknown_language_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        app.main(["--language", "xx"])
    assert refused.value.code == 2


# ---------------------------------------------------------------- faults


@pytest.fixture
def faults(window: Window) -> Iterator[Faults]:
    made = Faults(window.session)
    made.install()
    yield made
    made.remove()


def test_exception_nobody_caught_is_shown_with_its_traceback(
    window: Window, faults: Faults, qtbot: QtBot
) -> None:
    try:
        raise ZeroDivisionError("in a slot")
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())
    qtbot.waitUntil(window.main.error_bar.isVisible)
    assert "ZeroDivisionError: in a slot" in window.main.error_bar._what.text()
    assert "test_exception_nobody_caught" in window.main.error_bar.report()


def test_exception_in_a_thread_reaches_the_window(window: Window, faults: Faults, qtbot: QtBot) -> None:
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(window.main.error_bar.isVisible)
    assert "ZeroDivisionError" in window.main.error_bar._what.text()


def test_hooks_are_given_back(window: Window) -> None:
    before = (sys.excepthook, threading.excepthook)
    faults = Faults(window.session)
    faults.install()
    assert sys.excepthook != before[0]
    faults.remove()
    assert (sys.excepthook, threading.excepthook) == before


def test_log_is_written_where_it_can_be(tmp_path: Path) -> None:
    logger = logging.getLogger("gui")
    before = list(logger.handlers)
    try:
        start_log(tmp_path / "logs" / "window.log")
        logger.error("something 坏了")
        assert "something 坏了" in (tmp_path / "logs" / "window.log").read_text(encoding="utf-8")
        (tmp_path / "file").write_text("in the way")
        start_log(tmp_path / "file" / "window.log")  # nowhere to write: no failure
    finally:
        qInstallMessageHandler(None)
        for handler in set(logger.handlers) - set(before):
            handler.close()
            logger.removeHandler(handler)


def test_without_a_screen_it_says_so_and_ends():
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    done = subprocess.run(
        [sys.executable, "-m", "gui.app"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no screen" in done.stderr
