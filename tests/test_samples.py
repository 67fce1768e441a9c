"""The samples are what their page says: read here by Pillow, csv and onnxruntime alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from resources import sample_path

CLASSES = ("setosa", "versicolor", "virginica")


def pictures(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    files = sorted(folder.glob("*/*.png"))
    values = np.stack([np.asarray(Image.open(file), np.float32) / 255 for file in files])
    return values[:, None], np.array([int(file.parent.name) for file in files])


def top1(model: Path, values: np.ndarray, labels: np.ndarray) -> float:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: values})
    return float(np.mean(np.argmax(logits, 1) == labels))


@pytest.mark.parametrize("name", ["digits_resnet.onnx", "digits_mobilenet.onnx"])
def test_digit_networks_read_pictures_they_have_not_seen(name: str, digits: Path) -> None:
    values, labels = pictures(digits)
    assert values.shape == (800, 1, 16, 16)
    assert top1(sample_path(name), values, labels) >= 0.97


def test_calibration_pictures_are_not_among_the_judging_ones() -> None:
    judged, _ = pictures(sample_path("digits/test"))
    calibration, labels = pictures(sample_path("digits/train"))
    assert {picture.tobytes() for picture in judged}.isdisjoint(picture.tobytes() for picture in calibration)
    assert sorted(np.bincount(labels)) == pytest.approx([20] * 10, abs=1)


def test_iris_network_tells_the_species() -> None:
    with sample_path("iris.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[-1] == "species"
    values = np.array([[float(cell) for cell in row[:-1]] for row in rows], np.float32)
    assert values.shape == (90, 4)
    assert (
        top1(sample_path("iris_mlp.onnx"), values, np.array([CLASSES.index(row[-1]) for row in rows])) >= 0.94
    )


@pytest.mark.parametrize("name", ["digits_resnet.onnx", "digits_mobilenet.onnx", "iris_mlp.onnx"])
def test_names_are_readable_and_opset_is_17(name: str) -> None:
    model = onnx.load(sample_path(name))
    assert model.opset_import[0].version == 17
    assert all(node.name and "/" not in node.name and "::" not in node.name for node in model.graph.node)
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    layers = [node.name for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    weights = [tensor.name for tensor in model.graph.initializer if len(tensor.dims) > 1]
    assert weights == [f"{layer}.weight" for layer in layers]


def test_manifest_names_files_that_exist() -> None:
    entries = json.loads(sample_path("samples.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == ["digits_resnet", "digits_mobilenet", "iris"]
    for entry in entries:
        assert all(sample_path(entry[key]).exists() for key in ("model", "data", "calibration"))


def test_missing_sample_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.onnx"):
        sample_path("nothing.onnx")
