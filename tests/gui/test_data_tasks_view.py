"""The data step for other tasks and for sounds: what is shown, what a choice asks for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import DataSpec, Preprocess
from gui.app import Window
from gui.widgets.preprocess_form import PreprocessForm
from gui.widgets.sound_form import SoundForm

SOUND = Preprocess(sample_rate=16000, crop=8000)


def shown(window: Window, **changes: object) -> None:
    window.session._take(make_model())
    window.session._take(make_data(**changes))
    window.main.show_data()


def task_box(window: Window) -> QComboBox:
    return next(
        box
        for box in window.main.data_view.findChildren(QComboBox)
        if box.accessibleName() == "The answers are judged as"
    )


def test_the_task_is_shown_and_another_can_be_chosen(window: Window, qtbot: QtBot) -> None:
    shown(window)
    box = task_box(window)
    assert box.isVisible()
    assert box.currentText() == "One class a sample: accuracy"
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_End)
    spec = window.engine.last(m.OpenData).data
    assert spec.task == "unlabelled"
    assert spec.preprocess == make_data().spec.preprocess
    # until the samples are read so, what holds stays shown
    assert box.currentText() == "One class a sample: accuracy"


@pytest.mark.parametrize(
    ("task", "says", "box_says"),
    [
        ("segmentation", "mean IoU", "Areas of a picture"),
        ("multilabel", "F1", "Several labels"),
        ("language", "perplexity", "The next token"),
        ("embedding", "point where the original's do", "Embeddings"),
    ],
)
def test_each_task_says_what_is_measured(window: Window, task: str, says: str, box_says: str) -> None:
    shown(window, task=task)
    assert says in window.main.data_view._meaning.text()
    assert task_box(window).currentText().startswith(box_says)


def test_rate_and_length_of_sounds_are_applied(window: Window, qtbot: QtBot) -> None:
    shown(window, kind="audio", spec=DataSpec(path="/data/words", kind="audio", preprocess=SOUND))
    view = window.main.data_view
    form = view.findChild(SoundForm)
    assert form.isVisible()
    assert not view.findChild(PreprocessForm).isVisible()
    assert (form.rate.value(), form.length.value()) == (16000, 8000)
    assert not view._apply.isEnabled()
    form.rate.setFocus()
    form.rate.selectAll()
    qtbot.keyClicks(form.rate, "22050")
    assert view._apply.isEnabled()
    qtbot.mouseClick(view._apply, Qt.MouseButton.LeftButton)
    assert window.engine.last(m.OpenData).data.preprocess == Preprocess(sample_rate=22050, crop=8000)
