"""A sample of one's own: typed in a form or pasted as a line of the table; both answers beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit
from shell_values import make_data, make_model, make_result

from core import messages as m
from core.values import Answer, Array, Comparison, OwnField, OwnForm, Tried
from gui.app import Window
from gui.models.own_line import LineError, cells_of

WIDTH = OwnField(name="width", whole=True, low=1.0, high=9.0, example="4")
HEIGHT = OwnField(name="height", low=0.25, high=2.5, example="0.5")
ROW = OwnForm(kind="row", fields=(WIDTH, HEIGHT), columns=("width", "kind", "height"), places=(0, 2))
IDS = OwnField(name="ids", whole=True, low=0.0, high=99.0, example="5 6", length=8)
MASK = OwnField(name="mask", whole=True, low=0.0, high=1.0, example="", length=8)


def opened(window: Window, folder: Path, form: OwnForm) -> Window:
    """A finished run, looked at; the data's samples are such."""
    model = folder / "tiny.onnx"
    model.write_bytes(b"model")
    window.session._take(make_model(str(model)))
    data = make_data(own=form, columns=form.columns)
    spec = msgspec.structs.replace(data.spec, path=str(folder))
    window.session._take(msgspec.structs.replace(data, spec=spec))
    window.session._take(make_result(window.session.plan))
    window.main.tabs.setCurrentWidget(window.main.changed)
    QApplication.processEvents()
    return window


@pytest.mark.parametrize(
    "line",
    [
        "7,1.5",
        "7,cat,1.5",
        "7\tcat\t1.5",
        "7; 1.5",
        "7 1.5",
        "height,width,kind\n1.5,7,cat",
        '"7","a, b",1.5\n',
    ],
)
def test_a_line_of_the_table_is_understood(line: str) -> None:
    assert cells_of(line, ROW) == ("7", "1.5")


def test_a_line_with_decimal_commas_and_inputs_in_another_order() -> None:
    form = OwnForm(
        kind="row", fields=(HEIGHT, WIDTH), columns=("width", "height"), places=(1, 0), delimiter=";",
        decimal_comma=True,
    )  # fmt: skip
    assert cells_of("7;1,5", form) == ("1,5", "7")


def test_a_line_that_fits_no_row_is_refused() -> None:
    with pytest.raises(LineError, match=r"no 2 values.*no 3"):
        cells_of("1,2,3,4", ROW)


def test_values_are_typed_marked_where_they_are_none_and_tried(window: Window, tmp_path: Path) -> None:
    own = opened(window, tmp_path, ROW).main.changed.own
    assert own.button.isVisible() and own.button.text() == "Try a row…"
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    form = own.form
    assert form.isVisible() and not window.main.changed._area.isVisible()
    assert not form.file_button.isVisible()
    assert form.cells() == ("4", "0.5"), "begins with one of the samples"
    assert form.fields.item(0, 2).text() == "whole number, 1 to 9"
    assert form.fields.item(1, 2).text() == "number, 0.25 to 2.5"
    form.fields.setCurrentCell(1, 1)
    QTest.keyClicks(form.fields, "x")
    editor = form.fields.viewport().findChild(QLineEdit)
    QTest.keyClicks(editor, "y")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()
    assert form.cells() == ("4", "xy") and form.said.full_text == "height: “xy” is no number"
    QTest.mouseClick(form.try_button, Qt.MouseButton.LeftButton)
    assert not [one for one in window.engine.sent if isinstance(one, m.TrySample)]
    QTest.keyClicks(form.line, "6,dog,1.25")
    assert form.cells() == ("6", "1.25") and not form.said.isVisible()
    QTest.keyClick(form.fields, Qt.Key.Key_Return)
    request = window.engine.last(m.TrySample)
    assert request.sample.cells == ("6", "1.25") and request.sample.path == ""
    answer = Tried(
        fields=("width", "height"), cells=("6", "1.25"), before=(Answer(name="cat", share=0.75),),
        after=(Answer(name="dog", share=0.5),),
    )  # fmt: skip
    window.engine.event.emit(m.Done(id=request.id, value=answer))
    assert own.tried.isVisible() and own.tried.name.full_text == "width 6, height 1.25"
    assert own.tried.after.full_text == "compressed: dog 50 %"
    window.translations.choose("zh_CN")
    QApplication.processEvents()
    assert form.fields.item(0, 2).text() == "整数，1 到 9"
    window.translations.choose("en")
    QTest.mouseClick(form._close, Qt.MouseButton.LeftButton)
    assert not form.isVisible() and own.tried.isVisible()


