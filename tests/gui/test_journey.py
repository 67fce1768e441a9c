"""The main job as a person does it: the real window, the real engine process, pointer and keys alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from person import CONTROL, button, cell, choose_path, click, drag, on_track, press, retype, tab_to
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from gui import format as fmt
from gui.app import Window
from gui.models.layer_table import Column

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
JUDGING, CALIBRATION = 10, 6
"""Pictures of each class."""
MEAN = np.array([125.307, 122.961, 113.8575], np.float32)
STD = np.array([62.985, 62.0925, 66.708], np.float32)
SLOW = 60_000
"""Milliseconds after which a step of the engine counts as stuck."""
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def pictures(cifar10: Path, tmp_path: Path) -> Path:
    """A few photographs, apart for calibrating and for judging."""
    folder = tmp_path / "photographs"
    for role, count in (("train", CALIBRATION), ("test", JUDGING)):
        for name in CLASSES:
            (folder / role / name).mkdir(parents=True)
            for source in sorted((cifar10 / role / name).iterdir())[:count]:
                shutil.copy(source, folder / role / name)
    return folder


def idle(window: Window) -> bool:
    return window.session.job is None


def test_from_a_model_and_photographs_to_a_smaller_file(
    program: Window, qtbot: QtBot, shared_models: Path, pictures: Path, tmp_path: Path
) -> None:
    session, main = program.session, program.main
    model = shared_models / "resnet20_cifar10.onnx"

    # 1 the model, by its button and a typed path
    click(button(program, "open"))
    choose_path(qtbot, model)
    qtbot.waitUntil(lambda: "nodes" in session.graphs and idle(program), timeout=SLOW)
    assert len(session.model.layers) == 22
    assert main.graph.canvas.items is not None

    # 2 the data, and how a picture becomes the model's input
    click(button(program, "data"))
    click(main.data_view._folder)
    choose_path(qtbot, pictures)
    qtbot.waitUntil(lambda: session.data is not None and idle(program), timeout=SLOW)
    assert session.data.class_names == CLASSES
    assert (session.data.calibration_count, session.data.judge_count) == (60, 100)
    for name, numbers in (("Mean, 0 to 255", MEAN), ("Std, 0 to 255", STD)):
        field = next(each for each in main.data_view.findChildren(QLineEdit) if each.accessibleName() == name)
        main.data_view._scroll.ensureWidgetVisible(field)
        click(field)
        retype(", ".join(f"{number:.7g}" for number in numbers))
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.data.spec.preprocess.mean == (125.307, 122.961, 113.8575), timeout=SLOW)
    assert session.data.spec.preprocess.std == (62.985, 62.0925, 66.708)
    assert not main.data_view._apply.isEnabled()  # shown is what is in force, to the last digit
    qtbot.waitUntil(lambda: idle(program))
    click(main.data_view._done)

    # 3 what each layer can spare
    click(button(program, "analyze"))
    qtbot.waitUntil(lambda: session.analyzed and idle(program), timeout=2 * SLOW)
    # four shares of zeros, 8 and 4 bits, and 8 bits with activations of 8 as the plan has them
    assert all(len(session.points[layer.id]) == 7 for layer in session.model.layers)
    original = correct_answers(model, pictures / "test")
    assert session.baseline.primary.value == pytest.approx(original)

    # 4 three layers, each by another way
    dragged, typed, clicked = (session.model.layers[index].id for index in (2, 9, 19))
    rect = cell(main.table, dragged, Column.SPARSITY)
    viewport = main.table.table.viewport()
    drag(viewport, *(on_track(rect, share) for share in (0.0, 0.2, 0.45, 0.6)))
    assert session.plan.layer(dragged).sparsity == pytest.approx(0.6, abs=0.015)
    assert session.selection == dragged

    click(viewport, cell(main.table, typed, Column.NAME).center())
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Space)  # the box of bits
    for _ in range(5):  # float16, 8, 6, 5, 4
        press(Qt.Key.Key_Down)
    press(Qt.Key.Key_Return)
    assert session.plan.layer(typed).weight_bits == 4

    click(main.tabs.tabBar(), main.tabs.tabBar().tabRect(1).center())
    overview = main.overview
    row, column = session.model.layers.index(session.model.layer(clicked)), 2  # 75 %
    index = overview.model.index(row, column)
    overview.table.scrollTo(index)
    click(overview.table.viewport(), overview.table.visualRect(index).center())
    assert session.plan.layer(clicked).sparsity == 0.75
    assert session.selection == clicked
    qtbot.waitUntil(
        lambda: session.layer_view is not None and session.layer_view.layer_id == clicked, timeout=SLOW
    )

    chosen = session.plan
    click(button(program, "undo"))
    assert session.plan.layer(clicked).sparsity == 0.0
    click(button(program, "redo"))
    assert session.plan == chosen

    # 5 a run that is stopped on its way, the chart growing with each layer
    drawn: list[int] = []
    session.run_changed.connect(lambda _point: drawn.append(len(main.run_view.chart._measured())))
    click(button(program, "run"))
    qtbot.waitUntil(lambda: len(session.run_points) >= 4, timeout=SLOW)
    assert main.run_view.isVisible()
    assert drawn == sorted(drawn)
    assert set(drawn) >= {0, 1, 2, 3, 4}
    click(button(program, "stop"))
    qtbot.waitUntil(lambda: idle(program), timeout=3000)
    assert session.run_state == "stopped"
    measured = len(session.run_points)
    assert measured < 22
    assert session.result is None
    kept = [point.measurement for point in session.run_points]

    # again: what was measured is not measured twice
    click(button(program, "run"))
    qtbot.waitUntil(lambda: session.run_state == "done" and idle(program), timeout=2 * SLOW)
    assert len(session.run_points) == 22
    assert [point.measurement for point in session.run_points[:measured]] == kept
    assert all(point.from_store for point in session.run_points[:measured])
    assert not any(point.from_store for point in session.run_points[measured + 1 :])
    assert len(main.run_view.chart._measured()) == 22

    # 6 the file, and the numbers on the screen
    destination = tmp_path / "smaller.onnx"
    click(button(program, "export"))
    choose_path(qtbot, destination)
    qtbot.waitUntil(lambda: session.last_export is not None and idle(program), timeout=SLOW)
    assert main.export_bar.isVisible()
    share = correct_answers(destination, pictures / "test")  # of a hundred
    shown = session.result.after.primary
    assert (shown.metric, shown.count) == ("top1", 100)
    assert shown.value == pytest.approx(share, abs=1e-9)
    assert main.outcome.accuracy_block._after.text() == f"{share:.1f} %"
    assert main.outcome._state.text() == "Measured"
    # the file is what was judged, and its card of about a kilobyte behind it
    judged = session.result.after.size_bytes
    assert main.outcome.size_block._after.text() == fmt.size(destination.stat().st_size)  # its card too
    assert 0 < destination.stat().st_size - judged < 2000
    assert destination.stat().st_size < 0.4 * model.stat().st_size

    sparsity = session.plan.layer(dragged).sparsity
    for layer_id, bits, zeros in ((dragged, 8, sparsity), (typed, 4, 0.0), (clicked, 8, 0.75)):
        kind, weight = stored_weight(destination, layer_id)
        assert kind == {8: onnx.TensorProto.INT8, 4: onnx.TensorProto.INT4}[bits]
        found = np.mean(weight == 0)
        report = next(each for each in session.result.layers if each.layer_id == layer_id)
        assert (report.weight_bits, report.sparsity) == (bits, pytest.approx(found))
        if zeros:
            assert found == pytest.approx(zeros, abs=1 / weight.size)


def test_by_keyboard_alone_from_the_first_screen_to_a_file(
    program: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    session = program.session
    tab_to("Try the sample")
    press(Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: session.data is not None and idle(program), timeout=SLOW)

    press(Qt.Key.Key_A, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: session.analyzed and idle(program), timeout=2 * SLOW)

    press(Qt.Key.Key_J, CONTROL)
    first, second = session.model.layers[:2]
    press(Qt.Key.Key_Down)
    press(Qt.Key.Key_Home)
    assert session.selection == first.id
    press(Qt.Key.Key_Down)
    assert session.selection == second.id
    press(Qt.Key.Key_Tab)
    for _ in range(8):
        press(Qt.Key.Key_Right)
    assert session.plan.layer(second.id).sparsity == pytest.approx(0.4)
    press(Qt.Key.Key_Z, CONTROL)
    assert session.plan.layer(second.id).sparsity == 0.0
    press(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert session.plan.layer(second.id).sparsity == pytest.approx(0.4)

    press(Qt.Key.Key_R, CONTROL)
    qtbot.waitUntil(lambda: session.run_state == "done" and idle(program), timeout=2 * SLOW)
    press(Qt.Key.Key_E, CONTROL)
    choose_path(qtbot, tmp_path / "by-keys")  # the ending comes by itself
    qtbot.waitUntil(lambda: session.last_export is not None and idle(program), timeout=SLOW)
    kind, weight = stored_weight(tmp_path / "by-keys.onnx", second.id)
    assert kind == onnx.TensorProto.INT8
    # small weights round to zero too: the report says what is in the file
    assert np.mean(weight == 0) >= 0.4 - 1 / weight.size
    assert session.result.layers[1].sparsity == pytest.approx(np.mean(weight == 0))


# ---------------------------------------------------------------- worked out without the program


def correct_answers(model: Path, folder: Path) -> int:
    """How many pictures a file classifies rightly in plain onnxruntime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    right = 0
    for label, kind in enumerate(CLASSES):
        pixels = [np.asarray(Image.open(file).convert("RGB")) for file in sorted((folder / kind).iterdir())]
        batch = ((np.stack(pixels).astype(np.float32) - MEAN) / STD).transpose(0, 3, 1, 2)
        answers = session.run(None, {name: np.ascontiguousarray(batch)})[0]
        right += int((answers.argmax(axis=1) == label).sum())
    return right


def stored_weight(path: Path, node_name: str) -> tuple[int, np.ndarray]:
    """Type and content of the integers behind a node's weight, as they lie in the file."""
    model = onnx.load(path)
    node = next(each for each in model.graph.node if each.name == node_name)
    producers = {output: each for each in model.graph.node for output in each.output}
    constants = {each.name: each for each in model.graph.initializer}
    name = node.input[1]
    while name not in constants:
        name = producers[name].input[0]
    return constants[name].data_type, numpy_helper.to_array(constants[name]).astype(np.int8)
