"""Checks on a model file before native code parses it: what kind of file it is, and whether it is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import OpenError, UnsafeFileError, UnsupportedModelError
from core.values import Text, text

HEAD_BYTES = 4096
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


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


def other_kind(head: bytes) -> Text | None:
    """Name the well-known kind of file that starts like this, None if it may be ONNX."""
    for recognised, kind in _KINDS:
        if recognised(head):
            return kind
    return None


def unrecognised(path: Path, head: bytes) -> OpenError:
    """Return the error for a file that no format recognises; it says what the file is instead."""
    name = shown(path)
    if head.startswith(LFS_POINTER):
        return OpenError(
            text("'{name}' is a Git-LFS pointer, not the model itself.", name=name),
            text(
                "The repository was copied without its large files; this note only says where the model is."
            ),
            text("Run 'git lfs pull' in the repository, or download the file itself from its page."),
        )
    if _is_html(head):
        return OpenError(
            text("'{name}' is not a valid ONNX file: it is a web page.", name=name),
            text("The download saved the page around the model instead of the model."),
            text("Open the link in a browser and use its download button."),
        )
    kind = other_kind(head)
    if kind is not None:
        return UnsupportedModelError(
            text(
                "'{name}' is not an ONNX file, whatever its name says: it is {kind}.",
                name=name,
                kind=str(kind),
            ),
            text("Secateur recognises files by their content and works on ONNX models."),
            _route(head),
        )
    if _is_text(head):
        return OpenError(
            text("'{name}' is not a valid ONNX file: it holds text.", name=name),
            text("An ONNX model is a binary file; this may be an error message that was saved as the model."),
            text("Open it in a text editor to see what it says, then download or export the model again."),
        )
    return OpenError(
        text("'{name}' is not a valid ONNX file.", name=name),
        text("Its content is of no kind of model that Secateur knows; it may be damaged."),
        text("Export the model to ONNX again, or choose another file."),
    )


def shown(path: str | Path) -> str:
    """Return a file's name for a sentence: without folders, plain, not too long."""
    from core.graph.labels import clean

    return clean(os.path.basename(os.fspath(path)) or os.fspath(path))


def is_text(head: bytes) -> bool:
    return _is_text(head) or _is_html(head)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _is_html(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith((b"<!--", b"<?xml")) and b"<html" in head.lower()
    )


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        decoded = head[: len(head) - 4 if len(head) == HEAD_BYTES else None].decode()
    except UnicodeDecodeError:
        return False
    return all(ch.isprintable() or ch in "\r\n\t\f" for ch in decoded)


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _is_safetensors(head: bytes) -> bool:
    return (
        len(head) > 9 and int.from_bytes(head[:8], "little") < 2**27 and head[8:10] in (b'{"', b"{ ", b"{}")
    )


def _zip_with(*names: bytes):  # type: ignore[no-untyped-def]
    return lambda head: head[:4] == b"PK\x03\x04" and any(name in head for name in names)


_KINDS = (
    (_zip_with(b"archived_model", b"models/model.json", b"archive_format"), text("a PyTorch program (.pt2)")),
    (_zip_with(b"/constants.pkl", b"/code/"), text("a TorchScript program (.pt)")),
    (_zip_with(b"/data.pkl", b"/byteorder", b"/.format_version"), text("a PyTorch file (.pt or .pth)")),
    (_zip_with(b"model.weights.h5", b"metadata.json", b"config.json"), text("a Keras model (.keras)")),
    (_zip_with(b".npy"), text("a NumPy archive (.npz)")),
    (lambda head: head[:4] in (b"PK\x03\x04", b"PK\x05\x06"), text("a ZIP archive")),
    (lambda head: head[:8] == b"\x89HDF\r\n\x1a\n", text("an HDF5 file, such as Keras writes (.h5)")),
    (lambda head: head[4:8] == b"TFL3", text("a TensorFlow Lite model (.tflite)")),
    (lambda head: head[4:8] == b"ORTM", text("a model in onnxruntime's own format (.ort)")),
    (lambda head: head[:4] == b"GGUF", text("a GGUF language model")),
    (_is_pickle, text("a Python pickle, such as older PyTorch files are")),
    (_is_safetensors, text("a safetensors file: weights without an architecture")),
    (lambda head: head[:6] == b"\x93NUMPY", text("a NumPy array (.npy)")),
    (lambda head: head[:2] == b"\x1f\x8b", text("a gzip archive")),
    (lambda head: head[:6] == b"7z\xbc\xaf\x27\x1c", text("a 7z archive")),
    (lambda head: head[257:262] == b"ustar", text("a tar archive")),
    (lambda head: head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff", text("a picture")),
    (lambda head: head[:5] == b"%PDF-", text("a PDF document")),
    (lambda head: head[:4] == b"\x7fELF" or head[:2] == b"MZ", text("a program")),
    (lambda head: head[:16] == b"SQLite format 3\x00", text("a database, such as a Secateur project")),
)


def _route(head: bytes) -> Text:
    """How to get from that kind of file to ONNX."""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        if any(name in head for name in (b".pkl", b"/byteorder", b"archived_model", b"models/model.json")):
            return text(
                "In Python, load the model and write it with torch.onnx.export(...), then open that file."
            )
        if any(name in head for name in (b"model.weights.h5", b"config.json")):
            return text(
                "In Python, load it with Keras and write it with model.export('model.onnx', format='onnx')."
            )
        return text("Unpack it and open the .onnx file inside.")
    if _is_pickle(head):
        return text(
            "In Python, load the model and write it with torch.onnx.export(...), then open that file."
        )
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return text(
            "In Python, load it with Keras and write it with model.export('model.onnx', format='onnx')."
        )
    if head[4:8] == b"TFL3":
        return text("Convert it with 'python -m tf2onnx.convert --tflite FILE --output model.onnx'.")
    if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar" or head[:2] == b"7z":
        return text("Unpack it and open the .onnx file inside.")
    return text("Export the model to ONNX and open that file.")
