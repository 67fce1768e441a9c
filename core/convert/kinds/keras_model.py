"""Keras models: `.keras` archives and HDF5 files (`.h5`), through Keras 3 on its torch backend.

Their layers are named, not carried along, so opening one runs Keras's own code only; files that bring code of
their own (Lambda layers) or name code elsewhere (custom classes) are refused.
"""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from core.convert._archives import names, read_json
from core.convert.kinds import CONVERTERS
from core.convert.sizes import PICTURE, SEQUENCE
from core.convert.talk import Converted, Task
from core.errors import OpenError, UnsafeFileError, UnsupportedModelError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import Described, Foreign, InputSize, Text, text

HDF5 = b"\x89HDF\r\n\x1a\n"
_OWN_PACKAGES = ("keras", "builtins", "tensorflow", "tf_keras", "tf")
_CODE = frozenset(
    {"Lambda", "__lambda__", "TFOpLambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
)


class KerasModel:
    def recognises(self, path: Path, head: bytes) -> bool:
        if head.startswith(HDF5):
            return True
        found = names(path, head)
        return "config.json" in found and any(name.endswith(".weights.h5") for name in found)

    def examine(self, path: Path) -> Foreign:
        if is_hdf5(path):
            _check_hdf5(path)
        else:
            check_config(read_json(path, "config.json"), path)
        if importlib.util.find_spec("keras") is None:
            raise UnsupportedModelError(
                text("'{name}' is a Keras model, and Keras is not installed.", name=shown(path)),
                text("It is an extra part, because it is large and many need none."),
                text("Install it with: pip install 'secateur[keras]', then open the file again."),
            )
        return Foreign(
            label=text("Keras model"),
            what=text("'{name}' is a Keras model.", name=shown(path)),
        )

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        from core.convert._keras import load, written_by
        from core.convert._torch_onnx import write

        stage(text("Loading the Keras model"))
        loaded, sizes = load(Path(task.source))
        converted = write(loaded, task.inputs or sizes, task, stage)
        return msgspec.structs.replace(converted, written_by=written_by(Path(task.source)))


def is_hdf5(path: Path) -> bool:
    """Whether the file is no archive but one of HDF5, as Keras wrote before it had its own."""
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5


def check_config(config: Any, path: Path) -> None:
    """Raises UnsafeFileError for code of its own, UnsupportedModelError for classes not of Keras."""
    for entry in _entries(config):
        kind, module = entry.get("class_name"), entry.get("module")
        if isinstance(kind, str) and kind.split(">")[-1] in _CODE:
            raise UnsafeFileError(
                text(
                    "'{name}' has a layer that carries code of its own ({kind}).",
                    name=shown(path),
                    kind=clean(kind),
                ),
                text("Such code would run the moment the file is opened; nothing of it has run."),
                text(
                    "Where it was made, put a layer of Keras in its place, or write the model with "
                    "model.export('model.onnx', format='onnx') and open that file."
                ),
            )
        if _is_foreign(entry):
            raise UnsupportedModelError(
                text(
                    "'{name}' needs the class '{kind}', which is not part of Keras.",
                    name=shown(path),
                    kind=clean(f"{module}.{kind}" if module else str(kind)),
                ),
                text("The file names the class but does not hold it."),
                text(
                    "In Python, load it with Keras and write it with "
                    "model.export('model.onnx', format='onnx')."
                ),
            )


def _is_foreign(entry: dict[str, Any]) -> bool:
    """Whether it names a class of a package that is not Keras, or one that its maker registered."""
    module, registered = entry.get("module"), entry.get("registered_name")
    if isinstance(module, str) and module:
        return module.split(".")[0] not in _OWN_PACKAGES
    return isinstance(registered, str) and bool(registered) and entry.get("class_name") != "function"


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in it, at any depth."""
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _check_hdf5(path: Path) -> None:
    """An HDF5 file of Keras has the model's description in it; nothing else of it is read here."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        described = whole.find(b"model_config") >= 0
        # of Keras 2, and of Keras 3: there each layer has a group of variables
        weights = whole.find(b"layer_names") >= 0 or (whole.find(b"layers") >= 0 and whole.find(b"vars") >= 0)
    if not described and not weights:
        raise UnsupportedModelError(
            text("'{name}' is an HDF5 file, but no Keras model.", name=shown(path)),
            text("HDF5 holds arrays of any kind; this one has no description of a network."),
            text("Choose the file that model.save('model.keras') wrote."),
        )
    if not described:
        raise OpenError(
            text("'{name}' holds weights without an architecture.", name=shown(path)),
            text("It was written with save_weights, which leaves the layers out."),
            text("Where it was made, write the whole model with model.save('model.keras')."),
        )


def filled(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """The sizes that the model leaves open, guessed: one sample, a usual picture, a short sequence."""
    picture = len(shape) == 4
    return tuple(
        size if size is not None else 1 if not place else PICTURE if picture else SEQUENCE
        for place, size in enumerate(shape)
    )


def input_size(shape: tuple[int | None, ...], dtype: str) -> InputSize:
    return InputSize(filled(shape), "float32" if dtype == "string" else dtype)


CONVERTERS.add(
    Described(
        name="keras",
        label=text("Keras model (.keras, .h5)"),
        help=text("A whole model, as model.save writes it; needs the extra 'keras'."),
    ),
    KerasModel(),
)
