"""Model files of other frameworks that cannot be turned into ONNX here: what each is, and the way to ONNX.

Known by their content where it says so, else by their ending. Sources: the formats' own schemata (Core ML's
Model.proto, TensorFlow's graph.proto, Paddle's framework.proto, OpenVINO's IR, TensorRT's plan files).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core.errors import UnsupportedModelError
from core.graph.labels import clean
from core.values import Text, text

_PADDLE_PICKLE = ".pdparams"
_ZLIB = (b"x\x01", b"x^", b"x\x9c", b"x\xda")


class Other(NamedTuple):
    """One kind; `what` holds {name}."""

    recognises: Callable[[Path, bytes], bool]
    what: Text
    why: Text
    route: Text
    by_name: bool = False
    """Told by its ending, not by its content: anything may have that ending."""


def other_maker(path: Path, head: bytes, by_name: bool = True) -> Other | None:
    """The kind of file that this is, if it is one of these. head: its first 4 KiB; b"" for a folder.

    by_name: endings count too, as where the content is nothing else.
    """
    kinds = (kind for kind in _KINDS if by_name or not kind.by_name)
    return next((kind for kind in kinds if kind.recognises(path, head)), None)


def refusal(kind: Other, path: Path) -> UnsupportedModelError:
    what = Text(kind.what.template, {"name": clean(os.path.basename(path))})
    return UnsupportedModelError(what, kind.why, kind.route)


def is_core_ml_package(path: str | Path) -> bool:
    """Whether a folder is a Core ML model, which macOS shows as one file."""
    return Path(path).suffix.lower() == ".mlpackage" and os.path.isfile(os.path.join(path, "Manifest.json"))


# ---------------------------------------------------------------- how each is recognised


def _after_length(data: bytes) -> bytes:
    """What follows a protobuf length at the start of `data`; b"" if there is none."""
    for place, byte in enumerate(data[:10]):
        if byte < 0x80:
            return data[place + 1 :]
    return b""


def _is_core_ml(path: Path, head: bytes) -> bool:
    """Version, then a description that begins with a feature; ONNX has its producer's name there."""
    if head[:1] != b"\x08" or not head[1:2] or head[1] >= 0x80 or head[2:3] != b"\x12":
        return False
    described = _after_length(head[3:])
    return described[:1] == b"\n" and _after_length(described[1:])[:1] == b"\n"


def _is_frozen_graph(path: Path, head: bytes) -> bool:
    """A node of TensorFlow first: its name, then its operator."""
    node = _after_length(head[1:]) if head[:1] == b"\n" else b""
    if node[:1] != b"\n" or len(node) < 2 or node[1] >= 0x80:
        return False
    name, behind = node[2 : 2 + node[1]], node[2 + node[1] :]
    return bool(name) and name.isascii() and behind[:1] == b"\x12" and behind[2:3].isalpha()


def _is_paddle(path: Path, head: bytes) -> bool:
    """A program's first block: number 0, its parent, its variables. Paddle 3 writes the same as JSON."""
    block = _after_length(head[1:]) if head[:1] == b"\n" else b""
    binary = block.startswith(b"\x08\x00\x10")
    return binary or (head[:1] == b"{" and b'"magic"' in head and b'"pir"' in head)


def _is_paddle_weights(path: Path, head: bytes) -> bool:
    return path.suffix.lower() in (".pdiparams", _PADDLE_PICKLE, ".pdmodel", ".pdopt")


def _is_openvino(path: Path, head: bytes) -> bool:
    return b"<net " in head and b"version=" in head and (b"<layers" in head or b"<layer " in head)


def _is_openvino_weights(path: Path, head: bytes) -> bool:
    """Bare numbers; the file of the same name beside it says what they are."""
    if path.suffix.lower() != ".bin":
        return False
    try:
        with path.with_suffix(".xml").open("rb") as file:
            return _is_openvino(path, file.read(4096))
    except OSError:
        return False


