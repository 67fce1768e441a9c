"""Checks on a model file before native code parses it: what kind of file it is, and whether it is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import OpenError, UnsafeFileError, UnsupportedModelError
from core.formats.other_makers import other_maker, refusal
from core.graph.labels import clean
from core.values import text

HEAD_BYTES = 4096


def check_file(path: Path) -> os.stat_result:
    """Raise OpenError or UnsafeFileError unless `path` is a plain file with something in it. Never blocks."""
    name = shown(path)
    try:
        facts = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise OpenError(
            text("There is no file '{name}'.", name=name),
            text("It may have been moved or renamed, or its drive is not connected."),
            text("Look for it and open it from its new place."),
        ) from None
    except (OSError, ValueError) as error:
        raise OpenError(
            text("The file '{name}' cannot be read.", name=name),
            text("The system says: {reason}.", reason=_reason(error)),
            text("Check the path and your permission to read it."),
        ) from error
    if stat.S_ISDIR(facts.st_mode):
        if os.path.exists(os.path.join(path, "saved_model.pb")):
            raise saved_model(path)
        other = other_maker(path, b"")
        if other is not None:
            raise refusal(other, path)
        raise OpenError(
            text("'{name}' is a folder, not a model file.", name=name),
            text("A model is opened from a single file."),
            text("Choose the .onnx file inside it, or export the model to ONNX."),
        )
    if not stat.S_ISREG(facts.st_mode):
        raise UnsafeFileError(
            text("'{name}' is not an ordinary file.", name=name),
            text("It is a pipe, a socket or a device; reading it could wait for ever."),
            text("Copy the model into an ordinary file and open that."),
        )
    if facts.st_size == 0:
        raise OpenError(
            text("The file '{name}' is empty.", name=name),
            text("It holds no model; most likely a download or a copy was interrupted."),
            text("Download or copy it again."),
        )
    return facts


def saved_model(path: Path) -> UnsupportedModelError:
    """The refusal of what TensorFlow wrote, with the way to ONNX."""
    return UnsupportedModelError(
        text("'{name}' is not an ONNX file but a TensorFlow SavedModel.", name=shown(path)),
        text("It needs TensorFlow, which Secateur does without."),
        text(
            "Where TensorFlow is installed, convert it with "
            "'python -m tf2onnx.convert --saved-model FOLDER --output model.onnx'."
        ),
    )


def read_head(path: Path) -> bytes:
    """Return the first 4 KiB. Raises OpenError if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> OpenError:
    return OpenError(
        text("The file '{name}' cannot be read.", name=shown(path)),
        text("The system says: {reason}.", reason=_reason(error)),
        text("Check the path and your permission to read it."),
    )


def shown(path: str | Path) -> str:
    """Return a file's name for a sentence: without folders, plain, not too long."""
    return clean(os.path.basename(os.fspath(path)) or os.fspath(path))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
