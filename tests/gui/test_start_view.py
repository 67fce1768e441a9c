"""The first screen: open, sample, recent files; whatever a file is called."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from core import messages as m
from gui.app import Window
from gui.engine_client import EngineClient
from gui.session import Session
from gui.theme import Theme
from gui.views.start_view import StartView


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot) -> StartView:
    made = StartView(Session(EngineClient(qapp), qapp), Theme(qapp))
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    return made


def button(view: StartView, text: str) -> QPushButton:
    return next(one for one in view.findChildren(QPushButton) if text in one.text())


def test_open_and_sample_ask_by_mouse_and_keyboard(view: StartView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.open_asked, timeout=1000):
        qtbot.mouseClick(button(view, "Open a model"), Qt.MouseButton.LeftButton)
    for words, name in (
        ("Try the sample", "digits_resnet"),
        ("MobileNet", "digits_mobilenet"),
        ("Iris", "iris"),
    ):
        with qtbot.waitSignal(view.sample_asked, timeout=1000) as asked:
            qtbot.keyClick(button(view, words), Qt.Key.Key_Space)
        assert asked.args == [name]


def test_recent_file_is_asked_for_by_its_whole_path(view: StartView, qtbot: QtBot) -> None:
    view.set_recent(["/a/first.onnx", "/b/second.onnx"])
    with qtbot.waitSignal(view.recent_asked, timeout=1000) as asked:
        qtbot.mouseClick(button(view, "second.onnx"), Qt.MouseButton.LeftButton)
    assert asked.args == ["/b/second.onnx"]


def test_hostile_names_are_shown_as_they_are_and_fit(view: StartView, qtbot: QtBot) -> None:
    view.set_recent(["/x/<b>a & b</b>" + "n" * 3000 + ".onnx"])
    shown = button(view, "a && b")
    qtbot.wait(20)
    assert shown.width() <= view.width()
    assert "<b>" not in shown.toolTip(), "a tooltip with a tag would be shown as rich text"
    assert "&lt;b&gt;" in shown.toolTip()


def test_without_recent_files_nothing_is_announced(view: StartView) -> None:
    view.set_recent(["/a/first.onnx"])
    assert view._recent_title.isVisible()
    view.set_recent([])
    assert not view._recent_title.isVisible()


def test_sample_opens_with_its_data(window: Window, qtbot: QtBot) -> None:
    qtbot.mouseClick(button(window.main.start, "Try the sample"), Qt.MouseButton.LeftButton)
    request = window.engine.last(m.OpenModel)
    assert request.model.endswith("digits_resnet.onnx")
    assert window.session._pending_data.path.endswith("test")
    assert window.session._pending_data.preprocess.color == "GRAY"
