"""The data step: what was found, what is guessed, and editing it."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import DataSpec, Preprocess, TensorInfo, text
from gui.app import Window
from gui.widgets.preprocess_form import PreprocessForm


@pytest.fixture
def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def form(qtbot: QtBot) -> PreprocessForm:
    made = PreprocessForm()
    qtbot.addWidget(made)
    return made


def field(form: PreprocessForm, name: str) -> QLineEdit | QComboBox:
    return next(
        one
        for kind in (QLineEdit, QComboBox)
        for one in form.findChildren(kind)
        if one.accessibleName() == name
    )


def retype(qtbot: QtBot, line: QLineEdit, words: str) -> None:
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.keyClicks(line, words)


@pytest.mark.parametrize(
    "value",
    [
        Preprocess(),
        Preprocess(resize=256, crop=224, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
        Preprocess(resize=(240, 320), crop=(224, 300), mean=(0.0,), std=(255.0,)),
    ],
)
def test_form_gives_back_what_it_was_given(form: PreprocessForm, value: Preprocess) -> None:
    whole = Preprocess(
        resize=value.resize, crop=value.crop, mean=value.mean, std=value.std, layout="NHWC", color="BGR"
    )
    form.set_value(whole)
    assert form.value() == whole


def test_typed_sizes_and_numbers_are_read(form: PreprocessForm, qtbot: QtBot) -> None:
    form.set_value(Preprocess(layout="NCHW", color="RGB"))
    retype(qtbot, field(form, "Resize to"), "240 x 320")
    retype(qtbot, field(form, "Crop the middle"), "224")
    retype(qtbot, field(form, "Mean, 0 to 255"), "1, 2.5 3")
    retype(qtbot, field(form, "Std, 0 to 255"), "127.5")
    assert form.value() == Preprocess(
        resize=(240, 320), crop=224, mean=(1.0, 2.5, 3.0), std=(127.5,), layout="NCHW", color="RGB"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Resize to", "big"),
        ("Resize to", "0"),
        ("Crop the middle", "1 x 2 x 3"),
        ("Mean, 0 to 255", "1, 2"),
        ("Mean, 0 to 255", "nan"),
        ("Std, 0 to 255", "0"),
        ("Std, 0 to 255", "-1"),
    ],
)
def test_what_cannot_be_read_gives_no_value(
    form: PreprocessForm, qtbot: QtBot, name: str, words: str
) -> None:
    form.set_value(Preprocess(layout="NCHW", color="RGB"))
    retype(qtbot, field(form, name), words)
    assert form.value() is None


def test_scaling_preset_fills_mean_and_std(form: PreprocessForm, qtbot: QtBot) -> None:
    form.set_value(Preprocess(layout="NCHW", color="RGB"))
    scaling = field(form, "Scaling")
    assert scaling.currentData() == "as_is"
    qtbot.keyClick(scaling, Qt.Key.Key_Home)  # the first: −1 to 1
    assert form.value().mean == (127.5,)
    assert form.value().std == (127.5,)
    retype(qtbot, field(form, "Std, 0 to 255"), "128")
    assert scaling.currentData() == "own"


def test_means_keep_every_digit(form: PreprocessForm) -> None:
    given = Preprocess(mean=(125.307, 122.961, 113.8575), std=(62.985,), layout="NCHW", color="RGB")
    form.set_value(given)
    assert form.value() == given


def test_edits_are_applied_by_return_and_nothing_else_changes(
    window: Window, qtbot: QtBot, png: bytes
) -> None:
    window.session._take(make_model())
    window.session._take(make_data(png))
    window.main.show_data()
    form = window.main.data_view.findChild(PreprocessForm)
    assert form.isVisible()
    crop = field(form, "Crop the middle")
    retype(qtbot, crop, "28")
    qtbot.keyClick(crop, Qt.Key.Key_Return)
    spec = window.engine.last(m.OpenData).data
    assert spec.preprocess == Preprocess(crop=28, mean=(0.0,), std=(255.0,), layout="NCHW", color="RGB")
    assert spec.path == "/data/pets"


def test_numbers_of_samples_are_applied_and_leave_the_preprocessing_alone(
    window: Window, qtbot: QtBot, png: bytes
) -> None:
    window.session._take(make_model())
    window.session._take(make_data(png))
    window.main.show_data()
    view = window.main.data_view
    judge = view._samples.judge
    assert (judge.value(), view._samples.calibration.value()) == (1000, 256)
    assert not view._apply.isEnabled()
    judge.setFocus()
    judge.selectAll()
    qtbot.keyClicks(judge, "300")
    assert view._apply.isEnabled()
    qtbot.mouseClick(view._revert, Qt.MouseButton.LeftButton)
    assert judge.value() == 1000
    judge.selectAll()
    qtbot.keyClicks(judge, "0")
    qtbot.keyClick(judge, Qt.Key.Key_Return)
    assert judge.text() == "all"
    view._scroll.ensureWidgetVisible(view._apply)
    qtbot.mouseClick(view._apply, Qt.MouseButton.LeftButton)
    spec = window.engine.last(m.OpenData).data
    assert spec.judge_count is None
    assert spec == msgspec.structs.replace(make_data().spec, judge_count=None)


def test_calibration_may_come_from_elsewhere_and_back(
    window: Window, qtbot: QtBot, png: bytes, tmp_path: Path
) -> None:
    window.session._take(make_model())
    window.session._take(make_data(png))
    window.main.show_data()
    form = window.main.data_view._samples
    assert not form.same.isVisible()
    qtbot.mouseClick(form.folder, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    spec = window.engine.last(m.OpenData).data
    assert (spec.path, spec.calibration_path) == ("/data/pets", str(tmp_path))
    data = msgspec.structs.replace(make_data(png), spec=spec)
    window.session._on_event(m.Done(id=window.session.job.id, value=data))
    assert form._source.full_text == str(tmp_path)
    qtbot.mouseClick(form.same, Qt.MouseButton.LeftButton)
    assert window.engine.last(m.OpenData).data.calibration_path is None


def test_what_could_not_be_read_at_first_can_be_corrected(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    picture = TensorInfo(name="x", dtype="float32", shape=("n", 3, 32, 48))
    window.session._take(msgspec.structs.replace(make_model(), inputs=(picture,)))
    window.main.show_data()
    view = window.main.data_view
    form = view.findChild(PreprocessForm)
    assert not form.isVisible()
    window.session.open_data(DataSpec(path=str(tmp_path)))
    window.session._on_event(m.Failed(id=window.session.job.id, code="DataError", what=text("No.")))
    assert form.isVisible()
    assert view._path.full_text == f"{tmp_path} could not be read"
    assert field(form, "Resize to").text() == "32 × 48"
    assert field(form, "Order of axes").currentData() == "NCHW"
    retype(qtbot, field(form, "Mean, 0 to 255"), "127.5")
    assert view._apply.text() == "Try again"
    view._scroll.ensureWidgetVisible(view._apply)
    qtbot.mouseClick(view._apply, Qt.MouseButton.LeftButton)
    spec = window.engine.last(m.OpenData).data
    assert spec.path == str(tmp_path)
    assert spec.preprocess == Preprocess(
        resize=(32, 48), mean=(127.5,), std=(255.0,), layout="NCHW", color="RGB"
    )
    # a second failure keeps what was corrected
    window.session._on_event(m.Failed(id=window.session.job.id, code="DataError", what=text("No.")))
    assert field(form, "Mean, 0 to 255").text() == "127.5"


def test_a_table_that_could_not_be_read_has_no_picture_form(window: Window, tmp_path: Path) -> None:
    window.session._take(make_model())
    window.main.show_data()
    window.session.open_data(DataSpec(path=str(tmp_path / "broken.csv")))
    window.session._on_event(m.Failed(id=window.session.job.id, code="DataError", what=text("No.")))
    view = window.main.data_view
    assert not view.findChild(PreprocessForm).isVisible()
    assert view._samples.isVisible() and view._apply.isEnabled()


def test_facts_and_warnings_are_said(window: Window, png: bytes) -> None:
    window.session._take(make_model())
    window.session._take(
        make_data(
            png,
            warnings=(text("Only one class."),),
            skipped=(text("'{name}' is damaged.", name="<i>a.png</i>"),),
            skipped_count=20,
        )
    )
    window.main.show_data()
    view = window.main.data_view
    assert view._facts.text() == "5,000 samples · 2 classes · 256 to calibrate, 1,000 to judge"
    assert view._warnings.text() == "Only one class."
    assert view._skipped.text() == "20 left out:\n'<i>a.png</i>' is damaged.\n…"
    assert view._skipped.textFormat() == Qt.TextFormat.PlainText


def test_samples_without_answers_are_explained_in_a_sentence(window: Window) -> None:
    window.session._take(make_model())
    window.session._take(make_data(task="unlabelled", class_names=()))
    assert "without the right answers" in window.main.data_view._meaning.text()


def test_table_offers_its_label_column(window: Window, qtbot: QtBot) -> None:
    window.session._take(make_model())
    data = make_data(
        columns=("length", "width", "species"),
        label_column="species",
        preview_rows=(("1.0", "2.0", "setosa"),),
        kind="table",
    )
    window.session._take(data)
    window.main.show_data()
    view = window.main.data_view
    assert view._label_column.isVisible()
    assert view._label_column.currentText() == "species"
    qtbot.keyClick(view._label_column, Qt.Key.Key_Home)
    assert window.engine.last(m.OpenData).data.label_column == "length"


def test_no_data_asks_for_random_inputs(window: Window, qtbot: QtBot) -> None:
    window.session._take(make_model())
    window.main.show_data()
    qtbot.mouseClick(window.main.data_view._random, Qt.MouseButton.LeftButton)
    assert window.engine.last(m.OpenData).data.path == "random"


def test_chosen_file_is_data_whatever_its_ending(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.session._take(make_model())
    window.main.show_data()
    qtbot.mouseClick(window.main.data_view._file, Qt.MouseButton.LeftButton)
    dialog = window.main.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "samples.dat"))
    dialog.close()
    assert window.engine.last(m.OpenData).data.path == str(tmp_path / "samples.dat")


def test_what_was_guessed_of_random_inputs_has_the_whole_width(window: Window, tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    model.write_bytes(b"model")
    window.session._take(make_model(str(model)))
    plain = make_data()
    spec = msgspec.structs.replace(plain.spec, path="random", preprocess=None, kind="random")
    said = text("'{name}': {shape} for one sample.", name="input", shape="3 × 224 × 224")
    data = msgspec.structs.replace(
        plain, spec=spec, kind="random", task="unlabelled", guessed=(said,), class_names=(), preview_png=()
    )
    window.main.show_data()
    window.session._take(data)
    QApplication.processEvents()
    label = window.main.data_view._guessed
    assert label.isVisible() and label.height() < 2 * label.fontMetrics().lineSpacing()
