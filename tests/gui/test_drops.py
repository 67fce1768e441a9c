"""What is let go over the window by real drag-and-drop events does what a person expects, or is explained."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from person import button, choose_path, click, drop
from pytestqt.qtbot import QtBot
from shell_values import make_data, make_model, make_result

from core import messages as m
from core.evaluate.runner import Runner
from core.values import DataSpec, Foreign, text
from gui.app import Window

SLOW = 60_000
RESOURCES = Path(__file__).parents[2] / "resources" / "samples"


def opened(window: Window) -> None:
    window.session._take(make_model())


def told(window: Window) -> str:
    """What the bar says; "" while it is hidden."""
    bar = window.main.error_bar
    return bar.report() if bar.isVisible() else ""


def made(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def finish(window: Window, request: type[m.Request], value: object) -> None:
    """What is opened is told as soon as it is known, and once more at the end."""
    window.session._on_event(m.Partial(id=window.engine.last(request).id, value=value))
    window.session._on_event(m.Done(id=window.engine.last(request).id, value=value))


# ---------------------------------------------------------------- one thing


def test_a_model_while_one_is_open_takes_its_place(window: Window) -> None:
    opened(window)
    drop(window, "/models/other.onnx")
    assert window.engine.last(m.OpenModel).model == "/models/other.onnx"
    finish(window, m.OpenModel, make_model("/models/other.onnx"))
    assert window.session.model.name == "other.onnx"
    assert told(window) == ""


@pytest.mark.parametrize("name", ["iris.csv", "data.parquet", "arrays.npz", "instances.json"])
def test_a_table_becomes_the_data(window: Window, tmp_path: Path, name: str) -> None:
    opened(window)
    path = made(tmp_path / name)
    drop(window, path)
    assert window.engine.last(m.OpenData).data == DataSpec(path=str(path))
    assert window.main.data_view.isVisible()


def test_samples_before_any_model_wait_for_it(window: Window, tmp_path: Path) -> None:
    path = made(tmp_path / "iris.csv")
    drop(window, path)
    assert "these samples are opened with it" in told(window)
    assert window.engine.sent == []
    drop(window, "/models/a.onnx")
    finish(window, m.OpenModel, make_model("/models/a.onnx"))
    assert window.engine.last(m.OpenData).data.path == str(path)
    # and only with that one
    finish(window, m.OpenData, make_data())
    drop(window, "/models/b.onnx")
    finish(window, m.OpenModel, make_model("/models/b.onnx"))
    assert len([one for one in window.engine.sent if isinstance(one, m.OpenData)]) == 1


@pytest.mark.parametrize("name", ["samples.zip", "notes.xyz"])
def test_what_only_the_engine_can_tell_goes_there(window: Window, tmp_path: Path, name: str) -> None:
    opened(window)
    path = made(tmp_path / name)
    drop(window, path)
    request = window.engine.last(m.OpenModel)
    assert request.model == str(path)
    window.session._on_event(m.Failed(id=request.id, code="OpenError", what=text("It is no model.")))
    assert "It is no model." in told(window)
    assert window.session.model.name == "tiny.onnx", "what was open stays"


def test_a_folder_with_a_model_in_it(window: Window, tmp_path: Path) -> None:
    model = made(tmp_path / "net" / "model.onnx")
    made(tmp_path / "net" / "model.onnx.data")
    made(tmp_path / "net" / "config.json")
    drop(window, tmp_path / "net")
    assert window.engine.last(m.OpenModel).model == str(model)
    finish(window, m.OpenModel, make_model())
    # with samples beside it, for the model that is open
    made(tmp_path / "net" / "cat" / "a.png")
    drop(window, tmp_path / "net")
    assert window.engine.last(m.OpenData).data.path == str(tmp_path / "net")


def test_external_data_leads_to_its_model(window: Window, tmp_path: Path) -> None:
    model = made(tmp_path / "large.onnx")
    drop(window, made(tmp_path / "large.onnx.data"))
    assert window.engine.last(m.OpenModel).model == str(model)


def test_a_picture_is_tried_once_there_is_a_result(window: Window, tmp_path: Path) -> None:
    opened(window)
    window.session._take(make_data())
    picture = made(tmp_path / "cat.png")
    drop(window, picture)
    assert "as a folder" in told(window)
    window.session._take(make_result(window.session.plan))
    drop(window, picture)
    assert window.engine.last(m.TrySample).sample.path == str(picture)


def test_a_sound_and_a_link_are_explained(window: Window, tmp_path: Path) -> None:
    drop(window, made(tmp_path / "word.wav"))
    assert "Drop the folder with the sounds" in told(window)
    drop(window, "https://example.org/model.onnx")
    assert "a link, not a file" in told(window)
    assert window.engine.sent == []


# ---------------------------------------------------------------- several things


def test_a_model_and_its_data_at_once(window: Window, tmp_path: Path) -> None:
    data = made(tmp_path / "iris.csv")
    drop(window, data, "/models/a.onnx")
    assert window.engine.last(m.OpenModel).model == "/models/a.onnx"
    finish(window, m.OpenModel, make_model("/models/a.onnx"))
    assert window.engine.last(m.OpenData).data == DataSpec(path=str(data))


def test_the_part_for_training_calibrates(window: Window, tmp_path: Path) -> None:
    train, test = made(tmp_path / "iris_train.csv"), made(tmp_path / "iris.csv")
    opened(window)
    drop(window, train, test)
    wanted = DataSpec(path=str(test), calibration_path=str(train))
    assert window.engine.last(m.OpenData).data == wanted
    drop(window, made(tmp_path / "b.csv"), made(tmp_path / "c.csv"))
    assert "2 sets of samples" in told(window)
    assert window.engine.last(m.OpenData).data == wanted


def test_two_models_are_one_too_many(window: Window) -> None:
    drop(window, "/models/a.onnx", "/models/b.onnx")
    assert "2 models were dropped at once" in told(window)
    assert window.engine.sent == []


def test_weights_with_their_code(window: Window, tmp_path: Path) -> None:
    weights, code = made(tmp_path / "w.pt"), made(tmp_path / "net.py")
    drop(window, code)
    assert "Python code, not a model" in told(window)
    drop(window, weights, code)
    foreign = Foreign(
        path=str(weights), name="w.pt", label=text("Weights"), what=text("Weights alone."),
        runs_code=True, needs_architecture=True,
    )  # fmt: skip
    finish(window, m.OpenModel, foreign)
    assert window.engine.last(m.ReadArchitecture).path == str(code)
    other = made(tmp_path / "other.py")
    drop(window, other)
    assert window.engine.last(m.ReadArchitecture).path == str(other), "the question still stands"


@pytest.mark.parametrize("what", ["model", "data"])
def test_work_is_not_stopped_without_asking(window: Window, tmp_path: Path, what: str) -> None:
    opened(window)
    window.session._take(make_data())
    window.session.run()
    running = window.session.job
    path = made(tmp_path / ("a.onnx" if what == "model" else "a.csv"))
    drop(window, path)
    assert "Work is going on" in told(window)
    assert window.session.job == running
    cancel = window.main.error_bar._ways[0]
    click(cancel)
    assert window.session.job == running and told(window) == ""
    drop(window, path)
    click(window.main.error_bar._ways[1])
    assert running.id in window.engine.cancelled
    sent = window.engine.sent[-1]
    assert (sent.model if what == "model" else sent.data.path) == str(path)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_question_speaks_both_languages(window: Window, language: str) -> None:
    window.translations.choose(language)
    drop(window, "/models/a.onnx", "/models/b.onnx")
    shown = window.main.error_bar._what.text()
    assert ("一次拖放了 2 个模型" in shown) == (language == "zh_CN")


# ---------------------------------------------------------------- with the real engine


def test_dropped_compressed_and_handed_to_pytorch(program: Window, qtbot: QtBot, tmp_path: Path) -> None:
    """Model and samples at once; the compressed network as .pt2 answers like it, and trains on."""
    session = program.session
    model = tmp_path / "digits.onnx"
    shutil.copy(RESOURCES / "digits_resnet.onnx", model)
    drop(program, RESOURCES / "digits", model)
    qtbot.waitUntil(lambda: session.data is not None and session.job is None, timeout=SLOW)
    assert session.data.spec.path == str(RESOURCES / "digits")
    session.change_data(judge_count=60, calibration_count=40)
    qtbot.waitUntil(lambda: session.data.judge_count == 60 and session.job is None, timeout=SLOW)
    session.set_defaults("8 bits", weight_bits=8, activation_bits=16)
    click(button(program, "run"))
    qtbot.waitUntil(lambda: session.run_state == "done" and session.job is None, timeout=3 * SLOW)

    written = tmp_path / "digits-compressed.pt2"
    click(button(program, "export"))
    choose_path(qtbot, written)
    qtbot.waitUntil(lambda: session.last_export is not None and session.job is None, timeout=3 * SLOW)
    assert session.last_export.path == str(written)
    bar = program.main.export_bar
    assert bar.isVisible() and "for training on in PyTorch" in bar._warning.text()

    # plain torch, nothing of ours
    network = torch.export.load(written).module()
    rng = np.random.default_rng(3)
    runner = Runner(session.result.artefact)
    shape = [5, *(int(size) for size in runner.inputs[0].shape[1:])]
    x = rng.normal(size=shape).astype(np.float32)
    (wanted,) = runner.run({runner.inputs[0].name: x})
    inputs, labels = torch.from_numpy(x), torch.arange(5)
    np.testing.assert_allclose(network(inputs).detach().numpy(), wanted, atol=2e-2 * np.abs(wanted).max())
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(network(inputs), labels)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]
