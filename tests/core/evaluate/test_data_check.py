"""Guesses about the data held against the model; the expectation comes from onnxruntime alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core import cli
from core import messages as m
from core.context import Context
from core.data import open_data
from core.errors import DataError
from core.evaluate.data_check import check_data
from core.evaluate.label_order import best_order, find_order
from core.evaluate.runner import Runner
from core.jobs import perform
from core.values import DataCheck, DataSpec, Preprocess
from core.workspace import Workspace

WRONG = Preprocess(mean=(0.0,), std=(1.0,))


def checked(model: Path, spec: DataSpec) -> DataCheck:
    found = perform(m.CheckData(model=str(model), data=spec), Workspace(), Context())
    assert isinstance(found, DataCheck)
    return found


def renamed(digits: Path, destination: Path, order: list[int]) -> Path:
    """The digits, each in a folder whose place in the alphabet is order[digit]."""
    for digit, place in enumerate(order):
        shutil.copytree(digits / str(digit), destination / f"{chr(97 + place)}-is-{digit}")
    return destination


def test_the_preprocessing_that_the_model_was_trained_with_is_proposed(
    digits_resnet: Path, digits: Path
) -> None:
    check = checked(digits_resnet, DataSpec(path=str(digits), preprocess=WRONG))
    assert check.proposed is not None
    assert str(check.proposed.name) == "x/255"
    assert (check.proposed.preprocess.mean, check.proposed.preprocess.std) == ((0.0,), (255.0,))
    assert check.proposed == check.scores[0]
    assert check.better.preprocess == check.proposed.preprocess
    current = next(score for score in check.scores if score.current)
    assert str(current.name) == "as it is, 0 to 255"
    # by hand, on the very samples that were taken: those that calibrate
    session_data = open_data(
        DataSpec(path=str(digits), preprocess=WRONG),
        Runner(digits_resnet).inputs,
        Runner(digits_resnet).outputs,
        Context(),
    )
    batches = list(session_data.batches("calibration", 16, check.proposed.accuracy.count))
    pixels = np.concatenate([next(iter(batch.feeds.values())) for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches if batch.labels is not None])
    session = onnxruntime.InferenceSession(str(digits_resnet), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: pixels / np.float32(255)})
    assert check.proposed.accuracy.value == pytest.approx(100 * np.mean(logits.argmax(1) == labels))


def test_a_right_preprocessing_is_left_alone(digits_resnet: Path, digits: Path) -> None:
    check = checked(digits_resnet, DataSpec(path=str(digits)))
    assert check.proposed is None
    assert check.order is None
    assert len(check.scores) >= 5
    assert next(score for score in check.scores if score.current).accuracy.value > 90
    values = [score.accuracy.value for score in check.scores[:4]]
    assert values == sorted(values, reverse=True)


def test_classes_in_another_order_are_noticed_and_put_right(
    digits_resnet: Path, digits: Path, tmp_path: Path
) -> None:
    order = [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]  # digit 0 comes fourth in the alphabet, and so on
    folder = renamed(digits, tmp_path / "digits", order)
    spec = DataSpec(path=str(folder))
    check = checked(digits_resnet, spec)
    assert check.order is not None
    # class i of the data is the digit whose place is i
    assert check.order.order == tuple(np.argsort(order))
    assert check.order.before.value < 20
    assert check.order.after.value > 90
    assert check.order.moved[0] == ("a-is-7", "h-is-4")
    right = open_data(check.better, Runner(digits_resnet).inputs, Runner(digits_resnet).outputs, Context())
    assert right.info.class_names == tuple(f"{chr(97 + order[digit])}-is-{digit}" for digit in range(10))
    again = check_data(Runner(digits_resnet), right, Context())
    assert again.order is None
    assert again.scores[0].accuracy.value > 90


def test_wrong_preprocessing_and_wrong_order_at_once(
    digits_resnet: Path, digits: Path, tmp_path: Path
) -> None:
    folder = renamed(digits, tmp_path / "digits", [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    check = checked(
        digits_resnet, DataSpec(path=str(folder), preprocess=Preprocess(mean=(250.0,), std=(1.0,)))
    )
    assert check.order is not None
    assert check.order.order == (9, 0, 1, 2, 3, 4, 5, 6, 7, 8)
    assert check.proposed is not None
    assert str(check.proposed.name) == "x/255"
    assert check.proposed.accuracy.value > 90


def test_an_order_is_not_seen_in_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    names = ("a", "b", "c", "d")
    assert find_order(labels, rng.integers(0, 4, 400), names) is None
    swapped = np.where(labels == 0, 1, np.where(labels == 1, 0, labels))
    found = find_order(labels, swapped, names)
    assert found is not None
    assert found.order == (1, 0, 2, 3)
    assert found.after.value == 100.0
    assert found.before.value == pytest.approx(100 * np.mean(labels >= 2), abs=8)
    # a mediocre model: right in 6 of 10, the others anywhere; no order makes it better
    noisy = np.where(rng.random(400) < 0.6, labels, rng.integers(0, 4, 400))
    assert find_order(labels, noisy, names) is None
    assert find_order(labels[:20], swapped[:20], names) is None  # too few to tell


def test_best_order_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([2, 2, 0, 0, 0, -1])
    assert best_order(labels, predicted, 4).tolist() == [2, 0, 1, 3]


def test_an_order_that_does_not_fit_is_refused(digits_resnet: Path, digits: Path) -> None:
    runner = Runner(digits_resnet)
    for order in ((0, 1), (0,) * 10, tuple(range(1, 11))):
        with pytest.raises(DataError, match="order of the classes"):
            open_data(DataSpec(path=str(digits), label_order=order), runner.inputs, runner.outputs, Context())


def test_the_command_line_tells_and_takes_it(
    digits_resnet: Path, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = renamed(digits, tmp_path / "digits", [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    given = [str(digits_resnet), "--data", str(folder), "--preprocess", '{"std": [1]}']
    assert cli.main(["data", *given]) == 0
    shown = capsys.readouterr().out
    assert "--label-order 9,0,1,2,3,4,5,6,7,8" in shown
    assert "x/255 gives top1 9" in shown
    assert cli.main(["data", *given, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["check"]["order"]["order"][0] == 9
    assert document["check"]["scores"][0]["name"] == "x/255"
    took = ["--label-order", "auto", "--preprocess", "auto", "--no-latency", "--json"]
    assert cli.main(["evaluate", *given[:3], *took]) == 0
    assert json.loads(capsys.readouterr().out)["measurements"][0]["value"] > 90
    assert cli.main(["data", *given, "--label-order", "9,x"]) == 2
    assert "whole numbers" in capsys.readouterr().err


def test_data_without_labels_is_not_checked(digits_resnet: Path) -> None:
    check = checked(digits_resnet, DataSpec(path="random", judge_count=8, calibration_count=8))
    assert (check.scores, check.proposed, check.order) == ((), None, None)
