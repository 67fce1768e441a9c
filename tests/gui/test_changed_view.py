"""Tab 'What changed': asked once somebody looks, drawn from what was counted, read without a mouse too."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model, make_result

from core import messages as m
from core.values import (
    Answer,
    Array,
    ChangedSample,
    ClassChange,
    Comparison,
    MarkedBox,
    Marks,
    Measurement,
    Outcome,
    OwnForm,
    PlanMeasured,
    Text,
    Tried,
    class_name,
)
from gui.app import Window
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.sample_gallery import EDGE

NAMES = ("cat", "dog")


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(stream, "PNG")
    return stream.getvalue()


def one_class(name: str, before: float, lost: float, low: float) -> ClassChange:
    after = before - lost
    return ClassChange(
        name=name, count=50, before=before, before_low=before - 5, before_high=before + 5,
        after=after, after_low=after - 5, after_high=after + 5, lost=lost, lost_low=low, lost_high=lost + 3,
    )  # fmt: skip


COMPARISON = Comparison(
    sha256="r",
    done=100,
    total=100,
    labelled=True,
    changed=7,
    broken=5,
    mended=2,
    classes=(one_class("cat", 90.0, -1.0, -3.0), one_class("dog", 80.0, 6.0, 1.0)),
    names=NAMES,
    before=Array.of(np.array([[45, 5], [10, 40]])),
    after=Array.of(np.array([[46, 4], [13, 37]])),
    samples=(
        ChangedSample(
            index=3, label="dog", before="dog", before_share=0.61, after="cat", after_share=0.55,
            change=0.4, kind="broken", picture_png=png(),
        ),
        ChangedSample(
            index=9, label="cat", before="dog", before_share=0.5, after="cat", after_share=0.52,
            change=0.1, kind="mended", picture_png=png(),
        ),
    ),
)  # fmt: skip


@pytest.fixture
def loaded(window: Window, tmp_path: Path) -> Window:
    model = tmp_path / "tiny.onnx"
    model.write_bytes(b"model")
    window.session._take(make_model(str(model)))
    data = make_data(png(), own=OwnForm(kind="picture"))
    spec = msgspec.structs.replace(data.spec, path=str(tmp_path))
    window.session._take(msgspec.structs.replace(data, spec=spec))
    return window


def looked_at(window: Window) -> m.Compare:
    """Run, look, and what the engine is asked."""
    window.session._take(make_result(window.session.plan))
    window.main.tabs.setCurrentWidget(window.main.changed)
    QApplication.processEvents()
    return window.engine.last(m.Compare)


def answered(window: Window, value: object = COMPARISON) -> None:
    window.engine.event.emit(m.Done(id=looked_at(window).id, value=value))


def test_nothing_is_asked_before_there_is_a_result_and_somebody_looks(loaded: Window) -> None:
    view = loaded.main.changed
    loaded.main.tabs.setCurrentWidget(view)
    QApplication.processEvents()
    assert "Press Run" in view._empty.text() and view.pages.currentIndex() == 0
    loaded.main.tabs.setCurrentWidget(loaded.main.run_view)
    loaded.session._take(make_result(loaded.session.plan))
    assert not [one for one in loaded.engine.sent if isinstance(one, m.Compare)]
    request = looked_at(loaded)
    assert (request.artefact, request.sha256) == ("/tmp/out.onnx", "r")
    assert "Comparing" in view._empty.text()
    looked_at(loaded)
    assert len([one for one in loaded.engine.sent if isinstance(one, m.Compare)]) == 1, "asked once"


def test_it_says_what_changed(loaded: Window) -> None:
    answered(loaded)
    view = loaded.main.changed
    assert view.summary.full_text == "7 of 100 answers changed · 5 to wrong, 2 to right"
    assert [one.name for one in view.bars.classes] == ["dog", "cat"], "what lost most stands first"
    assert "lost 6.0 points (1.0 to 9.0, 95 %)" in view.bars.accessibleDescription()
    assert len(view.gallery.samples) == 2
    assert "dog 61 %" in view.gallery.describe(0) and "now wrong" in view.gallery.describe(0)
    assert "now right" in view.gallery.describe(1)


def test_digits_as_classes_are_told_from_how_sure_the_answer_is(loaded: Window) -> None:
    digits = msgspec.structs.replace(COMPARISON.samples[0], label="3", before="3", after="5")
    answered(loaded, msgspec.structs.replace(COMPARISON, samples=(digits,)))
    words = loaded.main.changed.gallery.describe(0)
    assert "original: 3 (61 %)" in words and "compressed: 5 (55 %)" in words


def test_classes_that_nobody_named_are_called_so_in_the_windows_language(loaded: Window) -> None:
    zero, seven = class_name((), 0), class_name((), 7)
    one = msgspec.structs.replace(COMPARISON.samples[0], label=zero, before=zero, after=seven)
    areas = ChangedSample(
        index=5, before_parts=(Answer(name=zero, share=0.7834), Answer(name="car", share=0.2)),
        after_parts=(Answer(name=zero, share=1.0),), change=0.1,
    )  # fmt: skip
    unnamed = msgspec.structs.replace(
        COMPARISON,
        names=(zero, seven),
        classes=tuple(msgspec.structs.replace(one, name=zero) for one in COMPARISON.classes),
        samples=(one, areas),
    )
    answered(loaded, unnamed)
    view = loaded.main.changed
    assert "original: class 0 (61 %)" in view.gallery.describe(0)
    assert "compressed: class 7 (55 %)" in view.gallery.describe(0)
    assert "original: class 0 (78.3 %), car 20.0 %" in view.gallery.describe(1)
    assert view.matrix.describe((0, 1)) == "class 0, called class 7: 5 before, 4 after"
    loaded.translations.choose("zh_CN")
    QApplication.processEvents()
    assert "类别 0 (61 %)" in view.gallery.describe(0)
    assert view.matrix.describe((0, 1)).startswith("类别 0，被判为 类别 7")
    assert view.bars.accessibleDescription().startswith("类别 0，50 个样本")


def test_what_is_known_so_far_is_shown(loaded: Window) -> None:
    request = looked_at(loaded)
    half = msgspec.structs.replace(COMPARISON, done=50)
    loaded.engine.event.emit(m.Partial(id=request.id, value=half))
    assert loaded.main.changed.summary.full_text.startswith("50 of 100 · 7 of 50 answers changed")


def test_ten_classes_have_their_names_in_a_low_window(loaded: Window, qtbot: QtBot) -> None:
    matrix = ConfusionMatrix(loaded.theme)
    qtbot.addWidget(matrix)
    names = tuple(f"class {place}" for place in range(10))
    table = Array.of(np.eye(10, dtype=np.int64))
    matrix.show_comparison(msgspec.structs.replace(COMPARISON, names=names, before=table, after=table))
    matrix.resize(300, 142)
    grid = matrix.grid()
    seen, size = matrix.grab().toImage(), grid.height() / 10
    assert size <= 12
    for row in range(10):
        middle = round(grid.top() + (row + 0.5) * size)
        colors = {seen.pixelColor(x, middle).name() for x in range(int(grid.left()) - 8)}
        assert len(colors) > 1, row


def test_confusions_are_walked_with_the_keys(loaded: Window) -> None:
    answered(loaded)
    view = loaded.main.changed
    QTest.mouseClick(view.show_matrix, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    matrix = view.matrix
    assert matrix.isVisible() and matrix.values.tolist() == [[1, -1], [3, -3]]
    matrix.setFocus()
    QTest.keyClick(matrix, Qt.Key.Key_Down)
    assert matrix.current == (1, 0)
    assert view._cell.text() == "dog, called cat: 10 before, 13 after"
    QTest.mouseClick(view.modes[2], Qt.MouseButton.LeftButton)
    assert matrix.values.tolist() == [[46, 4], [13, 37]]
    cell = matrix.grid().topLeft().toPoint()
    QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=cell)
    assert view._cell.text() == "cat, rightly called so: 45 before, 46 after"
    # dogs called cats became more: that is the warm end; fewer right ones too, the cold end is better
    matrix.set_mode("difference")
    theme = loaded.theme
    assert matrix._color(3, 3, False) == theme.scale_color("difference", 1.0) == matrix._color(-3, 3, True)
    assert matrix._color(1, 1, True) == theme.scale_color("difference", 0.0)


def test_the_gallery_is_walked_with_the_keys(loaded: Window) -> None:
    answered(loaded)
    gallery = loaded.main.changed.gallery
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    assert gallery.current == 1 and "sample 9" in gallery.accessibleDescription()
    QTest.mouseClick(gallery, Qt.MouseButton.LeftButton, pos=gallery.tile(0).center())
    assert gallery.current == 0


def test_rows_and_numbers(loaded: Window) -> None:
    sample = ChangedSample(index=4, label="3.5", before="3.4", after="2.9", change=0.25, row=("1.2", "7"))
    numbers = Comparison(
        sha256="r", done=10, total=10, labelled=False, changed=1, quantiles=(0.0, 0.01, 0.25),
        samples=(sample,), columns=("width", "height"),
    )  # fmt: skip
    answered(loaded, numbers)
    view = loaded.main.changed
    assert "95 of 100 by at most 1.00 %" in view.quantiles.text() and view.quantiles.isVisible()
    assert not view.show_classes.isVisible()
    words = view.gallery.describe(0)
    assert "moved by 25.0 %" in words and "width 1.2" in words and "height 7" in words


def test_areas_have_their_overlap_by_class_and_what_moved_behind_a_button(loaded: Window) -> None:
    overlaps = msgspec.structs.replace(
        COMPARISON, before=None, after=None, names=(), classes_by="iou", quantiles=(0.0, 0.01, 0.25)
    )
    answered(loaded, overlaps)
    view = loaded.main.changed
    assert view.bars.isVisible() and [one.name for one in view.bars.classes] == ["dog", "cat"]
    assert "dog, in 50 pictures: IoU 80.0 % before (75.0 to 85.0)" in view.bars.accessibleDescription()
    assert view.bars.accessibleName() == "IoU by class, before and after"
    assert "share of the area of both" in view.show_classes.toolTip()
    assert view.summary.full_text == "7 of 100 answers changed", "areas are neither right nor wrong"
    assert not view.show_matrix.isVisible() and view.show_spread.isVisible()
    QTest.mouseClick(view.show_spread, Qt.MouseButton.LeftButton)
    assert view.quantiles.isVisible() and not view.bars.isVisible()
    assert "95 of 100 by at most 1.00 %" in view.quantiles.text()
    # what has matrices has no such page: whoever was there is led back to the classes
    loaded.comparing.comparison = msgspec.structs.replace(COMPARISON, sha256="other")
    loaded.comparing.changed.emit()
    assert view.bars.isVisible() and view.show_classes.isChecked() and view.show_matrix.isVisible()
    assert view.bars.accessibleName() == "Right answers by class, before and after"


def test_a_job_comes_first_and_the_comparison_follows(loaded: Window) -> None:
    first = looked_at(loaded)
    loaded.session.run()
    assert loaded.engine.cancelled == [first.id]
    loaded.engine.event.emit(m.Failed(id=first.id, code="Cancelled", what=Text("Stopped.")))
    assert loaded.engine.last(m.Compare).id == first.id, "not while the run is on"
    run = loaded.engine.last(m.Compress)
    result = msgspec.structs.replace(make_result(loaded.session.plan), sha256="r2")
    loaded.main.tabs.setCurrentWidget(loaded.main.changed)
    loaded.engine.event.emit(m.Done(id=run.id, value=result))
    QApplication.processEvents()
    assert loaded.engine.last(m.Compare).sha256 == "r2"


def test_another_result_takes_the_place_of_the_first(loaded: Window) -> None:
    answered(loaded)
    loaded.session._take(msgspec.structs.replace(make_result(loaded.session.plan), sha256="r2"))
    QApplication.processEvents()
    assert loaded.comparing.comparison is None
    assert loaded.engine.last(m.Compare).sha256 == "r2"


def test_what_goes_wrong_is_said_and_can_be_tried_again(loaded: Window) -> None:
    request = looked_at(loaded)
    gone = m.Failed(id=request.id, code="ExportError", what=Text("The finished result is no longer there."))
    loaded.engine.event.emit(gone)
    view = loaded.main.changed
    assert view._empty.text() == "The finished result is no longer there."
    assert loaded.engine.last(m.Compare).id == request.id, "not again and again"
    QTest.mouseClick(view._again, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert loaded.engine.last(m.Compare).id != request.id


def test_a_picture_of_ones_own_is_chosen_or_dropped(loaded: Window, tmp_path: Path) -> None:
    answered(loaded)
    view = loaded.main.changed
    QTest.mouseClick(view.own.button, Qt.MouseButton.LeftButton)
    dialog = loaded.main.findChild(QFileDialog)
    dialog.fileSelected.emit("/pictures/mine.png")
    dialog.close()
    request = loaded.engine.last(m.TrySample)
    assert request.sample.path == "/pictures/mine.png" and request.artefact == "/tmp/out.onnx"
    tried = Tried(
        name="<b>mine</b>.png", picture_png=png(),
        before=(Answer(name="cat", share=0.8),), after=(Answer(name="dog", share=0.6),),
    )  # fmt: skip
    loaded.engine.event.emit(m.Done(id=request.id, value=tried))
    assert view.own.tried.isVisible() and view.own.tried.name.full_text == "<b>mine</b>.png"
    assert view.own.tried.before.full_text == "original: cat 80 %"
    assert view.own.tried.after.full_text == "compressed: dog 60 %"
    QTest.mouseClick(view.own.tried._close, Qt.MouseButton.LeftButton)
    assert not view.own.tried.isVisible()

    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "other.JPG"))])
    action, plain = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(20, 60), action, mime, Qt.MouseButton.LeftButton, plain)
    view.dropEvent(event)
    assert loaded.engine.last(m.TrySample).sample.path.endswith("other.JPG")


def marked(first: Marks, second: Marks) -> ChangedSample:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (128, 128, 128)).save(stream, "PNG")
    return ChangedSample(
        index=1, change=0.1, picture_png=stream.getvalue(), before_marks=first, after_marks=second
    )


def test_areas_and_boxes_are_painted_over_the_picture_before_and_after(loaded: Window) -> None:
    """Class 1 was the right half and is nowhere now; a box at the left is new."""
    classes = np.zeros((32, 32), np.uint8)
    classes[:, 16:] = 1
    box = MarkedBox(left=0.1, top=0.1, right=0.4, bottom=0.9, number=0, name="cat", share=0.9)
    sample = marked(Marks(areas=Array.of(classes)), Marks(boxes=(box,)))
    answered(
        loaded, msgspec.structs.replace(COMPARISON, classes=(), quantiles=(0.1, 0.1, 0.1), samples=(sample,))
    )
    gallery = loaded.main.changed.gallery
    QApplication.processEvents()
    seen, tile = gallery.grab().toImage(), gallery.tile(0)
    assert tile.width() >= 2 * EDGE

    def share(left: int, right: int) -> float:
        """Of the pixels in these columns of the tile how many are not the picture's grey."""
        columns = [tile.left() + 4 + x for x in range(left, right)]
        grey = [
            seen.pixelColor(x, y).name() == "#808080" for x in columns for y in range(tile.top() + 4, EDGE)
        ]
        return 1 - sum(grey) / len(grey)

    # in a narrow window they stand below what is said of them, as wide as they are
    view = loaded.main.changed
    view.resize(500, view.height())
    QApplication.processEvents()
    assert view._area.width() >= tile.width()

    half = EDGE // 2
    assert share(1, half - 1) == 0.0 and share(half + 1, EDGE - 1) == 1.0
    second = EDGE + 4
    assert (
        0.05 < share(second + 1, second + half) < 0.9 and share(second + half + 1, second + EDGE - 1) == 0.0
    )


