"""Row 3: files of frameworks that are not read here are named, with the way to ONNX."""

from __future__ import annotations

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from model_files import opened, refused, small, written
from sklearn.neural_network import MLPClassifier

from core.context import Context
from core.convert.conversion import resolve
from core.errors import SecateurError, UnsupportedModelError


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of protobuf, at most 127 bytes."""
    assert len(content) < 128
    return bytes((number << 3 | 2, len(content))) + content


FEATURE = field(1, field(1, b"image") + field(3, b"\x2a\x00"))
CORE_ML = b"\x08\x04" + field(2, FEATURE + field(10, field(1, b"label"))) + bytes(300)
NODE = field(1, b"input/x") + field(2, b"Placeholder") + field(5, field(1, b"dtype") + field(2, b"\x30\x01"))
FROZEN = field(1, NODE) + field(1, field(1, b"y") + field(2, b"Relu") + field(3, b"input/x"))
PADDLE = field(1, b"\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + field(3, field(1, b"feed")))
OPENVINO = b'<?xml version="1.0"?>\n<net name="resnet" version="11">\n\t<layers>\n\t\t<layer id="0" />'
PIR = b'{"base_code":{"magic":"pir","version":1,"trainable":false},"program":{"regions":[]}}'


@pytest.mark.parametrize(
    ("name", "content", "says", "route"),
    [
        ("net.mlmodel", CORE_ML, "Core ML", "torch.onnx.export"),
        ("net.onnx", CORE_ML, "Core ML", "torch.onnx.export"),
        ("frozen.pb", FROZEN, "frozen graph of TensorFlow", "tf2onnx.convert --graphdef"),
        ("inference.pdmodel", PADDLE, "PaddlePaddle", "paddle2onnx"),
        ("inference.json", PIR, "PaddlePaddle", "paddle2onnx"),
        ("inference.pdiparams", bytes(400), "PaddlePaddle", "paddle2onnx"),
        ("resnet.xml", OPENVINO, "OpenVINO", "made from"),
        ("resnet.engine", b"ftrt" + bytes(200), "TensorRT", "trtexec"),
        ("resnet.bin", b"ptrt" + bytes(200), "TensorRT", "trtexec"),
        ("resnet.plan", bytes(200), "TensorRT", "trtexec"),
    ],
)
def test_row_03_other_makers_are_named_with_the_route(
    tmp_path: Path, name: str, content: bytes, says: str, route: str
) -> None:
    refused(written(tmp_path, content, name), says, route, kind=UnsupportedModelError)


def test_row_03_weights_beside_their_description(tmp_path: Path) -> None:
    """The numbers begin with 8, as an ONNX file may."""
    written(tmp_path, OPENVINO, "resnet.xml")
    path = written(tmp_path, b"\x08" + bytes(range(200)), "resnet.bin")
    refused(path, "OpenVINO", "made from", kind=UnsupportedModelError)


def test_row_03_core_ml_package_is_a_folder(tmp_path: Path) -> None:
    package = tmp_path / "net.mlpackage"
    package.mkdir()
    (package / "Manifest.json").write_text('{"fileFormatVersion": "1.0.0"}')
    refused(package, "Core ML", "torch.onnx.export", kind=UnsupportedModelError)


@pytest.mark.parametrize("ending", ["engine", "pdmodel", "mlmodel", "pb", "bin"])
def test_row_03_onnx_opens_whatever_its_ending(tmp_path: Path, ending: str) -> None:
    written(tmp_path, OPENVINO, "network.xml")
    model = small()
    model.producer_name = "\nodd"
    assert len(opened(written(tmp_path, model, f"network.{ending}")).info.layers) == 1


def answer(path: Path) -> str:
    with pytest.raises(SecateurError) as caught:
        opened(Path(str(resolve(str(path), None, path.parent / "cache", Context()))))
    assert type(caught.value) is UnsupportedModelError
    return caught.value.one_line()


@pytest.mark.parametrize("packed", ["", "zlib", "gzip", "xz"])
def test_row_20_scikit_learn_as_joblib_writes_it(tmp_path: Path, packed: str) -> None:
    random = np.random.default_rng(0)
    model = MLPClassifier((3,), max_iter=1, random_state=0)
    model.partial_fit(random.normal(size=(8, 2)), np.arange(8) % 2, classes=[0, 1])
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=(packed, 3) if packed else 0)
    line = answer(path)
    assert "scikit-learn" in line and "skl2onnx" in line


def test_weights_of_paddle_are_not_taken_for_harmful(tmp_path: Path) -> None:
    path = tmp_path / "model.pdparams"
    path.write_bytes(pickle.dumps({"w": np.ones((2, 2), np.float32), "StructuredToParameterName@@": {}}))
    assert "paddle2onnx" in answer(path)
