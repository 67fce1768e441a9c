"""What goes into a TorchScript program, read from its archive as text and data: nothing of it runs."""

from __future__ import annotations

import ast
import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from core.convert._pickles import read_pickle
from core.convert.architecture import forward_of, required
from core.errors import OpenError
from core.graph.labels import clean
from core.values import InputSize
from core.values.origin import INPUT_TYPES

_TRACED = "traced_inputs.pkl"
_ROOT = "__torch__."
_CODE_LIMIT_BYTES = 8 << 20


def traced_inputs(path: Path) -> tuple[InputSize, ...]:
    """Sizes of the inputs with which the program was traced, of `forward`; () where none are kept."""
    with contextlib.suppress(OpenError):
        tensors = read_pickle(path, _TRACED).tensors
        found = [one for one in tensors if one.name.split(".")[0] == "forward"]
        # inputs within lists or tuples have longer names: those have no size that can be given
        plain = all(one.name.count(".") == 1 and one.dtype in INPUT_TYPES and one.shape for one in found)
        if plain and all(min(one.shape) > 0 for one in found):
            return tuple(InputSize(one.shape, one.dtype) for one in found)
    return ()


def forward_inputs(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """What the program must be given, by name; () where its code cannot be read.

    `names`: of the classes that its pickle names, the program's own first.
    """
    whole = next((name for name in names if name.startswith(_ROOT)), "")
    module, _, own = whole.rpartition(".")
    with contextlib.suppress(OSError, KeyError, ValueError, SyntaxError, RecursionError, zipfile.BadZipFile):
        with zipfile.ZipFile(path) as archive:
            ending = f"/code/{module.replace('.', '/')}.py"
            entry = next((one for one in archive.infolist() if one.filename.endswith(ending)), None)
            if entry is None or entry.file_size > _CODE_LIMIT_BYTES:
                return ()
            with archive.open(entry) as file:
                tree = ast.parse(file.read(_CODE_LIMIT_BYTES))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == own:
                forward = forward_of(node)
                return tuple(clean(name) for name in required(forward)) if forward is not None else ()
    return ()