def test_it_follows_the_language_and_the_theme(loaded: Window) -> None:
    answered(loaded)
    loaded.translations.choose("zh_CN")
    QApplication.processEvents()
    assert "回答" in loaded.main.changed.summary.full_text
    loaded.theme.choose("dark")
    assert not loaded.main.grab().isNull()
    loaded.theme.choose("light")


def snapshot_of(window: Window, label: str, bits: int) -> int:
    """A snapshot of another plan than the one that was run."""
    window.session.set_defaults("bits", weight_bits=bits)
    return window.keeper.take_snapshot(label).id


def test_a_snapshot_that_was_not_run_is_measured_and_compared(loaded: Window) -> None:
    answered(loaded)
    view, comparing = loaded.main.changed, loaded.comparing
    assert not view.which.isVisible(), "nothing to choose"
    snapshot_of(loaded, "four bits", 4)
    snapshots = loaded.main.snapshots
    loaded.main.tabs.setCurrentWidget(snapshots)
    snapshots.show_taken(loaded.keeper.snapshots[0].id)
    QTest.mouseClick(snapshots._changes, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert view.isVisible() and view.which.currentText() == "four bits"
    request = loaded.engine.last(m.ComparePlan)
    assert request.plan.defaults.weight_bits == 4 and comparing.quick
    loaded.engine.event.emit(m.Progress(id=request.id, stage=Text("Measuring the plan")))
    assert "Measuring the plan" in view._empty.text()
    accuracy = Measurement(metric="top1", value=88.0, low=86.0, high=90.0, count=512, unit="%")
    measured = PlanMeasured(
        plan=request.plan, outcome=Outcome(measurements=(accuracy,), size_bytes=700), loss=2.5, loss_low=1.0,
        loss_high=4.0, damage=0.1,
    )  # fmt: skip
    assert loaded.keeper.snapshots[0].outcome.estimate, "an estimate until then"
    loaded.engine.event.emit(m.Partial(id=request.id, value=measured))
    assert loaded.keeper.snapshots[0].outcome.size_bytes == 700 and loaded.keeper.snapshots[0].measured
    quick = msgspec.structs.replace(COMPARISON, sha256="what-if", changed=9)
    loaded.engine.event.emit(m.Done(id=request.id, value=quick))
    assert view.summary.full_text.startswith("not run · 9 of 100 answers changed")
    assert "as good or better" in view.summary.full_text
    QTest.mouseClick(view.own.button, Qt.MouseButton.LeftButton)
    dialog = loaded.main.findChild(QFileDialog)
    dialog.fileSelected.emit("/pictures/mine.png")
    dialog.close()
    tried = loaded.engine.last(m.TrySample)
    assert tried.plan == request.plan and tried.artefact == ""
    # back to the last run, which is asked for again: the engine has kept it
    view.which.activated.emit(view.which.findText("The last run"))
    QApplication.processEvents()
    again = loaded.engine.last(m.Compare)
    assert again.id > request.id and again.artefact == "/tmp/out.onnx"
    loaded.engine.event.emit(m.Done(id=again.id, value=COMPARISON))
    assert view.summary.full_text.startswith("7 of 100") and "not run" not in view.summary.full_text


def test_a_snapshot_is_compared_before_anything_was_run_and_what_is_late_is_dropped(loaded: Window) -> None:
    view, comparing = loaded.main.changed, loaded.comparing
    first, second = snapshot_of(loaded, "four", 4), snapshot_of(loaded, "two", 2)
    loaded.main.tabs.setCurrentWidget(view)
    QApplication.processEvents()
    assert view.which.isVisible() and view.which.currentText() == "Choose a snapshot"
    view.which.activated.emit(view.which.findData(first))
    QApplication.processEvents()
    asked = loaded.engine.last(m.ComparePlan)
    view.which.activated.emit(view.which.findData(second))
    QApplication.processEvents()
    assert loaded.engine.cancelled[-1] == asked.id
    late = msgspec.structs.replace(COMPARISON, sha256="late")
    loaded.engine.event.emit(m.Done(id=asked.id, value=late))
    assert comparing.comparison is None
    QApplication.processEvents()
    assert loaded.engine.last(m.ComparePlan).plan.defaults.weight_bits == 2
    loaded.session._take(make_result(loaded.session.plan))
    QApplication.processEvents()
    assert comparing.snapshot is None, "a run that has just ended is what somebody wants to see"
