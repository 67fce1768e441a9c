"""Files of other frameworks in the window: asked about, converted by the real engine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch
from person import button, choose_path, click, drop, press, retype
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model

from core import messages as m
from core.values import Foreign, InputSize, Networks, Origin, Recipe, text
from gui.app import Window
from gui.views.conversion_bar import ConversionBar

SLOW = 240_000
"""Milliseconds: the child imports torch first."""
NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.dense = torch.nn.Linear(4 * 64, classes)

    def forward(self, x):
        return self.dense(torch.relu(self.conv(x)).flatten(1))
"""


def foreign(**changes: object) -> Foreign:
    values = {
        "path": "/models/net.pt",
        "name": "net.pt",
        "sha256": "f",
        "size_bytes": 1000,
        "kind": "torchscript",
        "label": text("TorchScript program (.pt)"),
        "what": text("'{name}' is a TorchScript program: opening it runs the code inside it.", name="net.pt"),
        "runs_code": True,
        "asks_inputs": True,
        "inputs": (InputSize((1, 3, 224, 224)),),
    }
    return Foreign(**values | changes)  # type: ignore[arg-type]


def fill(field: QLineEdit, words: str) -> None:
    click(field)
    retype(words)
    if not words:
        press(Qt.Key.Key_Delete)


def asked(window: Window, **changes: object) -> ConversionBar:
    drop(window, "/models/net.pt")
    request = window.engine.last(m.OpenModel)
    assert request.recipe is None, "nothing is taken for granted"
    window.engine.event.emit(m.Done(id=request.id, value=foreign(**changes)))
    bar = window.main.conversion_bar
    assert bar.isVisible() and window.session.job is None and window.session.model is None
    return bar


def words(bar: ConversionBar) -> str:
    return " ".join(label.text() for label in bar.findChildren(QLabel) if label.isVisible())


def test_program_is_asked_about_and_runs_only_when_trusted(window: Window) -> None:
    bar = asked(window)
    assert "runs the code inside it" in words(bar) and "Nothing of it has run yet" in words(bar)
    assert bar._sizes.text() == "1×3×224×224"
    assert len([one for one in window.engine.sent if isinstance(one, m.OpenModel)]) == 1
    fill(bar._sizes, "3x")
    assert bar._go.isEnabled(), "a lone number is a size too"
    fill(bar._sizes, "large")
    assert not bar._go.isEnabled()
    fill(bar._sizes, "1, 3, 12, 12")
    click(bar._go)
    request = window.engine.last(m.OpenModel)
    assert request.recipe == Recipe(trusted=True, inputs=(InputSize((1, 3, 12, 12)),))
    assert not bar._go.isEnabled(), "once is enough"


def test_guess_that_was_left_alone_is_sent_as_a_guess(window: Window) -> None:
    bar = asked(window)
    click(bar._go)
    assert window.engine.last(m.OpenModel).recipe == Recipe(trusted=True)


def test_weights_want_code_and_class(window: Window) -> None:
    bar = asked(
        window,
        needs_architecture=True,
        what=text("'{name}' holds weights without an architecture.", name="w"),
    )
    assert not bar._go.isEnabled()
    window.session.foreign.read("/code/net.py")
    request = window.engine.last(m.ReadArchitecture)
    window.engine.event.emit(
        m.Done(id=request.id, value=Networks(path="/code/net.py", names=("Net", "Block")))
    )
    assert bar._class.currentText() == "Net" and bar._go.isEnabled()
    fill(bar._class.lineEdit(), "")
    assert not bar._go.isEnabled()
    fill(bar._class.lineEdit(), "Net(4)")
    click(bar._go)
    assert window.engine.last(m.OpenModel).recipe == Recipe(
        trusted=True, architecture="/code/net.py", network="Net(4)"
    )


def test_another_class_takes_other_inputs_until_the_person_says_what_goes_in(window: Window) -> None:
    tokens, picture = InputSize((1, 16), "int64"), InputSize((1, 3, 224, 224))
    bar = asked(window, needs_architecture=True, inputs=(tokens,))
    window.session.foreign.read("/code/net.py")
    request = window.engine.last(m.ReadArchitecture)
    assert request.guess == (tokens,)
    networks = Networks(
        path="/code/net.py",
        names=("Encoder", "Net"),
        inputs={"Encoder": ("input_ids", "attention_mask"), "Net": ("x",)},
        sizes={"Encoder": (tokens, tokens), "Net": (picture,)},
    )
    window.engine.event.emit(m.Done(id=request.id, value=networks))
    assert bar._sizes.text() == "1×16:int64; 1×16:int64" and "input_ids, attention_mask" in words(bar)
    fill(bar._class.lineEdit(), "Net(4)")
    assert bar._sizes.text() == "1×3×224×224" and "What goes in: x." in words(bar)
    fill(bar._sizes, "1, 3, 8, 8")
    fill(bar._class.lineEdit(), "Encoder")
    assert bar._sizes.text() == "1, 3, 8, 8", "what was typed stays"
    click(bar._go)
    assert window.engine.last(m.OpenModel).recipe.inputs == (InputSize((1, 3, 8, 8)),)