def test_a_copied_line_is_pasted_with_the_key(window: Window, tmp_path: Path) -> None:
    own = opened(window, tmp_path, ROW).main.changed.own
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    QApplication.clipboard().setText("2\tcat\t0.75\n")
    QTest.keyClick(own.form.fields, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert own.form.cells() == ("2", "0.75")
    QApplication.clipboard().setText("2\tcat")
    QTest.keyClick(own.form.fields, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert own.form.cells() == ("2", "cat")
    assert "is no number" in own.form.said.full_text


def test_tokens_have_a_line_for_each_input(window: Window, tmp_path: Path) -> None:
    own = opened(window, tmp_path, OwnForm(kind="tokens", fields=(IDS, MASK))).main.changed.own
    assert own.button.text() == "Try tokens…"
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    assert own.form.cells() == ("5 6", "") and not own.form.line.isVisible()
    hint = own.form.fields.item(1, 1)
    assert hint.text() == "8 whole numbers, 0 to 99", "below the numbers, which have all of the width"
    room = own.form.fields.visualItemRect(hint).width()
    assert own.form.fields.fontMetrics().horizontalAdvance(hint.text()) < room
    own.form.paste("[1, 2, 3]")
    own.form.go()
    assert window.engine.last(m.TrySample).sample.cells == ("[1, 2, 3]", "")
    own.form.fields.setCurrentCell(2, 1)
    own.form.paste("1 2.5")
    assert "mask: “1 2.5” is no number" in own.form.said.full_text
    own.form.go()
    assert own.form.fields.currentRow() == 2, "where it has to be mended"
    QTest.mouseClick(own.form.file_button, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    dialog.fileSelected.emit("/requests/mine.npz")
    dialog.close()
    assert window.engine.last(m.TrySample).sample.path == "/requests/mine.npz"


def test_a_sound_is_chosen_or_dropped_and_drawn(window: Window, tmp_path: Path) -> None:
    own = opened(window, tmp_path, OwnForm(kind="sound")).main.changed.own
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    assert dialog.nameFilters()[0] == "Sounds (*.wav *.wave)"
    dialog.fileSelected.emit("/sounds/mine.wav")
    dialog.close()
    request = window.engine.last(m.TrySample)
    assert request.sample.path == "/sounds/mine.wav"
    envelope = Array.of(np.array([[-0.5, -1.0], [0.5, 1.0]], np.float32))
    answer = Tried(name="mine.wav", envelope=envelope, before=(Answer(name="yes", share=0.9),))
    window.engine.event.emit(m.Done(id=request.id, value=answer))
    image = own.tried._picture.pixmap().toImage()
    inked = [sum(image.pixelColor(x, y).alpha() > 0 for y in range(62)) for x in (10, 50)]
    assert own.tried._picture.isVisible() and inked[1] > 1.8 * inked[0] > 0
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "other.WAV"))])
    action, plain = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    window.main.changed.dropEvent(QDropEvent(QPointF(9, 9), action, mime, Qt.MouseButton.LeftButton, plain))
    assert window.engine.last(m.TrySample).sample.path.endswith("other.WAV")


def test_a_dialog_speaks_the_windows_language_throughout(window: Window, tmp_path: Path) -> None:
    own = opened(window, tmp_path, OwnForm(kind="request")).main.changed.own
    window.translations.choose("zh_CN")
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    assert dialog.labelText(QFileDialog.DialogLabel.LookIn) == "查找位置："
    assert dialog.labelText(QFileDialog.DialogLabel.FileType) == "文件类型："
    dialog.close()
    window.translations.choose("en")


def test_a_request_is_a_file_with_its_arrays_and_numbers_are_held_against_each_other(
    window: Window, tmp_path: Path
) -> None:
    own = opened(window, tmp_path, OwnForm(kind="request")).main.changed.own
    assert own.button.text() == "Try a sample…"
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    assert dialog.nameFilters()[0] == "Samples (*.npz *.npy)"
    dialog.fileSelected.emit("/requests/mine.npz")
    dialog.close()
    request = window.engine.last(m.TrySample)
    assert request.sample.path == "/requests/mine.npz"
    answer = Tried(name="mine.npz", before=(Answer(name="0.5"),), after=(Answer(name="0.49"),), apart=0.02)
    window.engine.event.emit(m.Done(id=request.id, value=answer))
    assert own.tried.after.full_text == "compressed: 0.49"
    assert own.tried.apart.isVisible()
    assert own.tried.apart.full_text == "They differ by 2.00 % of the answer's size."
    assert own.tried.apart.full_text in own.tried.accessibleName()


def test_in_a_low_and_narrow_window_the_answers_come_into_view(window: Window, tmp_path: Path, qtbot) -> None:
    changed = opened(window, tmp_path, OwnForm(kind="request")).main.changed
    window.main.resize(window.main.minimumSize())
    request = window.engine.last(m.Compare)
    moved = Comparison(sha256="f", done=9, total=9, labelled=False, quantiles=(0.1, 0.2, 0.3))
    window.engine.event.emit(m.Done(id=request.id, value=moved))
    QApplication.processEvents()
    window.commands.own_chosen.emit("/requests/mine.npz")
    request = window.engine.last(m.TrySample)
    answer = Tried(name="mine.npz", before=(Answer(name="0.5"),), after=(Answer(name="0.49"),), apart=0.02)
    window.engine.event.emit(m.Done(id=request.id, value=answer))
    tried = changed.own.tried

    def seen() -> bool:
        return tried.visibleRegion().boundingRect().height() >= tried.height() - 1

    qtbot.waitUntil(seen, timeout=5000)


def test_bytes_are_called_so(window: Window, tmp_path: Path) -> None:
    field = OwnField(name="bytes", whole=True, low=0.0, high=256.0, example="1 2", length=2048)
    own = opened(window, tmp_path, OwnForm(kind="tokens", fields=(field,))).main.changed.own
    assert own.button.text() == "Try bytes…"
    QTest.mouseClick(own.button, Qt.MouseButton.LeftButton)
    assert own.form._title.full_text == "Bytes of your own"
