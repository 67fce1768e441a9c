"""Check where an ONNX file says its external weights are, before anything reads them.

A model is data from a stranger; its external paths could point at any file of this computer.
Allowed is only an ordinary file beside or below the model, reached without links, that holds the
stretch asked for. Related: CVE-2024-5187, CVE-2026-34445 to 34447 in onnx.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import onnx

from core.errors import OpenError, UnsafeFileError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import Text, text

_DRIVE = re.compile(r"^[A-Za-z]:")
_NUMBER = re.compile(r"[0-9]{1,19}")


def check_tensor(tensor: onnx.TensorProto, model: Path, expected: int | None) -> tuple[Path, int]:
    """Return (file, bytes read from it) of an external tensor.

    `expected`: bytes that its shape and type ask for, None for packed or odd types.
    Raises UnsafeFileError for what should never be read, OpenError for a missing or short file.
    """
    name = clean(tensor.name)
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = _resolve(location, model, name)
    offset = _number(entries.get("offset", "0"), "offset", name)
    stated = entries.get("length")
    length = _number(stated, "length", name) if stated not in (None, "") else None
    if expected is not None and length is not None and length != expected:
        raise OpenError(
            text(
                "Tensor '{tensor}' has {found} bytes, its shape needs {expected}.",
                tensor=name,
                found=length,
                expected=expected,
            ),
            text("The model file contradicts itself; it is damaged or was not written correctly."),
            text("Export the model again."),
        )
    wanted = length if length is not None else (expected or 0)
    size = _regular_file(file, location, model, name, offset + wanted)
    if offset + wanted > size:
        raise OpenError(
            text(
                "The weights file '{file}' is too short: {found} bytes, {expected} are needed.",
                file=clean(location),
                found=size,
                expected=offset + wanted,
            ),
            text("Most likely its download or copy was interrupted, or it belongs to another model."),
            text("Get both files again and keep them in the same folder."),
        )
    return file, wanted


def _refuse(tensor: str, location: str, reason: Text) -> UnsafeFileError:
    return UnsafeFileError(
        text(
            "Refused to read the weights of tensor '{tensor}' from '{location}'.",
            tensor=tensor,
            location=clean(location),
        ),
        reason,
        text("If you trust the model, ask for a copy with the weights in an ordinary file beside it."),
    )


def _resolve(location: str, model: Path, tensor: str) -> Path:
    """The path of a plain relative location. Says no before the file system is asked."""
    unsafe = text("The path leads outside the model's own folder.")
    if not location:
        raise _refuse(tensor, location, text("The model names no file for it."))
    if "_ORT_MEM_ADDR_" in location:
        raise _refuse(tensor, location, text("It is not a file but an address in memory."))
    if "\0" in location or "\\" in location or any(ord(ch) < 32 for ch in location):
        raise _refuse(tensor, location, text("The path holds characters that do not belong into one."))
    if location.startswith("/") or _DRIVE.match(location) or "://" in location:
        raise _refuse(tensor, location, unsafe)
    parts = location.split("/")
    if ".." in parts:
        raise _refuse(tensor, location, unsafe)
    kept = [part for part in parts if part not in ("", ".")]
    if not kept:
        raise _refuse(tensor, location, text("The model names no file for it."))
    return model.parent.joinpath(*kept)


def _number(written: str, what: str, tensor: str) -> int:
    if not _NUMBER.fullmatch(written) or int(written) > 2**62:
        raise UnsafeFileError(
            text(
                "Tensor '{tensor}' has an impossible {what}: '{value}'.",
                tensor=tensor,
                what=what,
                value=clean(written),
            ),
            text("It should be a number within the weights file; the file is damaged or made to do harm."),
            text("Export the model again, or get it from a source that you trust."),
        )
    return int(written)


def _regular_file(file: Path, location: str, model: Path, tensor: str, wanted: int) -> int:
    """Size of the file. Every step below the model's folder must be a real folder, the file a plain one."""
    step = model.parent
    facts: os.stat_result | None = None
    try:
        for part in file.relative_to(model.parent).parts:
            step = step / part
            facts = os.lstat(step)
            if stat.S_ISLNK(facts.st_mode):
                raise _refuse(tensor, location, text("It is a symbolic link, which can point anywhere."))
    except (FileNotFoundError, NotADirectoryError):
        raise OpenError(
            text(
                "The weights file '{file}' is missing: {expected} bytes were expected, there are 0.",
                file=clean(location),
                expected=wanted,
            ),
            text(
                "'{name}' keeps its weights in that file; both belong into the same folder.",
                name=shown(model),
            ),
            text("Copy '{file}' beside the model, or export the model as one file.", file=clean(location)),
        ) from None
    except OSError as error:
        raise _refuse(
            tensor, location, text("The system says: {reason}.", reason=error.strerror or str(error))
        ) from None
    assert facts is not None
    if not stat.S_ISREG(facts.st_mode):
        raise _refuse(tensor, location, text("It is a folder, a pipe or a device, not an ordinary file."))
    if facts.st_nlink > 1:
        raise _refuse(tensor, location, text("It is a hard link: the same file has another name elsewhere."))
    return facts.st_size