def test_question_stands_after_a_failure_and_goes_when_declined(window: Window) -> None:
    bar = asked(window)
    click(bar._go)
    job = window.session.job.id
    window.engine.event.emit(m.Progress(id=job, stage=text("Running the original")))
    assert "Running the original" in words(bar)
    click(bar._cancel)
    assert window.engine.cancelled == [job] and bar.isVisible()
    window.engine.event.emit(m.Failed(id=job, code="OpenError", what=text("The network gives no tensors.")))
    assert bar.isVisible() and bar._go.isEnabled() and window.main.error_bar.isVisible()
    assert "Nothing of it has run yet" in words(bar)
    click(bar._cancel)
    assert not bar.isVisible()


def test_difference_is_shown_until_work_begins(window: Window) -> None:
    bar = asked(window)
    click(bar._go)
    origin = Origin(
        path="/models/net.pt", name="net.pt", sha256="f", size_bytes=1000, kind="torchscript",
        label=text("TorchScript program (.pt)"), recipe=Recipe(trusted=True), difference=2.5e-7, reach=3.0,
        samples=5, fixed_batch=True, written_by="PyTorch 2.9.1", frameworks="PyTorch 2.12.0",
    )  # fmt: skip
    model = make_model("/cache/net.onnx")
    converted = msgspec.structs.replace(model, origin=origin, name="net.pt")
    window.engine.event.emit(m.Done(id=window.session.job.id, value=converted))
    assert "at most 2.5e-07" in words(bar) and "fixed number of samples" in words(bar)
    assert "written by PyTorch 2.9.1 and converted with PyTorch 2.12.0" in words(bar)
    assert bar._what.toolTip().startswith("/models/net.pt\n")
    assert not bar._go.isVisible() and not bar._form.isVisible()
    assert window.commands.recent[0] == "/models/net.pt", "what the person has, not what was made of it"
    assert window.keeper.project.references.model.path == "/models/net.pt"
    window.session.open_data(make_data().spec)
    assert bar.isVisible()
    window.engine.event.emit(m.Done(id=window.session.job.id, value=make_data()))
    click(button(window, "analyze"))
    assert not bar.isVisible()
    # what is read once stays where the model's name is
    tip = window.main.top_bar._title.toolTip()
    assert "/models/net.pt" in tip and "converted with PyTorch 2.12.0" in tip
    assert window.engine.last(m.Analyze).model == "/cache/net.onnx", "work is done on the ONNX file"


def test_hostile_names_are_plain_and_fit(window: Window) -> None:
    name = "<b>net</b>" + "n" * 2000
    bar = asked(window, what=text("'{name}' is a Keras model.", name=name))
    assert bar._what.textFormat() == Qt.TextFormat.PlainText
    assert window.main.width() <= 1600


@pytest.mark.parametrize("language", ["zh_CN", "pseudo"])
def test_all_words_change_with_the_language(window: Window, language: str) -> None:
    bar = asked(window, needs_architecture=True)
    english = words(bar)
    window.translations.choose(language)
    QApplication.processEvents()
    assert words(bar) != english
    if language == "pseudo":
        for label in bar.findChildren(QLabel):
            assert not label.isVisible() or "⟦" in label.text(), label.text()


def test_from_weights_to_an_open_model_with_the_real_engine(
    program: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    """As a person does it: drop the weights, choose the code, correct the size, trust, look at the result."""
    space: dict = {}
    exec(NET, space)
    torch.save(space["Net"](5).state_dict(), tmp_path / "weights.pt")
    (tmp_path / "net.py").write_text(NET)
    drop(program, str(tmp_path / "weights.pt"))
    bar = program.main.conversion_bar
    qtbot.waitUntil(bar.isVisible, timeout=SLOW)
    click(bar._choose)
    choose_path(qtbot, tmp_path / "net.py")
    qtbot.waitUntil(lambda: bar._class.currentText() == "Net", timeout=SLOW)
    fill(bar._class.lineEdit(), "Net(5)")
    fill(bar._sizes, "1x3x8x8")
    click(bar._go)
    qtbot.waitUntil(lambda: program.session.model is not None and program.session.job is None, timeout=SLOW)
    model = program.session.model
    assert model.name == "weights.pt" and model.source_path == str(tmp_path / "weights.pt")
    assert [layer.op for layer in model.layers] == ["Conv", "Gemm"]
    assert model.params == 3 * 4 * 9 + 4 + 4 * 64 * 5 + 5
    assert 0 <= model.origin.difference < 1e-5
    assert "differ by at most" in words(bar)
