"""Keras models to ONNX: answers held against those that Keras itself gave when it saved the file."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from foreign_files import answers, converted, refused

from core.context import Context
from core.convert.conversion import origin_of, resolve
from core.errors import OpenError, UnsafeFileError, UnsupportedModelError
from core.formats import open_model

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="the extra is not installed"
)

SCRIPT = Path(__file__).with_name("keras_script.py")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each model as .keras and .h5, and in NAME.npz its answers 'y' to inputs 'x'."""
    folder = tmp_path_factory.mktemp("keras")
    environment = os.environ | {"KERAS_BACKEND": "torch", "KERAS_HOME": str(folder)}
    subprocess.run([sys.executable, SCRIPT, folder], check=True, env=environment, capture_output=True)
    return folder


LAYERS = {
    "iris": ["MatMul", "MatMul"],
    "pictures": ["Conv", "Conv", "Conv", "MatMul"],
    "recurrent": ["LSTM", "GRU", "MatMul"],
    "tokens": ["GRU", "GRU", "Gather", "LSTM", "MatMul"],
    "attention": ["MatMul"] * 4 + ["Conv", "MatMul"],
}
# Keras makes the same model of either kind of file; its own .h5 of attention it cannot read
FILES = [f"{name}.keras" for name in LAYERS] + ["iris.h5"]
FILES += [pytest.param(f"{name}.h5", marks=pytest.mark.slow) for name in ("pictures", "recurrent", "tokens")]


@pytest.mark.parametrize("file", FILES)
def test_model_answers_alike_and_its_layers_are_found(saved: Path, cache: Path, file: str) -> None:
    name, layers = file.split(".")[0], LAYERS[file.split(".")[0]]
    model = resolve(str(saved / file), None, cache, Context())
    assert isinstance(model, Path), "nothing needs to be asked"
    with np.load(saved / f"{name}.npz") as known:
        (got,) = answers(model, torch.from_numpy(known["x"]))
        np.testing.assert_allclose(got, known["y"], atol=2e-5)
    origin = origin_of(model, cache)
    assert origin is not None and origin.difference < 1e-5 and not origin.fixed_batch
    keras = f"Keras {importlib.metadata.version('keras')}"
    assert origin.written_by == keras and origin.frameworks == f"{keras}, PyTorch {torch.__version__}"
    found = [layer.op for layer in open_model(model, Context()).info.layers]
    assert sorted(found) == sorted(layers)
    assert onnx.load(model).graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_file_whose_ending_says_something_else(saved: Path, cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "iris.onnx"
    path.write_bytes((saved / "iris.keras").read_bytes())
    assert isinstance(resolve(str(path), None, cache, Context()), Path)


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
def test_row_20_lambda_layer_is_refused_and_did_not_run(saved: Path, cache: Path, name: str) -> None:
    refused(saved / name, cache, "Lambda", "nothing of it has run", kind=UnsafeFileError)
    assert not (saved / "marker").exists()


def test_layer_that_is_not_of_keras_is_named(saved: Path, cache: Path) -> None:
    refused(saved / "custom.keras", cache, "Doubled", "not part of Keras", kind=UnsupportedModelError)


def test_row_23_weights_alone(saved: Path, cache: Path) -> None:
    refused(saved / "only.weights.h5", cache, "weights without an architecture", kind=OpenError)


def test_hdf5_that_is_no_model(saved: Path, cache: Path) -> None:
    refused(saved / "other.h5", cache, "no Keras model", kind=UnsupportedModelError)


def test_sizes_that_are_left_open_may_be_given(saved: Path, cache: Path) -> None:
    from core.values import InputSize

    model = converted(saved / "anysize.keras", cache, inputs=(InputSize((1, 20, 24, 3)),))
    origin = origin_of(model, cache)
    assert origin is not None and origin.recipe.inputs == (InputSize((1, 20, 24, 3)),)
    (answer,) = answers(model, torch.zeros(2, 31, 17, 3))
    assert answer.shape == (2, 4), "and stay open"
