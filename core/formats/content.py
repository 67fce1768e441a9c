"""Recognise a file by its first bytes, and say what it is if it is no ONNX model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from core.errors import OpenError, UnsupportedModelError
from core.formats.other_makers import other_maker, refusal
from core.formats.safety import HEAD_BYTES, saved_model, shown
from core.values import Text, text

LFS_POINTER = b"version https://git-lfs.github.com/spec/"

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def may_be_a_model(path: Path, head: bytes) -> bool:
    """Whether this start of a file is neither text nor of a well-known other kind."""
    return (
        not _is_saved_model(path, head)
        and other_maker(path, head, by_name=False) is None
        and _kind(head) is None
        and not _is_text(head)
        and not _is_html(head)
    )


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
    if _is_saved_model(path, head):
        return saved_model(path)
    other = other_maker(path, head)
    if other is not None:
        return refusal(other, path)
    kind = _kind(head)
    if kind is not None:
        return UnsupportedModelError(
            msgspec.structs.replace(kind, params={"name": name}),
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


def _kind(head: bytes) -> Text | None:
    return next((kind for recognised, kind in _KINDS if recognised(head)), None)


def _route(head: bytes) -> Text:
    """How to get from that kind of file to ONNX."""
    if head.startswith(_ZIP) and any(name in head for name in (b"model.weights.h5", b"config.json")):
        return text(
            "In Python, load it with Keras and write it with model.export('model.onnx', format='onnx')."
        )
    if head.startswith(_ZIP) and any(
        name in head for name in (b".pkl", b"/byteorder", b"archive_format", b"archived_model")
    ):
        return text(
            "In Python, load the model and write it with torch.onnx.export(...), then open that file."
        )
    if _is_pickle(head):
        return text(
            "In Python, load the model and write it with torch.onnx.export(...), then open that file."
        )
    if head.startswith(_HDF5):
        return text(
            "In Python, load it with Keras and write it with model.export('model.onnx', format='onnx')."
        )
    if head[4:8] == b"TFL3":
        return text("Convert it with 'python -m tf2onnx.convert --tflite FILE --output model.onnx'.")
    if head[:2] in (b"PK", b"\x1f\x8b", b"7z") or head[257:262] == b"ustar":
        return text("Unpack it, then open the model or the folder of samples that is inside.")
    return text("Export the model to ONNX and open that file.")


def _is_html(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith((b"<!--", b"<?xml")) and b"<html" in head.lower()
    )


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        # the cut may go through a character
        decoded = head[: len(head) - 4 if len(head) == HEAD_BYTES else None].decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f" for character in decoded)


def _is_saved_model(path: Path, head: bytes) -> bool:
    # version 1 and then its graphs; an ONNX file would say version 3 or higher
    return head.startswith(b"\x08\x01\x12") and path.suffix == ".pb"


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _is_safetensors(head: bytes) -> bool:
    starts = head[8:10] in (b'{"', b"{ ", b"{}")
    return starts and int.from_bytes(head[:8], "little") < 2**27


def _starts(*magic: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head[at:].startswith(magic)


def _zip_with(*names: bytes) -> Callable[[bytes], bool]:
    """A ZIP whose first entries have one of these in their names."""
    return lambda head: head.startswith(_ZIP) and any(name in head for name in names)


_KINDS: tuple[tuple[Callable[[bytes], bool], Text], ...] = (
    (
        _zip_with(b"archived_model", b"models/model.json", b"archive_format"),
        text("'{name}' is not an ONNX file but a PyTorch program (.pt2)."),
    ),
    (
        _zip_with(b"/constants.pkl", b"/code/"),
        text("'{name}' is not an ONNX file but a TorchScript program (.pt)."),
    ),
    (
        _zip_with(b"/data.pkl", b"/byteorder", b"/.format_version"),
        text("'{name}' is not an ONNX file but a PyTorch file (.pt or .pth)."),
    ),
    (
        _zip_with(b"model.weights.h5", b"metadata.json", b"config.json"),
        text("'{name}' is not an ONNX file but a Keras model (.keras)."),
    ),
    (_zip_with(b".npy"), text("'{name}' is not an ONNX file but a NumPy archive (.npz).")),
    (_starts(_ZIP, b"PK\x05\x06"), text("'{name}' is not an ONNX file but a ZIP archive.")),
    (_starts(_HDF5), text("'{name}' is not an ONNX file but an HDF5 file, such as Keras writes (.h5).")),
    (_starts(b"TFL3", at=4), text("'{name}' is not an ONNX file but a TensorFlow Lite model (.tflite).")),
    (_starts(b"ORTM", at=4), text("'{name}' is not an ONNX file but in onnxruntime's own format (.ort).")),
    (_starts(b"GGUF"), text("'{name}' is not an ONNX file but a GGUF language model.")),
    (_is_pickle, text("'{name}' is not an ONNX file but a Python pickle, as older PyTorch files are.")),
    (
        _is_safetensors,
        text("'{name}' is not an ONNX file but a safetensors file: weights without an architecture."),
    ),
    (_starts(b"\x93NUMPY"), text("'{name}' is not an ONNX file but a NumPy array (.npy).")),
    (_starts(b"\x1f\x8b"), text("'{name}' is not an ONNX file but a gzip archive.")),
    (_starts(b"7z\xbc\xaf\x27\x1c"), text("'{name}' is not an ONNX file but a 7z archive.")),
    (_starts(b"ustar", at=257), text("'{name}' is not an ONNX file but a tar archive.")),
    (
        _starts(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"),
        text("'{name}' is not an ONNX file but a picture."),
    ),
    (_starts(b"%PDF-"), text("'{name}' is not an ONNX file but a PDF document.")),
    (_starts(b"\x7fELF", b"MZ"), text("'{name}' is not an ONNX file but a program.")),
    (_starts(b"SQLite format 3\0"), text("'{name}' is not an ONNX file but a database.")),
)