def _is_tensorrt(path: Path, head: bytes) -> bool:
    return head[:4] in (b"ptrt", b"ftrt")


def _is_named_tensorrt(path: Path, head: bytes) -> bool:
    return path.suffix.lower() in (".engine", ".plan", ".trt")


def _is_joblib(path: Path, head: bytes) -> bool:
    """What joblib compressed; its plain files are pickles, which are read elsewhere."""
    name = path.name.lower()
    packed = head.startswith((*_ZLIB, b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))
    return packed and (".joblib" in name or name.endswith((".pkl", ".pickle", ".sav")))


def _is_core_ml_folder(path: Path, head: bytes) -> bool:
    return not head and is_core_ml_package(path)


_CORE_ML = Other(
    _is_core_ml,
    text("'{name}' is not an ONNX file but a Core ML model."),
    text("Core ML models are made for Apple's devices, and nothing turns them back reliably."),
    text(
        "Export the model that it was made from: torch.onnx.export(...) for PyTorch, 'python -m "
        "tf2onnx.convert' for TensorFlow. Of an older one that is all there is left, "
        "onnxmltools.convert_coreml(...) may make ONNX."
    ),
)
_PADDLE_WHY = text("It needs PaddlePaddle, which Secateur does without.")
_PADDLE_ROUTE = text(
    "Where PaddlePaddle is installed, convert it with 'paddle2onnx --model_dir FOLDER --model_filename "
    "inference.pdmodel --params_filename inference.pdiparams --save_file model.onnx'."
)
_OPENVINO_WHY = text("OpenVINO makes such files from ONNX, PyTorch or TensorFlow, and there is no way back.")
_OPENVINO_ROUTE = text(
    "Open the model that it was made from: the ONNX file, or one written with torch.onnx.export(...). What "
    "is exported here, 'ovc model.onnx' turns into OpenVINO's files again."
)

_TENSORRT = Other(
    _is_tensorrt,
    text("'{name}' is not an ONNX file but an engine of TensorRT."),
    text("An engine is compiled for one graphics card; the network cannot be got back from it."),
    text("Open the ONNX file that it was built from; 'trtexec --onnx=FILE' builds an engine from ours."),
)
SCIKIT_LEARN = Other(
    _is_joblib,
    text("'{name}' is a scikit-learn model, not a neural network."),
    text("Secateur cuts the weights of neural networks; trees and linear models shrink in other ways."),
    text("A multilayer perceptron can be written as ONNX with skl2onnx; open that file."),
)
PADDLE_WEIGHTS = Other(
    _is_paddle_weights,
    text("'{name}' holds weights or a program of PaddlePaddle."),
    _PADDLE_WHY,
    _PADDLE_ROUTE,
    by_name=True,
)

_KINDS = (
    _CORE_ML,
    _CORE_ML._replace(recognises=_is_core_ml_folder),
    Other(
        _is_paddle,
        text("'{name}' is not an ONNX file but a PaddlePaddle model."),
        _PADDLE_WHY,
        _PADDLE_ROUTE,
    ),
    PADDLE_WEIGHTS,
    Other(
        _is_frozen_graph,
        text("'{name}' is not an ONNX file but a frozen graph of TensorFlow."),
        text("It needs TensorFlow, which Secateur does without."),
        text(
            "Where TensorFlow is installed, convert it with 'python -m tf2onnx.convert --graphdef FILE "
            "--inputs NAME:0 --outputs NAME:0 --output model.onnx'."
        ),
    ),
    Other(
        _is_openvino,
        text("'{name}' is not an ONNX file but a model of OpenVINO."),
        _OPENVINO_WHY,
        _OPENVINO_ROUTE,
    ),
    Other(
        _is_openvino_weights,
        text("'{name}' holds the weights of a model of OpenVINO."),
        _OPENVINO_WHY,
        _OPENVINO_ROUTE,
        by_name=True,
    ),
    _TENSORRT,
    _TENSORRT._replace(recognises=_is_named_tensorrt, by_name=True),
    SCIKIT_LEARN,
)
