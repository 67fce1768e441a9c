"""Guesses about the data tried on the model: asked by itself, shown, and taken by one click."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import (
    DataCheck,
    DataInfo,
    DataSpec,
    LabelOrder,
    Measurement,
    Preprocess,
    PreprocessScore,
    text,
)
from gui.app import Window


def accuracy(value: float) -> Measurement:
    return Measurement(metric="top1", value=value, low=value - 3, high=value + 3, count=256, unit="%")


NOW = PreprocessScore(
    name=text("ImageNet mean and std"),
    preprocess=Preprocess(mean=(0.0,), std=(255.0,), layout="NCHW", color="RGB"),
    accuracy=accuracy(78.0),
    current=True,
)
BETTER = PreprocessScore(
    name=text("(x-127)/128"),
    preprocess=Preprocess(mean=(127.0,), std=(128.0,), layout="NCHW", color="RGB"),
    accuracy=accuracy(88.0),
)
ORDER = LabelOrder(
    order=(1, 0), before=accuracy(4.0), after=accuracy(93.0), moved=(("cat", "dog"), ("dog", "cat"))
)


def opened(window: Window, spec: DataSpec) -> DataInfo:
    """A model and data that were asked for with `spec`, as the engine answers."""
    window.session._take(make_model())
    window.session.open_data(spec)
    info = make_data()
    window.engine.event.emit(m.Done(id=window.session.job.id, value=info))
    window.main.show_data()
    return info


def checks(window: Window) -> list[m.CheckData]:
    return [request for request in window.engine.sent if isinstance(request, m.CheckData)]


def answer(window: Window, info: DataInfo, **found: object) -> None:
    value = DataCheck(spec=info.spec, **found)
    window.engine.event.emit(m.Done(id=checks(window)[-1].id, value=value))


def test_guesses_are_checked_by_themselves_and_the_best_is_one_click_away(
    window: Window, qtbot: QtBot
) -> None:
    info = opened(window, DataSpec(path="/data/pets"))
    section = window.main.data_view._check
    assert [request.data for request in checks(window)] == [info.spec]
    assert section.isVisible()
    assert "Trying" in section.words.text()
    answer(window, info, scores=(BETTER, NOW), proposed=BETTER)
    assert section.words.text() == "(x-127)/128 gives 88.0 %, ImageNet mean and std gives 78.0 %."
    assert section.take.text() == "Use (x-127)/128"
    qtbot.mouseClick(section.take, Qt.MouseButton.LeftButton)
    asked = window.engine.last(m.OpenData).data
    assert asked == msgspec.structs.replace(info.spec, preprocess=BETTER.preprocess)
    # what is settled is not tried again
    settled = msgspec.structs.replace(info, spec=asked)
    window.engine.event.emit(m.Done(id=window.session.job.id, value=settled))
    assert len(checks(window)) == 1
    assert section.again.isVisible()
    qtbot.mouseClick(section.again, Qt.MouseButton.LeftButton)
    assert checks(window)[-1].data == asked


def test_another_order_of_the_classes_is_told_and_put_right(window: Window, qtbot: QtBot) -> None:
    info = opened(window, DataSpec(path="/data/pets"))
    answer(window, info, scores=(NOW, BETTER), order=ORDER)
    section = window.main.data_view._check
    assert "“cat” is output “dog”" in section.order.text()
    assert "93.0 % of the samples instead of 4.0 %" in section.order.text()
    qtbot.mouseClick(section.take, Qt.MouseButton.LeftButton)
    assert window.engine.last(m.OpenData).data == msgspec.structs.replace(info.spec, label_order=(1, 0))


def test_any_way_can_be_taken(window: Window, qtbot: QtBot) -> None:
    info = opened(window, DataSpec(path="/data/pets"))
    answer(window, info, scores=(NOW, BETTER))
    section = window.main.data_view._check
    assert not section.take.isVisible()
    assert "no usual way is clearly better" in section.words.text()
    (use,) = [one for one in section.findChildren(QPushButton) if one.accessibleName() == "Use (x-127)/128"]
    qtbot.mouseClick(use, Qt.MouseButton.LeftButton)
    assert window.engine.last(m.OpenData).data.preprocess == BETTER.preprocess


def test_what_a_person_chose_is_not_tried_unasked(window: Window) -> None:
    opened(window, DataSpec(path="/data/pets", preprocess=NOW.preprocess))
    assert not checks(window)


def test_a_job_goes_first_and_the_check_comes_after_it(window: Window) -> None:
    info = opened(window, DataSpec(path="/data/pets"))
    first = checks(window)[0]
    window.session.analyze()
    assert window.engine.cancelled == [first.id]
    window.engine.event.emit(m.Failed(id=first.id, code="Cancelled", what=text("Stopped.")))
    assert len(checks(window)) == 1
    job = window.session.job.id
    window.engine.event.emit(m.Failed(id=job, code="Cancelled", what=text("Stopped.")))
    assert len(checks(window)) == 2
    answer(window, info, scores=(NOW,))
    assert window.session.check.found is not None


def test_data_without_labels_has_nothing_to_check(window: Window) -> None:
    window.session._take(make_model())
    window.session.open_data(DataSpec(path="/data/pets"))
    info = make_data(task="unlabelled", class_names=())
    window.engine.event.emit(m.Done(id=window.session.job.id, value=info))
    window.main.show_data()
    assert not checks(window)
    assert not window.main.data_view._check.isVisible()
